package hosted

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"golang.org/x/text/language"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/web"
)

// Locales are the languages of the pages. The first is what others fall back to.
var Locales = []string{"en", "de", "fr", "es", "pt", "ar", "he"}

// maxOwnText is the longest text that a firm may put in, in bytes: three times the longest of ours.
const maxOwnText = 600

// CheckText reports why a firm's own text can't take the place of the one with that key: no such key, or one that firms
// may not change, an unknown variable, a line break, or too long. Markup is no fault; it is shown as it was typed. Each is a fault of
// Kind Invalid on the key.
func (p *Pages) CheckText(key, text string) error {
	wrong := func(message string) error { return fault.New(fault.Invalid, "text_invalid", message).On(key) }
	e, ok := p.words[Locales[0]].Texts[key]
	if !ok || e.Firm == "" {
		return wrong("There is no such text that a firm can change.")
	}
	if strings.TrimSpace(text) == "" || len(text) > maxOwnText || strings.ContainsAny(text, "\r\n") {
		return wrong(fmt.Sprintf("Give one line of at most %d bytes.", maxOwnText))
	}
	used, err := web.Variables(text)
	if err != nil {
		return wrong("Write a brace only around the name of what is filled in, as in {firm}.")
	}
	for _, name := range used {
		if !strings.Contains(e.Text, "{"+name+"}") && name != "firm" {
			return wrong(fmt.Sprintf("There is no {%s} here.", name))
		}
	}
	return nil
}

// Languages give each language of the pages by its tag, with its name in itself, in the order in which they are offered.
func (p *Pages) Languages() iter.Seq2[string, string] {
	return func(yield func(tag, name string) bool) {
		for _, locale := range Locales {
			if !yield(locale, p.words[locale].Name) {
				return
			}
		}
	}
}

// faces are the pages with texts of firms, by what their keys begin with, in the order in which a customer meets them.
var faces = []string{"intro_sms_", "intro_email_", "number_", "address_", "code_", "consent_", "done_"}

// met compares two keys by what a customer meets first: a title stands above what leads on from it.
func met(a, b string) int {
	face := func(key string) int {
		return slices.IndexFunc(faces, func(face string) bool { return strings.HasPrefix(key, face) })
	}
	return cmp.Or(face(a)-face(b), strings.Compare(b, a))
}

// FirmTexts give the texts of a language that a firm may put its own in place of, by their keys, in the order in which a customer meets
// them. Firm of each says where it stands, in English. A language that the pages don't have has none.
func (p *Pages) FirmTexts(locale string) iter.Seq2[string, web.Text] {
	return func(yield func(key string, text web.Text) bool) {
		words, ok := p.words[locale]
		if !ok {
			return
		}
		english := p.words[Locales[0]].Texts
		for _, key := range slices.SortedFunc(maps.Keys(english), met) {
			if english[key].Firm == "" {
				continue
			}
			text := words.Texts[key]
			text.Firm = english[key].Firm
			if !yield(key, text) {
				return
			}
		}
	}
}

// Match gives the locale that suits best what is asked for, in order: tags such as "de-AT", or lists of them as browsers
// send in Accept-Language. What fits nothing is English (ID-34).
func (p *Pages) Match(asked ...string) string {
	_, i := language.MatchStrings(p.matcher, asked...)
	return Locales[i]
}
