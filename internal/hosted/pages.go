package hosted

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/language"

	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/web"
)

//go:embed assets templates messages countries.json
var files embed.FS

// Files are what the pages are made of. The texts are in messages, one file a language.
func Files() fs.FS { return files }

// assetPrefix is where style, script and icon are served.
const assetPrefix = "/v/assets/"

// Pages draws the pages. It may be used concurrently.
type Pages struct {
	words     map[string]*web.Words
	matcher   language.Matcher
	templates map[string]*template.Template // by View.name
	switches  map[*web.Words]string         // the language switch in each language, for a page at noPath
	assets    *web.Assets
	countries *atlas
}

// NewPages reads templates, texts and assets. An error is a fault of the build.
func NewPages() (*Pages, error) { return pagesOf(files) }

// pagesOf is NewPages with the texts of fsys.
func pagesOf(fsys fs.FS) (*Pages, error) {
	p := &Pages{templates: map[string]*template.Template{}, switches: map[*web.Words]string{}}
	var err error
	if p.words, err = web.LoadWords(fsys, Locales); err != nil {
		return nil, err
	}
	if p.countries, err = loadAtlas(files); err != nil {
		return nil, err
	}
	var tags []language.Tag
	for _, locale := range Locales {
		tags = append(tags, p.words[locale].Tag)
	}
	p.matcher = language.NewMatcher(tags)
	own, err := fs.Sub(files, "assets")
	if err != nil {
		return nil, err
	}
	if p.assets, err = web.NewAssets(assetPrefix, web.Design(), own); err != nil {
		return nil, err
	}
	return p, p.parse()
}

// parse makes one template set for each page: the frame, the parts, and the page's own file.
func (p *Pages) parse() error {
	base, err := template.New("frame").Funcs(template.FuncMap{"asset": p.assets.URL}).ParseFS(files, "templates/frame.tmpl", "templates/parts.tmpl")
	if err != nil {
		return err
	}
	names, err := fs.Glob(files, "templates/*.tmpl")
	if err != nil {
		return err
	}
	for _, file := range names {
		name := strings.TrimSuffix(path.Base(file), ".tmpl")
		if name == "frame" || name == "parts" {
			continue
		}
		page, err := base.Clone()
		if err != nil {
			return err
		}
		if p.templates[name], err = page.ParseFS(files, file); err != nil {
			return err
		}
	}
	return p.drawSwitches(base)
}

// noPath stands for the path of a page, and is none.
const noPath = "/-/"

// drawSwitches draws the language switch once for each language, since its links were a third of what a page cost to draw.
func (p *Pages) drawSwitches(base *template.Template) error {
	for _, locale := range Locales {
		var drawn strings.Builder
		s := &scene{Frame: &Frame{LanguageURL: noPath}, pages: p, words: p.words[locale]}
		if err := base.ExecuteTemplate(&drawn, "languages", s); err != nil {
			return err
		}
		p.switches[s.words] = drawn.String()
	}
	return nil
}

// Render writes the page of v. Nothing is written when there is an error, which is a fault of the build or of what the
// firm's own texts say.
func (p *Pages) Render(w io.Writer, v View) error {
	page, err := p.draw(v)
	if err != nil {
		return err
	}
	_, err = page.WriteTo(w)
	return err
}

// usual is what most pages have room in, in bytes.
const usual = 8 << 10

// draw is Render for who wants the page whole.
func (p *Pages) draw(v View) (*bytes.Buffer, error) {
	t, ok := p.templates[v.name()]
	if !ok {
		return nil, fmt.Errorf("no template for %q", v.name())
	}
	s := &scene{Frame: v.frame(), V: v, pages: p, words: p.words[v.frame().Locale]}
	if s.words == nil {
		s.words = p.words[Locales[0]]
	}
	page := bytes.NewBuffer(make([]byte, 0, usual))
	if err := t.ExecuteTemplate(page, "frame", s); err != nil {
		return nil, err
	}
	return page, nil
}

// scene is what a template sees: the page's view, the frame of it, and the words of its language.
type scene struct {
	*Frame
	V     View
	pages *Pages
	words *web.Words
}

// say chooses a text, the firm's own where it has one, and adds the firm to what goes into it.
func (s *scene) say(key string, firm any, pairs []any) (web.Form, []any, error) {
	f, err := s.words.Pick(key, pairs)
	if err != nil {
		return f, nil, err
	}
	if own, ok := s.Texts[key]; ok && s.words.Texts[key].Text != "" {
		f = web.NewForm(own)
	}
	if f.Open() {
		pairs = append(pairs, "firm", firm)
	}
	return f, pairs, nil
}

// T gives a text as HTML, each string in it apart from the text's direction.
func (s *scene) T(key string, pairs ...any) (template.HTML, error) {
	f, pairs, err := s.say(key, name(s.Firm.Name), pairs)
	if err != nil {
		return "", err
	}
	out, err := f.HTML(pairs...)
	if err != nil {
		return "", fmt.Errorf("text %q: %w", key, err)
	}
	return out, nil
}

// shortName is the longest name of a firm that is kept on one line where it fits, in characters.
const shortName = 32

// name is that of a firm within a text, apart from the text's direction.
func name(firm string) template.HTML {
	class := ""
	if utf8.RuneCountInString(firm) <= shortName {
		class = ` class="name"`
	}
	return template.HTML("<bdi" + class + ">" + template.HTMLEscapeString(firm) + "</bdi>") // escaped
}

// Plain gives a text where no markup can be: titles and attributes.
func (s *scene) Plain(key string, pairs ...any) (string, error) {
	f, pairs, err := s.say(key, s.Firm.Name, pairs)
	if err != nil {
		return "", err
	}
	out, err := f.Plain(pairs...)
	if err != nil {
		return "", fmt.Errorf("text %q: %w", key, err)
	}
	return out, nil
}

// Forms gives the plural forms of a text for the script, which counts in it.
func (s *scene) Forms(key string) (string, error) {
	e, ok := s.words.Texts[key]
	if !ok {
		return "", fmt.Errorf("no text %q", key)
	}
	raw, err := json.Marshal(e.Forms())
	return string(raw), err
}

// Minutes are seconds in minutes, rounded up: nobody counts 600 seconds.
func (s *scene) Minutes(seconds int) int { return minutes(time.Duration(seconds) * time.Second) }

// Lang is the language of the page as an HTML attribute has it, Dir its direction.
func (s *scene) Lang() string { return s.words.Tag.String() }

// Dir is the direction of the page.
func (s *scene) Dir() string { return s.words.Dir }

// DirOf is the direction of another language, "auto" when it isn't one of ours.
func (s *scene) DirOf(locale string) string {
	if w, ok := s.pages.words[locale]; ok {
		return w.Dir
	}
	return "auto"
}

// Known reports whether the page knows the firm's name.
func (s *scene) Known() bool { return s.Firm.Name != "" }

// Style is the URL of the firm's colours, "" when it has none.
func (s *scene) Style() (string, error) { return brandURL(s.Firm.Accent, s.Firm.Background) }

// choice is one language of the switch.
type choice struct {
	Locale, Name, URL string
	Current           bool
}

// Choices are the languages of the switch.
func (s *scene) Choices() []choice {
	var all []choice
	for _, locale := range Locales {
		w := s.pages.words[locale]
		all = append(all, choice{locale, w.Name, s.LanguageURL + "?" + FieldLanguage + "=" + locale, w == s.words})
	}
	return all
}

// Switch is the language switch for this page.
func (s *scene) Switch() template.HTML {
	path := nowhere
	if !s.Still {
		path = (&url.URL{Path: s.LanguageURL}).EscapedPath()
	}
	return template.HTML(strings.ReplaceAll(s.pages.switches[s.words], noPath, template.HTMLEscapeString(path))) // escaped
}

// LanguageName is the page's language, in itself.
func (s *scene) LanguageName() string { return s.words.Name }

// Contact is where the firm can be asked, as a link when it can be one. An e-mail address and a number keep their own
// direction.
func (s *scene) Contact() template.HTML {
	c := strings.TrimSpace(s.Firm.Contact)
	shown := template.HTMLEscapeString(c)
	url, class := contactURL(c), ""
	if url == "" {
		return template.HTML("<bdi>" + shown + "</bdi>") // escaped
	}
	if strings.HasPrefix(url, "tel:") {
		class = ` class="whole"` // a number stays on one line
	}
	if s.Still {
		url = nowhere
	}
	return template.HTML(`<a href="` + template.HTMLEscapeString(url) + `"` + class + `><bdi dir="ltr">` + shown + `</bdi></a>`) // escaped
}

// contactURL guesses what kind of contact c is.
func contactURL(c string) string {
	digits := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -()./", r) {
			return -1
		}
		return r
	}, c)
	switch {
	case strings.HasPrefix(c, "https://"):
		return c
	case strings.Count(c, "@") == 1 && !strings.ContainsAny(c, " ?&<>\"'"):
		return "mailto:" + c
	case digits != "" && strings.Trim(digits, "+0123456789") == "":
		return "tel:" + digits
	}
	return ""
}

// Masked is a masked contact, which has its own direction in every language. A number stays on one line.
func (s *scene) Masked(contact string) template.HTML {
	class := "contact"
	if !strings.Contains(contact, "@") {
		class += " whole"
	}
	return template.HTML(`<bdi class="` + class + `" dir="ltr">` + template.HTMLEscapeString(contact) + `</bdi>`) // escaped
}

// Clock is a moment for people, told in UTC; the script tells it in the reader's own time.
func (s *scene) Clock(at time.Time) template.HTML {
	at = at.UTC()
	return template.HTML(`<time datetime="` + at.Format(time.RFC3339) + `" dir="ltr">` + at.Format("15:04") + ` UTC</time>`) // no text from outside
}

// countdown is the words that tell a wait, under the id by which a button names them.
type countdown struct {
	*scene
	ID string
}

// Countdown tells the wait of a page: {{template "countdown" (.Countdown "again-when")}}.
func (s *scene) Countdown(id string) countdown { return countdown{s, id} }

// Away is an address of the firm, as a link and as where a page leads by itself. html/template knows no schemes of apps (ID-33) and would
// bar them; whatever is neither such an address nor https it bars still.
func (s *scene) Away(url string) any {
	if policy.IsRedirect(url) {
		return template.URL(url) // https, or a scheme that policy lets through
	}
	return url
}

// Example is a number or an address within a text, which keeps its own direction.
func (s *scene) Example(example string) template.HTML {
	return template.HTML(`<bdi class="example" dir="ltr">` + template.HTMLEscapeString(example) + `</bdi>`) // escaped
}
