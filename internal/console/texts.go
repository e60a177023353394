package console

import (
	"cmp"
	"encoding/json"
	"iter"
	"maps"
	"slices"

	"github.com/countersign/countersign/internal/fault"
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

// wording is a firm's own words in one language, as they are kept or were typed. Its JSON is that of FieldUnsaved.
type wording struct {
	Locale  string            `json:"locale"` // of the pages
	Own     map[string]string `json:"own"`    // by key; what has none is the product's own
	Consent string            `json:"consent"`
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
	return wording{Locale: locale, Own: c.Texts[policy.ForLanguage(c.Texts, locale)],
		Consent: c.Consent.Texts[policy.ForLanguage(c.Consent.Texts, locale)]}
}

func (s *Site) showTexts(v *visit) (View, error) {
	c, err := s.Settings.Customisation(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	return s.textsPage(v, []wording{wordingOf(c, s.locale(v.value(FieldOwnLocale)))}, c)
}

// textsPage is the page with what was typed, or is kept: the first language is shown, and what was typed in others goes along in its form.
func (s *Site) textsPage(v *visit, typed []wording, kept policy.Customisation, wrong ...Problem) (View, error) {
	w := typed[0]
	page := &Texts{
		Frame: v.frame(wrong...), Act: v.form(pathTexts), Version: kept.Version, May: v.May(operator.ChangeCustomisation), Locale: w.Locale,
		URL: pathTexts, Turn: v.form(pathTurnTexts), Typed: !s.isKept(w, kept), Consent: w.Consent, ConsentVersion: kept.Consent.InForce(),
		Locales: s.localesOf(w.Locale), Preview: v.previewed(pathTryTexts, w.Locale),
	}
	for key, text := range s.PageTexts.FirmTexts(w.Locale) {
		page.Rows = append(page.Rows, TextRow{Key: key, Where: text.Firm, Standard: text.Text, Own: w.Own[key]})
	}
	for _, w := range typed[1:] {
		if s.isKept(w, kept) {
			continue
		}
		words, err := json.Marshal(w)
		if err != nil {
			return nil, err
		}
		page.Unsaved = append(page.Unsaved, Unsaved{s.languageOf(w.Locale), string(words)})
	}
	return page, nil
}

// isKept reports whether the words of w are those that are kept.
func (s *Site) isKept(w wording, kept policy.Customisation) bool {
	is := wordingOf(kept, w.Locale)
	for key := range s.PageTexts.FirmTexts(w.Locale) {
		if w.Own[key] != is.Own[key] {
			return false
		}
	}
	return w.Consent == is.Consent
}

// languageOf is a language by its own name.
func (s *Site) languageOf(locale string) string {
	for tag, name := range s.PageTexts.Languages() {
		if tag == locale {
			return name
		}
	}
	return locale
}

// readTexts is the form as it was typed: the language that it shows first, then others that were typed before it.
func (s *Site) readTexts(v *visit) ([]wording, error) {
	shown := wording{Locale: s.locale(v.value(FieldOwnLocale)), Own: map[string]string{}, Consent: lines(v.value(FieldConsentText))}
	for key := range s.PageTexts.FirmTexts(shown.Locale) {
		if typed := v.value(fieldText(key)); typed != "" {
			shown.Own[key] = typed
		}
	}
	typed := []wording{shown}
	for _, text := range v.r.PostForm[FieldUnsaved] {
		var w wording
		if json.Unmarshal([]byte(text), &w) != nil || at(typed, s.locale(w.Locale)) >= 0 {
			return nil, errForm
		}
		typed = append(typed, wording{s.locale(w.Locale), s.ours(w), w.Consent})
	}
	return typed, nil
}

// ours are the words of w that have a place on the pages.
func (s *Site) ours(w wording) map[string]string {
	own := map[string]string{}
	for key := range s.PageTexts.FirmTexts(w.Locale) {
		if text := w.Own[key]; text != "" {
			own[key] = text
		}
	}
	return own
}

// at is where a language stands among those that were typed, -1 where it was not.
func at(typed []wording, locale string) int {
	return slices.IndexFunc(typed, func(w wording) bool { return w.Locale == locale })
}

func fieldText(key string) string { return FieldText + "_" + key }

// check tells each text that doesn't fit.
func (s *Site) check(w wording) (problems []Problem) {
	for key := range s.PageTexts.FirmTexts(w.Locale) {
		if text, ok := w.Own[key]; ok {
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
	tag := tagFor(c.Texts, w.Locale)
	own := maps.Clone(c.Texts[tag])
	if own == nil {
		own = map[string]string{}
	}
	for key := range s.PageTexts.FirmTexts(w.Locale) {
		delete(own, key)
	}
	maps.Copy(own, w.Own)
	if c.Texts[tag] = own; len(own) == 0 {
		delete(c.Texts, tag)
	}
	tag = tagFor(c.Consent.Texts, w.Locale)
	if c.Consent.Texts[tag] = w.Consent; w.Consent == "" {
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

// sentTexts are the words of the form, what is kept, and the version of it that the form was drawn from.
func (s *Site) sentTexts(v *visit) (typed []wording, kept policy.Customisation, version int64, err error) {
	if kept, version, err = v.customisation(); err != nil {
		return nil, kept, 0, err
	}
	typed, err = s.readTexts(v)
	return typed, kept, version, err
}

func (s *Site) setTexts(v *visit) (View, error) {
	typed, kept, version, err := s.sentTexts(v)
	if err != nil {
		return nil, err
	}
	c := kept
	for i, w := range typed {
		problems, err := s.typedTexts(&c, w)
		if err != nil {
			return nil, err
		}
		if len(problems) > 0 {
			typed[0], typed[i] = w, typed[0]
			kept.Version = version
			return s.textsPage(v, typed, kept, problems...)
		}
	}
	c.Consent.Version = "" // the next one, where the texts are others
	_, err = s.Settings.SetCustomisation(v.ctx(), v.inviter(), c, version)
	if fault.Is(err, fault.Conflict) {
		return s.staleTexts(v, typed)
	}
	if err != nil {
		return nil, err
	}
	return v.leave(v.lookedAt(pathTexts), Flash{Said: "saved"})
}

// turnTexts shows another language of the form. What was typed and is not saved goes along.
func (s *Site) turnTexts(v *visit) (View, error) {
	typed, kept, version, err := s.sentTexts(v)
	if err != nil {
		return nil, err
	}
	locale := s.locale(v.posted(FieldOtherLocale))
	if !slices.ContainsFunc(typed, func(w wording) bool { return !s.isKept(w, kept) }) {
		return v.leave(with(v.lookedAt(pathTexts), FieldOwnLocale, locale), Flash{})
	}
	i := at(typed, locale)
	if i < 0 {
		i, typed = len(typed), append(typed, wordingOf(kept, locale))
	}
	typed[0], typed[i] = typed[i], typed[0]
	kept.Version = version
	return s.textsPage(v, typed, kept)
}

// staleTexts shows what somebody else saved meanwhile beside what was sent.
func (s *Site) staleTexts(v *visit, typed []wording) (View, error) {
	c, err := s.Settings.Customisation(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	var fields []compared
	for _, mine := range typed {
		theirs := wordingOf(c, mine.Locale)
		fields = append(fields, compared{"consent_text", theirs.Consent, mine.Consent})
		for key, text := range s.PageTexts.FirmTexts(mine.Locale) {
			shown := func(w wording) string { return cmp.Or(w.Own[key], text.Text) }
			fields = append(fields, compared{"compared_text", shown(theirs), shown(mine)})
		}
	}
	return v.staleSettings(pathTexts, with(pathTexts, FieldOwnLocale, typed[0].Locale), edition{c.Version, c.UpdatedAt, c.UpdatedBy}, fields)
}
