package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// Previews draw customers' pages for those who decide what is on them, and write the messages that customers get. What they are called
// here is page_{name}.
type Previews interface {
	// Pages are the names of those that there are, in the order in which a customer meets them.
	Pages() []string
	// Preview draws one. It runs nothing, and nothing can be done with it but looking.
	Preview(w io.Writer, p Preview) error
	// Messages are the names of those that there are, none of which a page has.
	Messages() []string
	// Message writes one as it would go out to a customer of a firm now, and sends nothing. A fault says why none would.
	Message(ctx context.Context, t uid.Tenant, p Preview) (delivery.Sampled, error)
}

// Preview is a page or a message of customers to look at, in canned data.
type Preview struct {
	Page   string // one of Pages or Messages
	Locale string // of it
	Firm   string // what the firm is called while it has given no other name
	Look   policy.Customisation
}

const (
	pathPreview  = Prefix + "/settings/preview"
	pathTryLook  = pathCustomisation + "/preview"
	pathTryTexts = pathTexts + "/preview"
	headerPolicy = "Content-Security-Policy"
)

// framed are the paths whose answers the console may have in a frame of its own. Whatever they answer, a trouble too, runs no script and
// sends no form, under framedPolicy. A sandbox in it would bar the page from a tab of its own, beside our opener policy.
var framed = map[string]bool{pathPreview: true, pathTryLook: true, pathTryTexts: true}

const framedPolicy = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"

// inFrame reports whether an answer stands in a frame, and gives it the policy for that.
func inFrame(w http.ResponseWriter, r *http.Request) bool {
	in := framed[r.URL.Path]
	if in {
		w.Header().Set(headerPolicy, framedPolicy)
	}
	return in
}

func (s *Site) previewRoutes() []route {
	return []route{
		{"GET " + pathPreview, AtSettings, operator.SeeSettings, s.showPreview},
		{"POST " + pathTryLook, AtSettings, operator.ChangeCustomisation, s.tryCustomisation},
		{"POST " + pathTryTexts, AtSettings, operator.ChangeCustomisation, s.tryTexts},
	}
}

// mailPolicy is framedPolicy for an answer that has a mail in it, whose style stands in the mail.
func mailPolicy(mail string) string {
	_, style, _ := strings.Cut(mail, "<style>")
	style, _, _ = strings.Cut(style, "</style>")
	sum := sha256.Sum256([]byte(style))
	return strings.Replace(framedPolicy, "style-src 'self'", "style-src 'self' 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'", 1)
}

// previewed is the part of a page that shows customers' pages and messages. try is where what is typed is drawn without being saved, and
// locale the language of what is shown, "" where it can be chosen. The page may have a frame of ours in it.
func (v *visit) previewed(try, locale string) Previewed {
	h := v.w.Header()
	h.Set(headerPolicy, h.Get(headerPolicy)+"; frame-src 'self'")
	p := Previewed{URL: pathPreview, Try: v.form(try), Locale: locale}
	pages, page := v.site.previews(), v.value(FieldPage)
	if !slices.Contains(pages, page) {
		page = pages[0]
	}
	for _, name := range pages {
		p.Pages = append(p.Pages, Option{Value: name, Label: v.site.pages.text("page_" + name), Chosen: name == page})
	}
	for _, name := range schemes {
		p.Schemes = append(p.Schemes, Option{Value: name, Label: v.site.pages.text("scheme_" + name), Chosen: name == v.value(FieldScheme)})
	}
	shown := locale
	if locale == "" {
		shown = v.site.locale(v.value(FieldOwnLocale))
		p.Locales = v.site.localesOf(shown)
	}
	p.Source = with(with(pathPreview, FieldPage, page), FieldOwnLocale, shown)
	return p
}

// previews are the names of all pages and messages, the pages first.
func (s *Site) previews() []string { return slices.Concat(s.Previews.Pages(), s.Previews.Messages()) }

// lookedAt is a path with what is chosen to be looked at on the page there.
func (v *visit) lookedAt(path string) string {
	for _, name := range []string{FieldPage, FieldOwnLocale, FieldScheme} {
		path = with(path, name, v.posted(name))
	}
	return path
}

// schemes are the colours that a device may be set to: those of the operator's own, and each of the two.
var schemes = []string{"own", "light", "dark"}

// localesOf are the languages of customers' pages, with one of them chosen.
func (s *Site) localesOf(chosen string) (all []Option) {
	for tag, name := range s.PageTexts.Languages() {
		all = append(all, Option{Value: tag, Label: name, Chosen: tag == chosen})
	}
	return all
}

// showPreview draws a page or a message with what is kept.
func (s *Site) showPreview(v *visit) (View, error) {
	c, err := s.Settings.Customisation(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	return s.preview(v, c)
}

// tryCustomisation draws a page with what was typed.
func (s *Site) tryCustomisation(v *visit) (View, error) {
	c, err := s.Settings.Customisation(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	kept := c
	if _, err := v.readCustomisation(&c); err != nil {
		return nil, err
	}
	if err := c.ValidateChange(&kept); err != nil {
		problems, err := wrong(err, customisationFields)
		return v.unshown(problems, "", err)
	}
	return s.preview(v, c)
}

// tryTexts draws a page with the words that were typed.
func (s *Site) tryTexts(v *visit) (View, error) {
	c, err := s.Settings.Customisation(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	typed, err := s.readTexts(v)
	if err != nil {
		return nil, err
	}
	problems, err := s.typedTexts(&c, typed[0])
	if err != nil || len(problems) > 0 {
		return v.unshown(problems, typed[0].Locale, err)
	}
	return s.preview(v, c)
}

// unshown tells in the place of a page why it can't be drawn: what is wrong, with which field. locale is that of the texts in the form.
func (v *visit) unshown(problems []Problem, locale string, err error) (View, error) {
	if err != nil {
		return nil, err
	}
	page := &Unshown{}
	for _, p := range problems {
		page.Flaws = append(page.Flaws, Flaw{v.site.called(p.Field, locale), p.Message})
	}
	return page, nil
}

// called is what a field of Customisation or Texts is called there.
func (s *Site) called(field, locale string) string {
	for key, text := range s.PageTexts.FirmTexts(locale) {
		if fieldText(key) == field {
			return text.Text
		}
	}
	if field == FieldOwnName {
		field = "brand_name"
	}
	return s.pages.text(field)
}

func (s *Site) preview(v *visit, c policy.Customisation) (View, error) {
	p := Preview{Page: v.value(FieldPage), Locale: s.locale(v.value(FieldOwnLocale)), Firm: v.firm, Look: c}
	switch {
	case slices.Contains(s.Previews.Messages(), p.Page):
		return s.letter(v, p)
	case !slices.Contains(s.Previews.Pages(), p.Page):
		return nil, errNothing
	}
	var page bytes.Buffer
	if err := s.Previews.Preview(&page, p); err != nil {
		return nil, err
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = page.WriteTo(v.w) // a browser that is gone needs no page
	return nil, nil
}

// letter shows a message.
func (s *Site) letter(v *visit, p Preview) (View, error) {
	m, err := s.Previews.Message(v.ctx(), v.Operator.Tenant, p)
	if err != nil {
		problems, err := wrong(err, nil)
		return v.unshown(problems, p.Locale, err)
	}
	page := &Letter{Message: p.Page, Locale: m.Locale, Text: m.Text}
	if m.HTML == "" {
		size := delivery.Measure(m.Text)
		page.Encoding, page.Units, page.Segments, page.Bound = string(size.Encoding), size.Units, size.Segments, m.Origin == delivery.OriginBound
		return page, nil
	}
	v.w.Header().Set(headerPolicy, mailPolicy(m.HTML))
	// What is followed in a mailbox opens a window, and a sandbox has none.
	page.HTML = strings.Replace(m.HTML, "<head>", `<head><base target="_blank">`, 1)
	page.From, page.Address, page.Subject = m.From.Name, m.From.Address, m.Subject
	return page, nil
}
