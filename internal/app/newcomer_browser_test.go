package app

import (
	"bytes"
	"image/png"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/countersign/countersign/internal/web/browsertest"
)

const (
	picturesFolder = "../../docs/images"
	maxPictures    = 3_000_000 // bytes of all together
)

// newcomer is who follows docs/invitations.md, without reading more: one command, the phone page, the customer's pages.
type newcomer struct {
	*walker
	t      *testing.T
	key    string
	clicks int
	looked int // pages that were seen
}

// TestANewcomersFirstInvitation counts what it takes from the command to the end, and with -update takes the pictures that
// docs/invitations.md shows.
func TestANewcomersFirstInvitation(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	chromium := browsertest.Start(t)
	n := &newcomer{walker: w.walker(t, chromium, phone), t: t, key: w.credentials().APIKey}
	desk := browsertest.Open(t, chromium, w.base(), "/dev/")
	desk.Look(360, 600, "light")
	if *update {
		n.ask(http.MethodPut, "/v1/settings/customisation", `{"brand":{"name":"Acme Payments","support":"help@acme.example","accent":"#1d4ed8","background":"#f3f4f7"}}`, http.StatusOK)
	}

	n.ask(http.MethodPost, "/v1/invitations", `{"first_name":"Ann","last_name":"Lee","mobile":"`+devMobile+`"}`, http.StatusCreated)
	desk.Go("/dev/phone")
	const link = `a[target="_blank"]`
	desk.Wait("document.querySelector('" + link + "')")
	path := browsertest.Eval[string](desk, "document.querySelector('"+link+"').pathname")
	n.follow(path)
	desk.Do("document.querySelector('" + link + "').textContent = 'https://verify.acme.example" + path + "'")
	n.keep(desk, "invitation-message") // with a public_url, as a firm has one
	n.keep(n.Tab, "invitation-first")
	n.click("main button.primary")
	n.portraits("invitation-code")
	n.enter("#code", otherCode(w.code(devMobile, 1)))
	n.says("That code is not right. You have 4 tries left.")
	n.looked++
	n.keep(n.Tab, "invitation-wrong")

	desk.Wait(`document.querySelector(".digits")`)
	n.enter("#code", browsertest.Eval[string](desk, `document.querySelector(".digits").textContent`))
	n.click("main button.primary") // after an error nothing is sent by itself
	n.keep(n.Tab, "invitation-consent")
	n.click(`button[value="accept"]`)
	n.keep(n.Tab, "invitation-end")
	if got := n.title(); got != "You are done" {
		t.Errorf("at the end the page says %q", got)
	}
	t.Logf("from the command to the end: the address of the phone page, then %d clicks with that on the link, and 6 digits typed; "+
		"a wrong code costs one click more", n.clicks-1)
	if n.clicks > 4 {
		t.Errorf("it takes %d clicks, with a wrong code", n.clicks)
	}
}

// TestTheWayToConsentIsThreeScreens: the shortest way, as a customer walks it who makes no mistake.
func TestTheWayToConsentIsThreeScreens(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	_, link := w.invited(nil)
	n := &newcomer{walker: w.walker(t, browsertest.Start(t), phone), t: t}
	n.follow(link)
	n.click("main button.primary")
	n.typed(w.code(devMobile, 1), "/consent")
	screens, clicks := n.looked, n.clicks
	n.click(`button[value="accept"]`)
	t.Logf("from the link to consent: %d screens, %d clicks with that on the link, 6 digits typed; to the end: %d screens, %d clicks", screens, clicks, n.looked, n.clicks)
	if screens > 3 || clicks > 2 {
		t.Errorf("to consent it takes %d screens and %d clicks, at most 3 and 2 are meant", screens, clicks)
	}
}

// ask is a request with the key of development mode.
func (n *newcomer) ask(method, path, body string, want int) {
	n.t.Helper()
	r, err := http.NewRequestWithContext(n.t.Context(), method, n.w.base()+path, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+n.key)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("If-Match", "0")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != want {
		n.t.Fatalf("%s %s answers %d, want %d", method, path, resp.StatusCode, want)
	}
}

// follow opens a link by a click.
func (n *newcomer) follow(path string) {
	n.t.Helper()
	n.Go(path)
	n.clicks++
	n.looked++
}

func (n *newcomer) click(selector string) {
	n.t.Helper()
	n.press(selector)
	n.clicks++
	n.looked++
}

// typed types a code, which sends itself and leads to the path below the invitation.
func (n *newcomer) typed(code, to string) {
	n.t.Helper()
	hub := strings.TrimSuffix(browsertest.Eval[string](n.Tab, `location.pathname`), "/mobile")
	n.enter("#code", code)
	n.arrive(hub + to)
	n.looked++
}

// portraits are the page in the ways that a firm wants to know of: narrow, wide, dark, from right to left.
func (n *newcomer) portraits(name string) {
	n.t.Helper()
	if !*update {
		return
	}
	path := browsertest.Eval[string](n.Tab, `location.pathname`)
	n.keep(n.Tab, name)
	n.Look(360, 740, "dark")
	n.keep(n.Tab, name+"-dark")
	n.Look(1280, 740, "light")
	n.keep(n.Tab, name+"-wide")
	n.Look(360, 740, "light")
	n.Go(path + "?lang=ar")
	n.keep(n.Tab, name+"-arabic")
	n.Go(path + "?lang=en")
}

// keep takes a picture of the whole page for the documents, when they are to be written: two dots to a pixel.
func (n *newcomer) keep(tb *browsertest.Tab, name string) { keepPicture(n.t, tb, name) }

// tallest is how much of a long page is kept, in pixels of CSS.
const tallest = 1200

// keepPicture is keep for any test.
func keepPicture(t *testing.T, tb *browsertest.Tab, name string) {
	t.Helper()
	if !*update {
		return
	}
	size := browsertest.Eval[[]int64](tb, `[innerWidth, innerHeight, document.documentElement.scrollHeight]`)
	high := min(max(size[1], size[2]), tallest)
	scale := 2.0
	if size[0] > 1000 {
		scale = 1
	}
	browsertest.Run(tb, chromedp.EmulateViewport(size[0], high, chromedp.EmulateScale(scale)))
	shot, err := chromedp.Call(tb.Ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{})
	if err != nil {
		t.Fatal(err)
	}
	browsertest.Run(tb, chromedp.EmulateViewport(size[0], size[1]))
	browsertest.Keep(t, picturesFolder, name+".png", packed(t, shot.Data))
}

// packed is a picture with all its colours, made as small as can be: a palette would draw rings around what has a shadow.
func packed(t *testing.T, shot []byte) []byte {
	t.Helper()
	full, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, full); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestThePicturesOfTheDocumentsAreThere: each that they show, and no other; whether they are as the pages look now is for a
// person to see, after `go test ./internal/app -run 'TestANewcomer|TestTheConsoleOfADay' -update`.
func TestThePicturesOfTheDocumentsAreThere(t *testing.T) {
	t.Parallel()
	var shown []string
	for _, document := range []string{"../../docs/invitations.md", "../../docs/console.md"} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`src="images/([a-z-]+\.png)"`).FindAllStringSubmatch(string(text), -1) {
			shown = append(shown, m[1])
		}
	}
	slices.Sort(shown)
	var there []string
	bytes := 0
	files, err := filepath.Glob(filepath.Join(picturesFolder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		there = append(there, filepath.Base(file))
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		bytes += int(info.Size())
		if _, err := png.DecodeConfig(f); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		_ = f.Close()
	}
	if len(shown) == 0 || !slices.Equal(shown, there) {
		t.Errorf("the documents show\n%v\nand there are\n%v", shown, there)
	}
	if bytes > maxPictures {
		t.Errorf("the pictures have %d bytes, at most %d are meant", bytes, maxPictures)
	}
	t.Logf("%d pictures of %d bytes", len(there), bytes)
}
