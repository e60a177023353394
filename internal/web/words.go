package web

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

// Text is one text as it stands in a file: Text, or the plural forms of the language for {n}.
type Text struct {
	Note  string `json:"note"`
	Firm  string `json:"firm"` // of hosted pages: firms may put their own text in its place, and this tells them where it stands
	Text  string `json:"text"`
	Zero  string `json:"zero"`
	One   string `json:"one"`
	Two   string `json:"two"`
	Few   string `json:"few"`
	Many  string `json:"many"`
	Other string `json:"other"`

	other   Form            // Text, or Other
	plurals map[string]Form // Forms of a text that counts, as they are filled; nil: it has but one
}

// UnmarshalJSON takes a bare string for an entry that is nothing but its text.
func (e *Text) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &e.Text)
	}
	type whole Text
	return json.Unmarshal(raw, (*whole)(e))
}

// Forms gives the texts that the entry has, by the name that JavaScript's Intl.PluralRules has for the form.
func (e Text) Forms() map[string]string {
	all := map[string]string{"zero": e.Zero, "one": e.One, "two": e.Two, "few": e.Few, "many": e.Many, "other": e.Other + e.Text}
	for form, text := range all {
		if text == "" {
			delete(all, form)
		}
	}
	return all
}

// FormNames are the plural forms by the names that Intl.PluralRules of JavaScript has for them.
var FormNames = map[plural.Form]string{plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many", plural.Other: "other"}

// Words are the texts of one language. They may be read concurrently.
type Words struct {
	Tag   language.Tag
	Name  string // of the language, in itself
	Dir   string // "ltr" or "rtl"
	Texts map[string]Text
}

// LoadWords reads messages/{locale}.json of each locale, each with the texts language_name and direction.
func LoadWords(fsys fs.FS, locales []string) (map[string]*Words, error) {
	all := make(map[string]*Words, len(locales))
	for _, locale := range locales {
		w, err := readWords(fsys, locale)
		if err != nil {
			return nil, fmt.Errorf("messages in %q: %w", locale, err)
		}
		all[locale] = w
	}
	return all, nil
}

func readWords(fsys fs.FS, locale string) (*Words, error) {
	raw, err := fs.ReadFile(fsys, "messages/"+locale+".json")
	if err != nil {
		return nil, err
	}
	tag, err := language.Parse(locale)
	if err != nil {
		return nil, err
	}
	w := &Words{Tag: tag}
	if err := json.Unmarshal(raw, &w.Texts); err != nil {
		return nil, err
	}
	for key, e := range w.Texts {
		if err := e.prepare(); err != nil {
			return nil, fmt.Errorf("%q: %w", key, err)
		}
		w.Texts[key] = e
	}
	w.Name, w.Dir = w.Texts["language_name"].Text, w.Texts["direction"].Text
	if w.Name == "" || w.Dir != "ltr" && w.Dir != "rtl" {
		return nil, fmt.Errorf("language_name and direction (ltr or rtl) are needed")
	}
	return w, nil
}

// prepare makes the forms ready to be filled. Few texts count, so few keep a map of them.
func (e *Text) prepare() error {
	forms := e.Forms()
	for _, text := range forms {
		if _, err := Variables(text); err != nil {
			return err
		}
	}
	e.other = NewForm(forms["other"])
	if len(forms) > 1 {
		e.plurals = make(map[string]Form, len(forms))
		for name, text := range forms {
			e.plurals[name] = NewForm(text)
		}
	}
	return nil
}

// Variables lists what a text leaves open: the names in braces.
func Variables(text string) ([]string, error) {
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

// Pick chooses the text of a key, by the form of the value n where the text counts. A key without a text is an error. pairs are
// names and values, as a template gives them.
func (w *Words) Pick(key string, pairs []any) (Form, error) {
	e, ok := w.Texts[key]
	if !ok {
		return Form{}, fmt.Errorf("no text %q", key)
	}
	if n, counts := named(pairs, "n").(int); counts && e.plurals != nil {
		if f, ok := e.plurals[FormNames[plural.Cardinal.MatchPlural(w.Tag, n, 0, 0, 0, 0)]]; ok {
			return f, nil
		}
	}
	return e.other, nil
}

// named is a value by its name, nil when there is none.
func named(pairs []any, name string) any {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == name {
			return pairs[i+1]
		}
	}
	return nil
}

// Form is one of the forms of a text, made ready to be filled.
type Form struct {
	plain, marked string // for where no markup can be, and escaped for HTML
	open          bool   // it has variables
}

// NewForm makes one of a text whose variables are known to be written well.
func NewForm(text string) Form {
	return Form{text, template.HTMLEscapeString(text), strings.Contains(text, "{")}
}

// Open reports whether it has variables.
func (f Form) Open() bool { return f.open }

// Text is the text as it stands, with its variables.
func (f Form) Text() string { return f.plain }

// HTML puts values into the escaped text, each string apart from the text's direction; what is template.HTML already goes in as it
// is. A variable without a value is an error.
func (f Form) HTML(pairs ...any) (template.HTML, error) {
	if !f.open {
		return template.HTML(f.marked), nil // escaped
	}
	out, err := fill(f.marked, pairs, marked)
	return template.HTML(out), err // text and values are escaped
}

// Plain is HTML for where no markup can be: titles and attributes.
func (f Form) Plain(pairs ...any) (string, error) {
	if !f.open {
		return f.plain, nil
	}
	return fill(f.plain, pairs, func(value any) string { return fmt.Sprint(value) })
}

// fill puts values in by write. A value is never looked at for variables of its own.
func fill(text string, pairs []any, write func(value any) string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, _ := strings.Cut(rest, "}")
		value := named(pairs, name)
		if value == nil {
			return "", fmt.Errorf("no value for {%s}", name)
		}
		b.WriteString(write(value))
		text = after
	}
}

// marked writes a value into HTML, apart from the direction of the text around it. A number is part of the text.
func marked(value any) string {
	switch v := value.(type) {
	case template.HTML:
		return string(v)
	case int:
		return strconv.Itoa(v)
	}
	return "<bdi>" + template.HTMLEscapeString(fmt.Sprint(value)) + "</bdi>"
}
