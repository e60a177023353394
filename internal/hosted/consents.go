package hosted

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/web"
)

// consentText is what a customer agrees to (RA-46).
type consentText struct {
	Purpose    string   `json:"purpose"`
	Data       []string `json:"data"`
	Recipients []string `json:"recipients"`
	Retention  string   `json:"retention"`
	More       []string `json:"-"`
}

// loadConsents reads the product's own text in each language, for firms that have none. {firm} in it is the firm's name.
func loadConsents(fsys fs.FS) (map[string]consentText, error) {
	raw, err := fs.ReadFile(fsys, "messages/consent.json")
	if err != nil {
		return nil, err
	}
	var all map[string]consentText
	if err := json.Unmarshal(raw, &all); err != nil {
		return nil, fmt.Errorf("messages/consent.json: %w", err)
	}
	for _, locale := range Locales {
		if t := all[locale]; t.Purpose == "" || len(t.Data) == 0 || len(t.Recipients) == 0 || t.Retention == "" {
			return nil, fmt.Errorf("messages/consent.json: the text in %q is not whole", locale)
		}
	}
	return all, nil
}

// named puts the firm's name in.
func (t consentText) named(firm string) consentText {
	put := func(text string) string { return strings.ReplaceAll(text, "{firm}", firm) }
	all := func(texts []string) (out []string) {
		for _, text := range texts {
			out = append(out, put(text))
		}
		return out
	}
	return consentText{Purpose: put(t.Purpose), Data: all(t.Data), Recipients: all(t.Recipients), Retention: put(t.Retention)}
}

// readConsent cuts a firm's text at its empty lines: what for, which data (an item a line), who gets it (an item a line), how long
// it is kept, anything more. A text of fewer parts is shown as it is.
func readConsent(text string) consentText {
	var parts []string
	for part := range strings.SplitSeq(text, "\n\n") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) < 4 {
		return consentText{More: lines(text)}
	}
	return consentText{
		Purpose: parts[0], Data: lines(parts[1]), Recipients: lines(parts[2]), Retention: parts[3],
		More: lines(strings.Join(parts[4:], "\n")),
	}
}

func lines(part string) (out []string) {
	for line := range strings.SplitSeq(part, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

// consentFor is the text that is shown: the firm's in the language of the page, or in its default language; the product's own, in the
// language of the page, where the firm has none at all. answer names it in the form: version, locale and hash.
func (f *filler) consentFor() (text consentText, locale, answer string) {
	c := &f.page.Consent
	whole, locale := c.TextFor(f.locale)
	if text = readConsent(whole); len(c.Texts) == 0 {
		text, locale = f.site.consents[f.locale].named(f.page.Firm), f.locale
		whole = text.whole()
	}
	return text, locale, strings.Join([]string{c.Version, locale, policy.TextHash(whole)}, " ")
}

// whole is a text of ours in the form in which a firm writes its own, of which the hash is kept.
func (t consentText) whole() string {
	return strings.Join([]string{t.Purpose, strings.Join(t.Data, "\n"), strings.Join(t.Recipients, "\n"), t.Retention}, "\n\n")
}

// foreign is a locale that is not of the language of the page, else "".
func (f *filler) foreign(locale string) string {
	if primary, _, _ := strings.Cut(locale, "-"); strings.EqualFold(primary, f.locale) {
		return ""
	}
	return locale
}

func (s *Site) showConsent(w http.ResponseWriter, r *http.Request, f *filler) {
	if f.page.Step != invite.StepConsent {
		toHub(w, r, f)
		return
	}
	f.site.write(w, r, http.StatusOK, f.consentView())
}

// consentView asks for consent. The form says to which text.
func (f *filler) consentView() *Consent {
	text, locale, answer := f.consentFor()
	return &Consent{
		Frame: f.frame(), Decide: f.form(pathConsent, answer), TextLocale: f.foreign(locale),
		Purpose: text.Purpose, Data: text.Data, Recipients: text.Recipients, Retention: text.Retention, More: text.More,
		Version: f.page.Consent.Version, Ours: len(f.page.Consent.Texts) == 0,
	}
}

// consent takes the customer's answer to the text that was shown.
func (s *Site) consent(w http.ResponseWriter, r *http.Request, v invite.Visit, what string) {
	version, rest, _ := strings.Cut(what, " ")
	locale, hash, _ := strings.Cut(rest, " ")
	answer := invite.Answer{Version: version, Locale: locale, SHA256: hash}
	switch r.PostForm.Get(FieldDecision) {
	case DecisionAccept:
		answer.Accept = true
	case DecisionDecline:
	default:
		s.fail(w, r, errForm)
		return
	}
	if _, err := s.invitations.Consent(r.Context(), v, answer); err != nil {
		s.refuse(w, r, v, err)
		return
	}
	http.Redirect(w, r, hubOf(v.ID), http.StatusSeeOther)
}

// done sends the customer on to the firm, or says that all is done.
func (s *Site) done(w http.ResponseWriter, r *http.Request) {
	if s.chooseLanguage(w, r) {
		return
	}
	v, err := s.visit(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	url, page, err := s.invitations.HandOff(r.Context(), v)
	switch {
	case err != nil:
		s.refuse(w, r, v, err)
	case url != "" && !strings.Contains(r.Header.Get("Accept"), "text/html"):
		http.Redirect(w, r, url, http.StatusSeeOther) // a program; browsers do not let a form lead to another site (see Leave)
	case url != "":
		s.write(w, r, http.StatusOK, &Leave{Frame: s.filler(r, v.Cookie, page).frame(), URL: url})
	default:
		f := s.filler(r, v.Cookie, page)
		status, view := f.ending()
		f.site.write(w, r, status, view)
	}
}

// logo is the firm's, for who has a session.
func (s *Site) logo(w http.ResponseWriter, r *http.Request) {
	v, err := s.visit(r)
	if err != nil {
		web.WriteProblem(w, r, err)
		return
	}
	page, err := s.invitations.Hub(r.Context(), v)
	if err == nil && (len(page.Brand.Logo) == 0 || r.PathValue("name") != logoName(page.Brand)) {
		err = web.ErrNoSuchRoute
	}
	if err != nil {
		web.WriteProblem(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", page.Brand.LogoType)
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	_, _ = w.Write(page.Brand.Logo)
}
