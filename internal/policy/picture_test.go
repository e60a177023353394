package policy

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/fault"
)

// pngOf is a white picture.
func pngOf(width, height int) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, width, height))); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func jpegOf(width, height int) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, height)), nil); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// pngWith is a picture with one more chunk behind its header.
func pngWith(name string, data []byte) []byte {
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	chunk = append(append(chunk, name...), data...)
	chunk = binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:]))
	return slices.Insert(pngOf(3, 2), 8+25, chunk...)
}

func unbase64(text string) []byte {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return b
}

// Pictures of 3 by 2 pixels that a browser has made: a key frame of VP8, VP8L, and alpha of its own with its key frame.
var (
	vp8    = riff("VP8 ", unbase64("kAEAnQEqAwACAALATCWgAnS6AAOYAP7tzt/+Zo/kj9Aug/9amRj5FwAA"))
	vp8l   = riff("VP8L", unbase64("LwJAAAAHUKd2FLv/gYjofwA="))
	alpha  = riff("ALPH", unbase64("AICAAICAAA=="))
	behind = riff("VP8 ", unbase64("cAEAnQEqAwACAALATCWQAnQBQAAA/u3O3V5nj0//BMPtu98f/gl93W2/6K5AAA=="))
)

// riff is a chunk.
func riff(name string, data []byte) []byte {
	b := append([]byte(name), binary.LittleEndian.AppendUint32(nil, uint32(len(data)))...)
	if b = append(b, data...); len(data)%2 == 1 {
		b = append(b, 0)
	}
	return b
}

// webpOf is a file of chunks.
func webpOf(chunks ...[]byte) []byte {
	return riff("RIFF", append([]byte("WEBP"), slices.Concat(chunks...)...))
}

// extended is the header of a file whose canvas is so large.
func extended(flags byte, width, height int) []byte {
	w, h := width-1, height-1
	return riff("VP8X", []byte{flags, 0, 0, 0, byte(w), byte(w >> 8), byte(w >> 16), byte(h), byte(h >> 8), byte(h >> 16)})
}

// vp8lOf is the header of a lossless picture.
func vp8lOf(width, height int) []byte {
	return riff("VP8L", append(binary.LittleEndian.AppendUint32([]byte{0x2f}, uint32(width-1)|uint32(height-1)<<14), 0, 0, 0))
}

func vp8Of(width, height int) []byte {
	b := slices.Clone(vp8[8:])
	binary.LittleEndian.PutUint16(b[6:], uint16(width))
	binary.LittleEndian.PutUint16(b[8:], uint16(height))
	return riff("VP8 ", b)
}

func TestRA_66_a_logo_is_a_whole_still_picture_of_a_size_that_pages_show(t *testing.T) {
	t.Parallel()
	const moves, broken, large = "stands still", "broken", "2000 pixels"
	apng := pngWith("acTL", make([]byte, 8))
	damaged := pngOf(3, 2)
	damaged[len(damaged)-20] ^= 1
	for name, c := range map[string]struct {
		picture []byte
		says    string
	}{
		"png": {pngOf(3, 2), ""}, "png at the limit": {pngOf(2000, 2000), ""}, "png too wide": {pngOf(2001, 1), large}, "png too high": {pngOf(1, 2001), large},
		"png with words": {pngWith("tEXt", []byte("Comment\x00Acme")), ""}, "png that moves": {apng, moves}, "png with a wrong sum": {damaged, broken},
		"png without pixels": {slices.Delete(pngOf(3, 2), 33, len(pngOf(3, 2))-12), broken}, "png and more": {append(pngOf(3, 2), "<script>"...), broken},
		"the sign of a png": {[]byte("\x89PNG\r\n\x1a\n and more"), broken}, "png of no size": {slices.Concat(pngOf(3, 2)[:16], make([]byte, 8), pngOf(3, 2)[24:]), broken},
		"jpeg": {jpegOf(3, 2), ""}, "jpeg at the limit": {jpegOf(2000, 1), ""}, "jpeg too wide": {jpegOf(2001, 1), large}, "jpeg and zeros": {append(jpegOf(3, 2), 0, 0), ""},
		"the sign of a jpeg": {[]byte("\xff\xd8\xff\xe0 and more"), broken}, "jpeg and more": {append(jpegOf(3, 2), "<script>"...), broken},
		"webp": {webpOf(vp8), ""}, "lossless webp": {webpOf(vp8l), ""}, "webp with more in its header": {webpOf(extended(0x20, 3, 2), riff("ICCP", make([]byte, 5)), vp8), ""},
		"webp with alpha": {webpOf(extended(0x10, 3, 2), alpha, behind), ""}, "webp that moves": {webpOf(extended(0x02, 3, 2), riff("ANIM", make([]byte, 6))), moves},
		"webp that does not say that it moves": {webpOf(extended(0, 3, 2), riff("ANMF", make([]byte, 24)), vp8), moves},
		"webp at the limit":                    {webpOf(vp8lOf(2000, 2000)), ""}, "webp too wide": {webpOf(vp8lOf(2001, 1)), large}, "webp too high": {webpOf(vp8Of(1, 2001)), large},
		"webp with a large canvas": {webpOf(extended(0, 1<<24, 2), vp8), broken}, "webp of no width": {webpOf(vp8Of(0, 2)), broken}, "webp with two pictures": {webpOf(vp8, vp8), broken},
		"webp without a picture": {webpOf(extended(0, 3, 2)), broken}, "webp of another kind": {webpOf(riff("VP9 ", vp8[8:])), broken}, "webp and more": {append(webpOf(vp8), 0), broken},
		"webp whose frame is no key": {webpOf(riff("VP8 ", slices.Concat([]byte{0x91}, vp8[9:]))), broken}, "webp of a later version": {webpOf(riff("VP8L", []byte{0x2f, 2, 0x40, 0, 0x20, 0, 0})), broken},
		"webp with two headers": {webpOf(extended(0, 3, 2), extended(0, 3, 2), vp8), broken}, "the sign of a webp": {[]byte("RIFF....WEBP"), broken},
	} {
		x := DefaultCustomisation()
		x.Brand.Logo, x.Brand.LogoType = c.picture, sniff(c.picture)
		err := x.Validate()
		if f := fault.As(err); (err == nil) != (c.says == "") || err != nil && (f.Code != "brand_logo_invalid" || f.Field != "brand.logo" || !strings.Contains(f.Message, c.says)) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// TestRA_66_a_logo_that_is_cut_off_is_broken cuts one of each kind at each place.
func TestRA_66_a_logo_that_is_cut_off_is_broken(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string][]byte{"png": pngWith("tEXt", []byte("a\x00b")), "jpeg": jpegOf(3, 2), "webp": webpOf(extended(0x10, 3, 2), alpha, behind), "vp8l": webpOf(vp8l)} {
		kind := sniff(whole)
		if _, err := measure(kind, whole); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range whole {
			if got, err := measure(kind, whole[:n]); err == nil {
				t.Errorf("%s cut at %d of %d is a picture of %v", name, n, len(whole), got)
			}
		}
	}
}

// FuzzPicture holds that what is taken for a picture has a size, and none without its last byte.
func FuzzPicture(f *testing.F) {
	for _, seed := range [][]byte{pngOf(3, 2), jpegOf(3, 2), webpOf(vp8), webpOf(vp8l), webpOf(extended(0x10, 3, 2), alpha, behind)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		kind := sniff(b)
		if kind == "none" {
			return
		}
		s, err := measure(kind, b)
		if err != nil {
			return
		}
		if s.width < 1 || s.height < 1 || s.width > 1<<31 || s.height > 1<<31 {
			t.Errorf("a picture of %v", s)
		}
		if kind != "image/jpeg" {
			if _, err := measure(kind, b[:len(b)-1]); err == nil {
				t.Error("it is whole without its last byte")
			}
		}
	})
}
