package hosted

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/web"
)

// A firm's colours are a style sheet of their own, since nothing may stand inline. Its name holds both colours and a hash
// of what is in it, so that it can be made again from its name alone: no row, no cookie, kept for good by browsers.
//
//	/v/brand/0b6e4f-f4f1ea.3fb07a2c91de.css
const brandPrefix = "/v/brand/"

// The colours that the style sheet has by itself; a firm with one colour gets the other from here.
const (
	defaultAccent     = "#1d4ed8"
	defaultBackground = "#f3f4f7"
	lightSurface      = "#ffffff"
	darkSurface       = "#181c23" // --surface of the dark set
	lightInk          = "#14171c"
	enough            = 4.5 // WCAG 2.2, 1.4.3
)

// colour is red, green and blue from 0 to 1.
type colour [3]float64

// parseColour reads #rrggbb.
func parseColour(s string) (colour, error) {
	hexed, ok := strings.CutPrefix(s, "#")
	n, err := strconv.ParseUint(hexed, 16, 32)
	if !ok || len(hexed) != 6 || err != nil {
		return colour{}, fmt.Errorf("a colour is # and six hexadecimal digits")
	}
	return colour{float64(n>>16) / 255, float64(n>>8&255) / 255, float64(n&255) / 255}, nil
}

func (c colour) String() string {
	var n [3]int
	for i, v := range c {
		n[i] = int(math.Round(v * 255))
	}
	return fmt.Sprintf("#%02x%02x%02x", n[0], n[1], n[2])
}

// luminance is the relative luminance of WCAG 2.2.
func (c colour) luminance() float64 {
	var l [3]float64
	for i, v := range c {
		if v <= 0.04045 {
			l[i] = v / 12.92
		} else {
			l[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}

// contrast is the ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b colour) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// mix goes from c towards to by a share from 0 to 1.
func (c colour) mix(to colour, share float64) colour {
	for i := range c {
		c[i] += (to[i] - c[i]) * share
	}
	return c
}

var white, black = colour{1, 1, 1}, colour{}

// on is what can be read on c: white, unless dark ink is far better. One of the two always reaches 4.5.
func (c colour) on() colour {
	if contrast(c, white) >= enough {
		return white
	}
	return black
}

// readableOn moves c away from the surface until it can be read on it.
func (c colour) readableOn(surface colour) colour {
	away := black
	if contrast(surface, white) > contrast(surface, black) {
		away = white
	}
	for share := 0.0; share < 1; share += 0.02 {
		if m := c.mix(away, share); contrast(m.rounded(), surface) >= enough {
			return m.rounded()
		}
	}
	return away
}

// rounded is c as a style sheet can tell it.
func (c colour) rounded() colour {
	for i, v := range c {
		c[i] = math.Round(v*255) / 255
	}
	return c
}

// must reads a colour of ours.
func must(s string) colour {
	c, err := parseColour(s)
	if err != nil {
		panic(err) // one of the constants above
	}
	return c
}

// brandStyle makes the style sheet of two colours. Whatever they are, what is made of them can be read: the accent as
// text and on buttons, on light and dark surfaces; the words on the background.
func brandStyle(accent, background colour) []byte {
	light, dark := must(lightSurface), must(darkSurface)
	quiet := background.on().mix(background, 0.25).readableOn(background)
	ink := must(lightInk)
	if contrast(ink, background) < enough {
		ink = background.on()
	}
	lightSoft, darkSoft := light.mix(accent, 0.08).rounded(), dark.mix(accent, 0.14).rounded()
	day, night := accent.readableOn(lightSoft).readableOn(light), accent.readableOn(darkSoft).readableOn(dark)
	var b strings.Builder
	fmt.Fprintf(&b, ":root{--fill:%s;--on-fill:%s;--accent:%s;--accent-soft:%s;--page:%s;--on-page:%s;--on-page-quiet:%s;--on-page-accent:%s}\n",
		accent, accent.on(), day, lightSoft, background, ink, quiet, accent.readableOn(background))
	fmt.Fprintf(&b, "@media (prefers-color-scheme:dark){:root{--fill:%s;--on-fill:%s;--accent:%s;--accent-soft:%s;--page:#0e1116;--on-page:#edf0f4;--on-page-quiet:#a7b0bc;--on-page-accent:%s}}\n",
		night, night.on(), night, darkSoft, night)
	return []byte(b.String())
}

// brandURL is where the style sheet of a firm's colours is. Without any it is "".
func brandURL(accent, background string) (string, error) {
	if accent == "" && background == "" {
		return "", nil
	}
	if accent == "" {
		accent = defaultAccent
	}
	if background == "" {
		background = defaultBackground
	}
	a, err := parseColour(accent)
	if err != nil {
		return "", err
	}
	b, err := parseColour(background)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(brandStyle(a, b))
	return fmt.Sprintf("%s%s-%s.%s.css", brandPrefix, a.String()[1:], b.String()[1:], hex.EncodeToString(sum[:6])), nil
}

// picture puts the logo itself into the page. What types there are is seen to by package policy: none can hold script.
func (f *Firm) picture(b policy.Brand) {
	if len(b.Logo) > 0 {
		f.logo = "data:" + b.LogoType + ";base64," + base64.StdEncoding.EncodeToString(b.Logo)
	}
}

// Logo is where the firm's logo is, "" without one.
func (f Firm) Logo() any {
	if f.logo != "" {
		return template.URL(f.logo) // made by picture alone
	}
	return f.LogoURL
}

// ServeAssets answers GET /v/assets/... and /v/brand/...: nothing of it is secret or belongs to anybody.
func (p *Pages) ServeAssets(w http.ResponseWriter, r *http.Request) {
	name, branded := strings.CutPrefix(r.URL.Path, brandPrefix)
	if !branded {
		p.assets.ServeHTTP(w, r)
		return
	}
	colours, _, _ := strings.Cut(name, ".")
	accent, background, _ := strings.Cut(colours, "-")
	url, err := brandURL("#"+accent, "#"+background)
	if err != nil || url != r.URL.Path {
		web.WriteProblem(w, r, web.ErrNoSuchRoute)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/css; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(brandStyle(must("#"+accent), must("#"+background)))
}
