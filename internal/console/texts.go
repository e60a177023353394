package console

import (
	"iter"
	"maps"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/web"
)

// PageTexts are the texts of customers' pages that a firm may put its own in place of. hosted.Pages has them.
type PageTexts interface {
	// Languages give each language of the pages by its tag, with its name in itself.
	Languages() iter.Seq2[string, string]
	// FirmTexts give the texts of a language by their keys, in the order in which they are met. Firm of each says where it stands.
	FirmTexts(locale string) iter.Seq2[string, web.Text]
	// CheckText reports why a firm's own text can't take the place of the one with that key, as a fault.
	CheckText(key, text string) error
}

// wording is a firm's own words in one language, as they are kept or were typed.
type wording struct {
	locale  string            // of the pages
	own     map[string]string // by key; what has none is the product's own
	consent string
}

// locale is the language that is asked for, when the pages have it, else their first.
func (s *Site) locale(asked string) string {
	first := ""
	for tag := range s.PageTexts.Languages() {
		if tag == asked {
			return tag
		}
		if first == "" {
			first = tag
		}
	}
	return first
}

// wordingOf is what c has in a language. A tag of a region stands for its language when that has none itself, as on the pages.
func wordingOf(c policy.Customisation, locale string) wording {
	return wording{locale: locale, own: c.Texts[policy.ForLanguage(c.Texts, locale)],
		consent: c.Consent.Texts[policy.ForLanguage(c.Consent.Texts, locale)]}
}

func (s *Site) showTexts(v *visit) (View, error) {
	c, err := s.Settings.Customisation(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	return s.textsPage(v, wordingOf(c, s.locale(v.value(FieldOwnLocale))), c)
}

// textsPage is the page with what was typed, or is kept.
func (s *Site) textsPage(v *visit, w wording, kept policy.Customisation, wrong ...Problem) (View, error) {
	page := &Texts{
		Frame: v.frame(wrong...), Act: v.form(pathTexts), Version: kept.Version, May: v.May(operator.ChangeCustomisation), Locale: w.locale,
		URL: pathTexts, Consent: w.consent, ConsentVersion: kept.Consent.InForce(), Locales: s.localesOf(w.locale), Preview: v.previewed(pathTryTexts, w.locale),
	}
	for key, text := range s.PageTexts.FirmTexts(w.locale) {
		page.Rows = append(page.Rows, TextRow{Key: key, Where: text.Firm, Standard: text.Text, Own: w.own[key]})
	}
	return page, nil
}

// readTexts is the form as it was typed.
func (s *Site) readTexts(v *visit) wording {
	w := wording{locale: s.locale(v.value(FieldOwnLocale)), own: map[string]string{}, consent: lines(v.value(FieldConsentText))}
	for key := range s.PageTexts.FirmTexts(w.locale) {
		if typed := v.value(fieldText(key)); typed != "" {
			w.own[key] = typed
		}
	}
	return w
}

func fieldText(key string) string { return FieldText + "_" + key }

// check tells each text that doesn't fit.
func (s *Site) check(w wording) (problems []Problem) {
	for key := range s.PageTexts.FirmTexts(w.locale) {
		if text, ok := w.own[key]; ok {
			if err := s.PageTexts.CheckText(key, text); err != nil {
				problems = append(problems, Problem{Field: fieldText(key), Message: fault.As(err).Message})
			}
		}
	}
	return problems
}

// into puts the words into c, which shares nothing with what it was copied from afterwards.
func (s *Site) into(c *policy.Customisation, w wording) {
	c.Texts, c.Consent.Texts = maps.Clone(c.Texts), maps.Clone(c.Consent.Texts)
	if c.Texts == nil {
		c.Texts = map[string]map[string]string{}
	}
	if c.Consent.Texts == nil {
		c.Consent.Texts = map[string]string{}
	}
	tag := tagFor(c.Texts, w.locale)
	own := maps.Clone(c.Texts[tag])
	if own == nil {
		own = map[string]string{}
	}
	for key := range s.PageTexts.FirmTexts(w.locale) {
		delete(own, key)
	}
	maps.Copy(own, w.own)
	if c.Texts[tag] = own; len(own) == 0 {
		delete(c.Texts, tag)
	}
	tag = tagFor(c.Consent.Texts, w.locale)
	if c.Consent.Texts[tag] = w.consent; w.consent == "" {
		delete(c.Consent.Texts, tag)
	}
}

// tagFor is the tag under which texts has those of a language, or will have.
func tagFor[T any](texts map[string]T, locale string) string {
	if tag := policy.ForLanguage(texts, locale); tag != "" {
		return tag
	}
	return locale
}

// typedTexts puts the words into c, and tells what is wrong with them.
func (s *Site) typedTexts(c *policy.Customisation, w wording) ([]Problem, error) {
	kept := *c
	s.into(c, w)
	problems := s.check(w)
	if err := c.ValidateChange(&kept); err != nil && len(problems) == 0 {
		return wrong(err, customisationFields)
	}
	return problems, nil
}

func (s *Site) setTexts(v *visit) (View, error) {
	version, err := v.version()
	if err != nil {
		return nil, err
	}
	kept, err := s.Settings.Customisation(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	w, c := s.readTexts(v), kept
	problems, err := s.typedTexts(&c, w)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		kept.Version = version
		return s.textsPage(v, w, kept, problems...)
	}
	c.Consent.Version = "" // the next one, where the texts are others
	_, err = s.Settings.SetCustomisation(v.ctx(), invite.Caller(v.caller()), c, version)
	if fault.Is(err, fault.Conflict) {
		return s.staleTexts(v, w)
	}
	if err != nil {
		return nil, err
	}
	return v.leave(v.lookedAt(pathTexts), Flash{Said: "saved"})
}

// staleTexts shows what somebody else saved meanwhile beside what was sent.
func (s *Site) staleTexts(v *visit, mine wording) (View, error) {
	c, err := s.Settings.Customisation(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	theirs := wordingOf(c, mine.locale)
	fields := []compared{{"consent_text", theirs.consent, mine.consent}}
	for key, text := range s.PageTexts.FirmTexts(mine.locale) {
		shown := func(w wording) string {
			if own := w.own[key]; own != "" {
				return own
			}
			return text.Text
		}
		fields = append(fields, compared{"compared_text", shown(theirs), shown(mine)})
	}
	return v.staleSettings(pathTexts, with(pathTexts, FieldOwnLocale, mine.locale), edition{c.Version, c.UpdatedAt, c.UpdatedBy}, fields)
}
