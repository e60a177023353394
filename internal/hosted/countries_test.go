package hosted

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nyaruka/phonenumbers/v2"

	"github.com/countersign/countersign/internal/web/browsertest"
)

var update = flag.Bool("update", false, "write countries.json anew")

// regions gives what countries.json should know of each country, by the numbering plans of the build.
func regions() map[string]map[string]string {
	all := map[string]map[string]string{}
	for region := range phonenumbers.GetSupportedRegions() {
		n := phonenumbers.GetExampleNumberForTypeInRegion(region, phonenumbers.MOBILE)
		if n == nil || region == "AC" || region == "TA" || region == "XK" { // no names in every list, hardly a phone
			continue
		}
		code := strings.Fields(phonenumbers.Format(n, phonenumbers.INTERNATIONAL))[0]
		all[region] = map[string]string{
			"code":          strings.TrimPrefix(code, "+"),
			"national":      phonenumbers.Format(n, phonenumbers.NATIONAL),
			"international": strings.TrimSpace(strings.TrimPrefix(phonenumbers.Format(n, phonenumbers.INTERNATIONAL), code)),
		}
	}
	return all
}

// namesByCLDR asks Chromium, which has the names and orders of every language.
const namesByCLDR = `(locales, regions) => Object.fromEntries(locales.map(l => {
	const names = new Intl.DisplayNames(l, {type: "region"}), order = new Intl.Collator(l);
	return [l, regions.map(r => [r, names.of(r)]).sort((a, b) => order.compare(a[1], b[1]))];
}))`

// TestCountries holds countries.json to the numbering plans; with -update it writes it.
func TestCountries(t *testing.T) {
	t.Parallel()
	want := regions()
	if *update {
		writeCountries(t, want)
	}
	raw, err := os.ReadFile("countries.json")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Regions map[string]map[string]string `json:"regions"`
		Names   map[string][][2]string       `json:"names"`
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Regions); diff != "" {
		t.Errorf("not what the numbering plans say (go test ./internal/hosted -run TestCountries -update):\n%s", diff)
	}
	for _, locale := range Locales {
		seen := map[string]bool{}
		for _, n := range got.Names[locale] {
			if seen[n[0]] || got.Regions[n[0]] == nil || n[1] == "" || n[1] == n[0] {
				t.Errorf("%s: %q is twice there, unknown or without a name", locale, n)
			}
			seen[n[0]] = true
		}
		if len(seen) != len(want) {
			t.Errorf("%s names %d countries, want %d", locale, len(seen), len(want))
		}
	}
}

func writeCountries(t *testing.T, want map[string]map[string]string) {
	t.Helper()
	srv := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(srv.Close)
	tb := browsertest.Open(t, browsertest.Start(t), srv.URL, "/")
	tb.Expect("404")
	tb.Go("/")
	list := make([]string, 0, len(want))
	for region := range want {
		list = append(list, region)
	}
	slices.Sort(list)
	args, _ := json.Marshal([]any{Locales, list})
	names := browsertest.Eval[map[string][][2]string](tb, "("+namesByCLDR+")(..."+string(args)+")")
	raw, err := json.MarshalIndent(map[string]any{"regions": want, "names": names}, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.NewReplacer("[\n    \"", "[\"", "\",\n    \"", "\", \"", "\"\n   ]", "\"]", "{\n   \"", "{\"", "\",\n   \"", "\", \"", "\"\n  }", "\"}").Replace(string(raw))
	if err := os.WriteFile("countries.json", []byte(lines+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestRA_31_TheCountryThatIsChosenFirst(t *testing.T) {
	t.Parallel()
	all := []Country{{Region: "AT"}, {Region: "BR"}, {Region: "DE"}, {Region: "GB"}, {Region: "US"}}
	for name, c := range map[string]struct{ locale, firms, accept, want string }{
		"that of the invitation's own locale":      {"de-AT", "DE", "en-GB", "AT"},
		"a locale without a region names none":     {"de", "US", "en-GB", "US"},
		"the firm's before the browser's":          {"", "DE", "de-AT,de;q=0.9", "DE"},
		"the region that the browser names":        {"", "", "de-AT,de;q=0.9", "AT"},
		"a region further down the list":           {"", "", "de,en-GB;q=0.5", "GB"},
		"where the language is spoken":             {"", "", "pt", "BR"},
		"a region that isn't allowed is no choice": {"fr-FR", "US", "fr-FR", "US"},
		"neither is one of the firm's that isn't":  {"", "FR", "en-GB", "GB"},
		"the first when nothing is known":          {"", "", "", "AT"},
		"nonsense is no hint":                      {"x_y_z", "US", "\x00;;q=x", "US"},
	} {
		if got := CountryFor(c.locale, c.firms, c.accept, all); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
