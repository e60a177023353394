package factor

import (
	"bytes"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func longest() KeyURI {
	return Config{Algorithm: SHA512, Step: 60 * time.Second, Digits: 8}.URI(secretOf(make([]byte, maxSecretSize)),
		strings.Repeat("株", maxName), strings.Repeat("ü", maxName))
}

// modules reads an SVG back.
func modules(t *testing.T, svg []byte) (size int, dark map[[2]int]bool) {
	t.Helper()
	m := regexp.MustCompile(`viewBox="0 0 (\d+) (\d+)"`).FindSubmatch(svg)
	if m == nil || !bytes.Equal(m[1], m[2]) {
		t.Fatalf("no square: %.200s", svg)
	}
	size, _ = strconv.Atoi(string(m[1]))
	dark = map[[2]int]bool{}
	_, path, _ := strings.Cut(string(svg), `fill="#000" d="`)
	for _, run := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`).FindAllStringSubmatch(path, -1) {
		x, _ := strconv.Atoi(run[1])
		y, _ := strconv.Atoi(run[2])
		width, _ := strconv.Atoi(run[3])
		if run[3] != run[4] {
			t.Errorf("an open path: %s", run[0])
		}
		for i := range width {
			dark[[2]int{x + i, y}] = true
		}
	}
	return size, dark
}

func TestQR_SVG_and_PNG_show_the_same_modules_with_a_quiet_zone(t *testing.T) {
	t.Parallel()
	for name, u := range map[string]KeyURI{"usual": DefaultConfig().URI(NewSecret(), "Acme", "ann@example.com"), "longest": longest()} {
		svg, err := u.SVG()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		size, dark := modules(t, svg)
		if (size-2*quiet-17)%4 != 0 {
			t.Errorf("%s: %d modules are no QR code (ISO/IEC 18004: 17 + 4 for each version)", name, size-2*quiet)
		}
		// The finder pattern of the first corner: a dark ring of seven by seven, a light one, a dark core of three by three.
		for y := range 7 {
			for x := range 7 {
				ring := min(x, y, 6-x, 6-y)
				if dark[[2]int{quiet + x, quiet + y}] != (ring != 1) {
					t.Errorf("%s: the finder pattern is broken at %d,%d", name, x, y)
				}
			}
		}
		const scale = 3
		text, err := u.PNG(scale)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if img.Bounds().Dx() != size*scale || img.Bounds().Dy() != size*scale {
			t.Fatalf("%s: %v, want %d pixels", name, img.Bounds(), size*scale)
		}
		for y := range size * scale {
			for x := range size * scale {
				r, _, _, _ := img.At(x, y).RGBA()
				is := dark[[2]int{x / scale, y / scale}]
				if margin := min(x, y, size*scale-1-x, size*scale-1-y) < quiet*scale; (r == 0) != is || margin && is {
					t.Fatalf("%s: pixel %d,%d differs from the SVG, or the margin is not quiet", name, x, y)
				}
			}
		}
	}
}

func TestQR_an_SVG_is_well_formed_and_holds_nothing_but_shapes(t *testing.T) {
	t.Parallel()
	u := DefaultConfig().URI(NewSecret(), `<script>alert(1)</script>`, `"&'>`)
	svg, err := u.SVG()
	if err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			if n := token.Name.Local; n != "svg" && n != "path" {
				t.Errorf("element %s", n)
			}
		case xml.CharData:
			t.Errorf("text %q", token)
		}
	}
}

func TestSEC_39_a_URI_that_no_QR_code_holds_is_not_quoted_in_the_error(t *testing.T) {
	t.Parallel()
	text := "otpauth://totp/" + strings.Repeat("x", 4000)
	_, err := KeyURI{text: &text}.SVG()
	if err == nil || strings.Contains(err.Error(), "xxx") {
		t.Errorf("error %.80v", err)
	}
	if _, err := (KeyURI{text: &text}).PNG(4); err == nil {
		t.Error("no error")
	}
}
