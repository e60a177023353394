package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"golang.org/x/text/message"

	"github.com/countersign/countersign/internal/web"
)

//go:embed assets templates messages vendored/*.js vendored/*.css
var files embed.FS

// Prefix is where the console is.
const Prefix = "/console"

// assetPrefix is where style, scripts and icons are served.
const assetPrefix = Prefix + "/assets/"

// Locales are the languages of the console: English alone until another has its file in messages.
var Locales = []string{"en"}

// Pages draws the pages. It may be used concurrently.
type Pages struct {
	Support string // whom operators turn to, as in Config

	words     map[string]*web.Words
	templates *template.Template
	assets    *web.Assets
}

// NewPages reads templates, texts and assets. An error is a fault of the build.
func NewPages() (*Pages, error) {
	p := &Pages{}
	var err error
	if p.words, err = web.LoadWords(files, Locales); err != nil {
		return nil, err
	}
	var folders []fs.FS
	for _, name := range []string{"vendored", "assets"} {
		sub, err := fs.Sub(files, name)
		if err != nil {
			return nil, err
		}
		folders = append(folders, sub)
	}
	if p.assets, err = web.NewAssets(assetPrefix, append(folders, web.Design())...); err != nil {
		return nil, err
	}
	p.templates, err = template.New("console").Funcs(template.FuncMap{"asset": p.assets.URL}).ParseFS(files, "templates/*.tmpl")
	return p, err
}

// ServeAssets answers what lies below Prefix/assets/.
func (p *Pages) ServeAssets(w http.ResponseWriter, r *http.Request) { p.assets.ServeHTTP(w, r) }

// Render writes the page of v. Nothing is written when there is an error, which is a fault of the build.
func (p *Pages) Render(w io.Writer, v View) error {
	s := &scene{Frame: v.frame(), V: v, words: p.words[Locales[0]], support: p.Support}
	var page bytes.Buffer
	if err := p.templates.ExecuteTemplate(&page, v.name(), s); err != nil {
		return err
	}
	_, err := page.WriteTo(w)
	return err
}

// scene is what a template sees: the page's view, the frame of it, and the words. Its methods make what parts.tmpl draws.
type scene struct {
	*Frame
	V     View
	Title string // of the page, once Titled has said it
	Wants []string
	words *web.Words

	support string
}

// Titled names the page, and is where each page begins: {{template "top" (.Titled "team_title")}}.
func (s *scene) Titled(key string, pairs ...any) (*scene, error) {
	var err error
	s.Title, err = s.Plain(key, pairs...)
	return s, err
}

// With asks for scripts of others on this page: "htmx", "chart".
func (s *scene) With(libraries ...string) *scene {
	s.Wants = append(s.Wants, libraries...)
	return s
}

// Asks reports whether the page asked for a library.
func (s *scene) Asks(library string) bool {
	for _, l := range s.Wants {
		if l == library {
			return true
		}
	}
	return false
}

// T gives a text as HTML, each string in it apart from the text's direction.
func (s *scene) T(key string, pairs ...any) (template.HTML, error) {
	f, err := s.words.Pick(key, pairs)
	if err != nil {
		return "", err
	}
	out, err := f.HTML(pairs...)
	if err != nil {
		return "", fmt.Errorf("text %q: %w", key, err)
	}
	return out, nil
}

// Plain gives a text where no markup can be: titles and attributes.
func (s *scene) Plain(key string, pairs ...any) (string, error) {
	f, err := s.words.Pick(key, pairs)
	if err != nil {
		return "", err
	}
	out, err := f.Plain(pairs...)
	if err != nil {
		return "", fmt.Errorf("text %q: %w", key, err)
	}
	return out, nil
}

// Template gives a text as it is, for a script that fills it.
func (s *scene) Template(key string) (string, error) {
	f, err := s.words.Pick(key, nil)
	return f.Text(), err
}

// Knows reports whether there is a text of that key.
func (s *scene) Knows(key string) bool {
	_, ok := s.words.Texts[key]
	return ok
}

// Lang is the language of the page as an HTML attribute has it.
func (s *scene) Lang() string { return s.words.Tag.String() }

// Dir is the direction of the page.
func (s *scene) Dir() string { return s.words.Dir }

// Time is a moment in UTC; the script tells how long ago it was, with the moment itself on hover and focus. The zero time is a
// dash.
func (s *scene) Time(at time.Time) template.HTML {
	if at.IsZero() {
		return `<span class="none" aria-hidden="true">–</span>`
	}
	at = at.UTC()
	return template.HTML(`<time datetime="` + at.Format(time.RFC3339) + `">` + at.Format("2 Jan 2006, 15:04") + ` UTC</time>`) // no text from outside
}

// Moment is Time for where the moment itself matters, such as a log.
func (s *scene) Moment(at time.Time) template.HTML {
	if at.IsZero() {
		return s.Time(at)
	}
	at = at.UTC()
	return template.HTML(`<time class="exact" datetime="` + at.Format(time.RFC3339Nano) + `">` + at.Format("2 Jan 2006, 15:04:05") + ` UTC</time>`) // no text from outside
}

// Own keeps the direction of numbers, addresses and ids, whatever the text around them. A phone number stays on one line.
func (s *scene) Own(text string) template.HTML {
	class := "own"
	if strings.HasPrefix(text, "+") {
		class = "own number"
	}
	return template.HTML(`<bdi dir="ltr" class="` + class + `">` + template.HTMLEscapeString(text) + `</bdi>`) // escaped
}

// joints are where a name such as invitation.mobile_verified breaks over two lines, when it has to.
var joints = strings.NewReplacer(".", ".<wbr>", "_", "_<wbr>", ":", ":<wbr>")

// Jointed lets a name with dots, underscores and colons break at these, and nowhere else.
func (s *scene) Jointed(name string) template.HTML {
	return template.HTML(joints.Replace(template.HTMLEscapeString(name))) // escaped
}

// Figure groups the digits of a count.
func (s *scene) Figure(n int) string { return message.NewPrinter(s.words.Tag).Sprintf("%d", n) }
