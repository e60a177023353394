package hosted

import (
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// Locales are the languages of the pages. The first is what others fall back to.
var Locales = []string{"en", "de", "fr", "es", "pt", "ar", "he"}

// entry is one text as it stands in a file: Text, or the plural forms of the language for {n}.
type entry struct {
	Note  string `json:"note"`
	Firm  bool   `json:"firm"` // firms may put their own text in its place
	Text  string `json:"text"`
	Zero  string `json:"zero"`
	One   string `json:"one"`
	Two   string `json:"two"`
	Few   string `json:"few"`
	Many  string `json:"many"`
	Other string `json:"other"`

	shown map[string]form // forms, as they are filled
}

// form is one of the forms of a text.
type form struct {
	plain, marked string // for where no markup can be, and escaped for HTML
	open          bool   // it has variables
}

func newForm(text string) form {
	return form{text, template.HTMLEscapeString(text), strings.Contains(text, "{")}
}

// forms gives the texts that the entry has, by the name that JavaScript's Intl.PluralRules has for the form.
func (e entry) forms() map[string]string {
	all := map[string]string{"zero": e.Zero, "one": e.One, "two": e.Two, "few": e.Few, "many": e.Many, "other": e.Other + e.Text}
	for form, text := range all {
		if text == "" {
			delete(all, form)
		}
	}
	return all
}

var formNames = map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}

// words is the texts of one language.
type words struct {
	tag   language.Tag
	name  string // of the language, in itself
	dir   string // "ltr" or "rtl"
	texts map[string]entry
}

// loadWords reads the message file of each locale.
func loadWords(fsys fs.FS) (map[string]*words, error) {
	all := make(map[string]*words, len(Locales))
	for _, locale := range Locales {
		w, err := readWords(fsys, locale)
		if err != nil {
			return nil, fmt.Errorf("messages in %q: %w", locale, err)
		}
		all[locale] = w
	}
	return all, nil
}

func readWords(fsys fs.FS, locale string) (*words, error) {
	raw, err := fs.ReadFile(fsys, "messages/"+locale+".json")
	if err != nil {
		return nil, err
	}
	tag, err := language.Parse(locale)
	if err != nil {
		return nil, err
	}
	w := &words{tag: tag}
	if err := json.Unmarshal(raw, &w.texts); err != nil {
		return nil, err
	}
	for key, e := range w.texts {
		e.shown = map[string]form{}
		for name, text := range e.forms() {
			if _, err := variables(text); err != nil {
				return nil, fmt.Errorf("%q: %w", key, err)
			}
			e.shown[name] = newForm(text)
		}
		w.texts[key] = e
	}
	w.name, w.dir = w.texts["language_name"].Text, w.texts["direction"].Text
	if w.name == "" || w.dir != "ltr" && w.dir != "rtl" {
		return nil, fmt.Errorf("language_name and direction (ltr or rtl) are needed")
	}
	return w, nil
}

// variables lists what a text leaves open: the names in braces.
func variables(text string) ([]string, error) {
	var names []string
	for {
		_, rest, found := strings.Cut(text, "{")
		if !found {
			return names, nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || name == "" || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "" {
			return nil, fmt.Errorf("a brace opens no variable in %q", text)
		}
		names, text = append(names, name), after
	}
}

// pick chooses the text of a key, by the form of n where the text counts.
func (w *words) pick(key string, values values) (form, error) {
	e, ok := w.texts[key]
	if !ok {
		return form{}, fmt.Errorf("no text %q", key)
	}
	if n, counts := values.named("n").(int); counts && len(e.shown) > 1 {
		if f, ok := e.shown[formNames[plural.Cardinal.MatchPlural(w.tag, n, 0, 0, 0, 0)]]; ok {
			return f, nil
		}
	}
	return e.shown["other"], nil
}

// values are what a template puts into a text, in pairs of name and value.
type values struct {
	firm  string
	pairs []any
}

// named is a value by its name, nil when there is none.
func (v values) named(name string) any {
	for i := 0; i+1 < len(v.pairs); i += 2 {
		if v.pairs[i] == name {
			return v.pairs[i+1]
		}
	}
	if name == "firm" {
		return v.firm
	}
	return nil
}

// fill puts values in by write. A value is never looked at for variables of its own.
func fill(text string, values values, write func(value any) string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, _ := strings.Cut(rest, "}")
		value := values.named(name)
		if value == nil {
			return "", fmt.Errorf("no value for {%s}", name)
		}
		b.WriteString(write(value))
		text = after
	}
}

// plainValue writes a value where no markup can be.
func plainValue(value any) string { return fmt.Sprint(value) }

// markedValue writes a value into HTML, apart from the direction of the text around it. A number is part of the text.
func markedValue(value any) string {
	switch v := value.(type) {
	case template.HTML:
		return string(v)
	case int:
		return strconv.Itoa(v)
	}
	return "<bdi>" + template.HTMLEscapeString(fmt.Sprint(value)) + "</bdi>"
}

// maxOwnText is the longest text that a firm may put in, in bytes: three times the longest of ours.
const maxOwnText = 600

// CheckText reports why a firm's own text can't take the place of the one with that key: no such key, or one that firms
// may not change, an unknown variable, a line break, or too long. Markup is no fault; it is shown as it was typed.
func (p *Pages) CheckText(key, text string) error {
	e, ok := p.words[Locales[0]].texts[key]
	if !ok || !e.Firm {
		return fmt.Errorf("no text %q that a firm can change", key)
	}
	if strings.TrimSpace(text) == "" || len(text) > maxOwnText || strings.ContainsAny(text, "\r\n") {
		return fmt.Errorf("%q: one line of 1 to %d bytes is needed", key, maxOwnText)
	}
	used, err := variables(text)
	if err != nil {
		return fmt.Errorf("%q: %w", key, err)
	}
	for _, name := range used {
		if !strings.Contains(e.Text, "{"+name+"}") && name != "firm" {
			return fmt.Errorf("%q: there is no {%s} here", key, name)
		}
	}
	return nil
}

// Match gives the locale that suits best what is asked for, in order: tags such as "de-AT", or lists of them as browsers
// send in Accept-Language. What fits nothing is English (ID-34).
func (p *Pages) Match(asked ...string) string {
	_, i := language.MatchStrings(p.matcher, asked...)
	return Locales[i]
}
