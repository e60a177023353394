package policy

import (
	"math"
	"strconv"
)

// MinContrast is the least ratio between a brand's two colours (WCAG 2.2 §1.4.3).
const MinContrast = 4.5

// readable refuses colours that can't be told apart. Either both are given or none.
func (b *Brand) readable() error {
	if b.Accent == "" && b.Background == "" {
		return nil
	}
	x, ok := luminance(b.Accent)
	if !ok {
		return wrong("brand.accent", "Give both colours, each as # and six hex digits.")
	}
	y, ok := luminance(b.Background)
	if !ok {
		return wrong("brand.background", "Give both colours, each as # and six hex digits.")
	}
	if contrast(x, y) < MinContrast {
		return wrong("brand.accent", "Choose an accent and a background with a contrast of 4.5 to 1 at least.")
	}
	return nil
}

// Contrast is the ratio between two colours of the form #rrggbb, 1..21; 0 when one is none.
func Contrast(a, b string) float64 {
	x, xok := luminance(a)
	y, yok := luminance(b)
	if !xok || !yok {
		return 0
	}
	return contrast(x, y)
}

func contrast(x, y float64) float64 { return (math.Max(x, y) + 0.05) / (math.Min(x, y) + 0.05) }

// luminance is the relative luminance of a colour (WCAG 2.2, definition of relative luminance).
func luminance(c string) (float64, bool) {
	if len(c) != 7 || c[0] != '#' {
		return 0, false
	}
	n, err := strconv.ParseUint(c[1:], 16, 32)
	if err != nil {
		return 0, false
	}
	part := func(shift uint) float64 {
		v := float64(n>>shift&0xff) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*part(16) + 0.7152*part(8) + 0.0722*part(0), true
}
