package hosted

import (
	"net/http/httptest"
	"regexp"
	"testing"
)

// TestRA_66_EveryColourCanBeRead tries colours of all hues and lightnesses, each as accent on each as background.
func TestRA_66_EveryColourCanBeRead(t *testing.T) {
	t.Parallel()
	var all []colour
	for _, r := range []float64{0, 0.25, 0.5, 0.75, 1} {
		for _, g := range []float64{0, 0.5, 1} {
			for _, b := range []float64{0, 0.5, 1} {
				all = append(all, colour{r, g, b}.rounded())
			}
		}
	}
	set := regexp.MustCompile(`--([a-z-]+):(#[0-9a-f]{6})`)
	pairs := map[string][]string{"on-fill": {"fill"}, "accent": {"surface", "accent-soft"}, "on-page": {"page"}, "on-page-quiet": {"page"}, "on-page-accent": {"page"}}
	for _, accent := range all {
		for _, background := range all {
			sheet := string(brandStyle(accent, background))
			for i, theme := range regexp.MustCompile(`:root\{[^}]*\}`).FindAllString(sheet, -1) {
				got := map[string]colour{"surface": must([]string{lightSurface, darkSurface}[i])}
				for _, m := range set.FindAllStringSubmatch(theme, -1) {
					got[m[1]] = must(m[2])
				}
				for words, grounds := range pairs {
					for _, ground := range grounds {
						if c := contrast(got[words], got[ground]); c < enough {
							t.Fatalf("accent %v, background %v, theme %d: --%s on --%s is %.2f", accent, background, i, words, ground, c)
						}
					}
				}
			}
		}
	}
}

func TestColours(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "#", "red", "1d4ed8", "#1d4ed", "#1d4ed88", "#1d4edg", "#+d4ed8", "#fff;}*{", "#ＦＦ"} {
		if c, err := parseColour(bad); err == nil {
			t.Errorf("%q was read as %v", bad, c)
		}
	}
	if got := contrast(white, black); got != 21 {
		t.Errorf("white on black is %v", got)
	}
	if got := contrast(must("#767676"), white); got < 4.5 || got > 4.6 { // the grey of WCAG's own examples
		t.Errorf("#767676 on white is %.2f", got)
	}
}

func TestAssetsAreKeptForGood(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	script, err := p.assets.URL("hosted.js")
	if err != nil {
		t.Fatal(err)
	}
	brand, err := brandURL("#0B6E4F", "")
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]int{
		script: 200, brand: 200,
		"/v/assets/hosted.js":                            404,
		"/v/assets/":                                     404,
		"/v/brand/":                                      404,
		"/v/brand/0b6e4f-f3f4f7.css":                     404,
		"/v/brand/0b6e4f-f3f4f7.000000000000.css":        404,
		"/v/brand/0B6E4F-f3f4f7" + brand[len(brand)-17:]: 404, // one name for one sheet
		"/v/brand/../assets/hosted.css":                  404,
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "http://localhost/", nil)
		r.URL.Path = url
		p.ServeAssets(w, r)
		if w.Code != want {
			t.Errorf("%s: %d, want %d", url, w.Code, want)
		}
		if kept := w.Header().Get("Cache-Control") == "public, max-age=31536000, immutable"; kept != (want == 200) {
			t.Errorf("%s: Cache-Control %q", url, w.Header().Get("Cache-Control"))
		}
	}
}
