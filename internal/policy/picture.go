package policy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image/jpeg"
	"image/png"
	"strings"

	"github.com/countersign/countersign/internal/fault"
)

// MaxLogoSide is how many pixels a logo may have on a side: more than any page shows, and little enough for any telephone.
const MaxLogoSide = 2000

// What is wrong with a picture. They do not leave the package.
var (
	errBroken   = errors.New("the picture is broken")
	errAnimated = errors.New("the picture moves")
)

// size is that of a picture in pixels.
type size struct{ width, height int }

// measure reads the size of a picture of a type that sniff names. It follows the file from its beginning to its end, without making the
// pixels: what is cut off, does not hang together or moves is refused; what is wrong within the pixels is not seen.
func measure(kind string, picture []byte) (size, error) {
	switch kind {
	case "image/png":
		return measurePNG(picture)
	case "image/jpeg":
		return measureJPEG(picture)
	}
	return measureWebP(picture)
}

// measurePNG looks at each chunk (PNG, third edition, §5.3 and §11.3.6: acTL is what makes it move).
func measurePNG(b []byte) (size, error) {
	head, err := png.DecodeConfig(bytes.NewReader(b))
	if err != nil {
		return size{}, errBroken
	}
	pixels := false
	for rest := b[8:]; len(rest) >= 12; {
		n := int64(binary.BigEndian.Uint32(rest))
		if n > int64(len(rest)-12) {
			return size{}, errBroken
		}
		chunk := rest[4 : 8+n] // its type and its data
		if crc32.ChecksumIEEE(chunk) != binary.BigEndian.Uint32(rest[8+n:]) {
			return size{}, errBroken
		}
		rest = rest[12+n:]
		switch string(chunk[:4]) {
		case "acTL":
			return size{}, errAnimated
		case "IDAT":
			pixels = true
		case "IEND":
			if !pixels || len(rest) > 0 {
				return size{}, errBroken
			}
			return size{head.Width, head.Height}, nil
		}
	}
	return size{}, errBroken
}

// measureJPEG looks for the end of the picture behind its header (ITU T.81 §B.1: FF D9).
func measureJPEG(b []byte) (size, error) {
	head, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil || !bytes.HasSuffix(bytes.TrimRight(b, "\x00"), []byte{0xff, 0xd9}) {
		return size{}, errBroken
	}
	return size{head.Width, head.Height}, nil
}

// measureWebP looks at each chunk of the file (RFC 9649 §2.3 to §2.7). One with an extended header says there whether it moves, and holds
// the picture in a later chunk.
func measureWebP(b []byte) (canvas size, err error) {
	if len(b) < 12 || int64(binary.LittleEndian.Uint32(b[4:]))+8 != int64(len(b)) {
		return size{}, errBroken
	}
	extended, still := false, false
	for first, rest := true, b[12:]; len(rest) > 0; first = false {
		name, data, after, ok := webpChunk(rest)
		if !ok {
			return size{}, errBroken
		}
		rest = after
		switch {
		case name == "VP8X" && first && len(data) == 10:
			if data[0]&0x02 != 0 {
				return size{}, errAnimated
			}
			extended, canvas = true, size{1 + uint24(data[4:]), 1 + uint24(data[7:])}
		case name == "ANIM" || name == "ANMF":
			return size{}, errAnimated
		case (name == "VP8 " || name == "VP8L") && !still && (first || extended):
			frame, ok := webpFrame(name, data)
			if !ok || extended && frame != canvas {
				return size{}, errBroken
			}
			canvas, still = frame, true
		case first || name == "VP8X" || name == "VP8 " || name == "VP8L":
			return size{}, errBroken
		}
	}
	if !still {
		return size{}, errBroken
	}
	return canvas, nil
}

// webpChunk cuts the first chunk off: a name, a length, the data, and a byte more where the length is odd.
func webpChunk(b []byte) (name string, data, rest []byte, ok bool) {
	if len(b) < 8 {
		return "", nil, nil, false
	}
	n := int64(binary.LittleEndian.Uint32(b[4:]))
	end := 8 + n + n&1
	if end > int64(len(b)) {
		return "", nil, nil, false
	}
	return string(b[:4]), b[8 : 8+n], b[end:], true
}

// webpFrame reads the size of one picture: of a key frame of VP8 (RFC 6386 §9.1), or of VP8L (RFC 9649 §3.4).
func webpFrame(name string, b []byte) (size, bool) {
	var s size
	switch {
	case name == "VP8 " && len(b) > 10 && b[0]&1 == 0 && string(b[3:6]) == "\x9d\x01\x2a":
		s = size{int(binary.LittleEndian.Uint16(b[6:]) & 0x3fff), int(binary.LittleEndian.Uint16(b[8:]) & 0x3fff)}
	case name == "VP8L" && len(b) > 5 && b[0] == 0x2f && b[4]>>5 == 0:
		bits := int(binary.LittleEndian.Uint32(b[1:]))
		s = size{1 + bits&0x3fff, 1 + bits>>14&0x3fff}
	}
	return s, s.width > 0 && s.height > 0
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// sniff names the picture formats that are let through.
func sniff(b []byte) string {
	s := string(b[:min(len(b), 12)])
	switch {
	case strings.HasPrefix(s, "\x89PNG\r\n\x1a\n"):
		return "image/png"
	case strings.HasPrefix(s, "\xff\xd8\xff"):
		return "image/jpeg"
	case strings.HasPrefix(s, "RIFF") && strings.HasSuffix(s, "WEBP"):
		return "image/webp"
	}
	return "none"
}

// LogoFault says why the logo would not be taken today; "" when it would, or when there is none.
func (b *Brand) LogoFault() string {
	if err := b.checkLogo(); err != nil {
		return fault.As(err).Message
	}
	return ""
}

// checkLogo is the one place where a logo is looked at, whichever way it came.
func (b *Brand) checkLogo() error {
	const field = "brand.logo"
	switch {
	case len(b.Logo) > MaxLogo || (len(b.Logo) == 0) != (b.LogoType == ""):
		return wrong(field, "Give a picture of at most 64 KiB together with its type.")
	case len(b.Logo) == 0:
		return nil
	case sniff(b.Logo) != b.LogoType:
		return wrong(field, "Give a PNG, JPEG or WebP picture, and its type as image/png, image/jpeg or image/webp.")
	}
	s, err := measure(b.LogoType, b.Logo)
	switch {
	case errors.Is(err, errAnimated):
		return wrong(field, "Give a picture that stands still.")
	case err != nil:
		return wrong(field, "This picture is broken, or a part of it is missing. Save it once more in its program, and give that file.")
	case s.width > MaxLogoSide || s.height > MaxLogoSide:
		return wrong(field, "Give a picture of at most 2000 pixels on each side.")
	}
	return nil
}
