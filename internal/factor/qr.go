package factor

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// quiet is the margin around the symbol, in modules (ISO/IEC 18004 §6.3.8).
const quiet = 4

// matrix is a QR code as its modules, true for dark, without the margin.
type matrix [][]bool

func (u KeyURI) matrix() (matrix, error) {
	// Level M bears a scratched screen and still fits the longest URI into a symbol that a phone reads.
	code, err := qr.Encode(u.Reveal(), qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("encode a QR code of %d bytes: it does not fit", len(u.Reveal())) // the cause may quote the secret
	}
	b := code.Bounds()
	m := make(matrix, b.Dy())
	for y := range m {
		m[y] = make([]bool, b.Dx())
		for x := range m[y] {
			r, _, _, _ := code.At(b.Min.X+x, b.Min.Y+y).RGBA()
			m[y][x] = r == 0
		}
	}
	return m, nil
}

// SVG draws the QR code of the URI, one unit for each module, sharp at any size. It holds no text and no script.
func (u KeyURI) SVG() ([]byte, error) {
	m, err := u.matrix()
	if err != nil {
		return nil, err
	}
	size := len(m) + 2*quiet
	var path strings.Builder
	for y, row := range m {
		for x := 0; x < len(row); x++ {
			run := 0
			for x+run < len(row) && row[x+run] {
				run++
			}
			if run > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", x+quiet, y+quiet, run, run)
				x += run
			}
		}
	}
	return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" shape-rendering="crispEdges" role="img">`+
		`<path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path fill="#000" d="%[2]s"/></svg>`, size, path.String()), nil
}

// PNG draws the QR code of the URI in black and white, scale pixels for each module, 1 to 32.
func (u KeyURI) PNG(scale int) ([]byte, error) {
	m, err := u.matrix()
	if err != nil {
		return nil, err
	}
	scale = max(1, min(scale, 32))
	size := (len(m) + 2*quiet) * scale
	img := image.NewPaletted(image.Rect(0, 0, size, size), color.Palette{color.White, color.Black})
	for y, row := range m {
		for x, dark := range row {
			if !dark {
				continue
			}
			for i := range scale {
				from := img.PixOffset((x+quiet)*scale, (y+quiet)*scale+i)
				for p := range scale {
					img.Pix[from+p] = 1
				}
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		return nil, fmt.Errorf("write a QR code: %w", err)
	}
	return out.Bytes(), nil
}
