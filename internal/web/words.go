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
	Firm  bool   `json:"firm"` // of hosted pages: firms may put their own text in its place
	Text  string `json:"text"`
	Zero  string `json:"zero"`
	One   string `json:"one"`
	Two   string `json:"two"`
	Few   string `json:"few"`
	Many  string `json:"many"`
	Other string `json:"other"`
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
		for _, text := range e.Forms() {
			if _, err := Variables(text); err != nil {
				return nil, fmt.Errorf("%q: %w", key, err)
			}
		}
	}
	w.Name, w.Dir = w.Texts["language_name"].Text, w.Texts["direction"].Text
	if w.Name == "" || w.Dir != "ltr" && w.Dir != "rtl" {
		return nil, fmt.Errorf("language_name and direction (ltr or rtl) are needed")
	}
	return w, nil
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

// Pick chooses the text of a key, by the form of the value n where the text counts. A key without a text is an error.
func (w *Words) Pick(key string, values map[string]any) (string, error) {
	e, ok := w.Texts[key]
	if !ok {
		return "", fmt.Errorf("no text %q", key)
	}
	forms := e.Forms()
	if n, counts := values["n"].(int); counts {
		if text, ok := forms[FormNames[plural.Cardinal.MatchPlural(w.Tag, n, 0, 0, 0, 0)]]; ok {
			return text, nil
		}
	}
	return forms["other"], nil
}

// Values reads what a template gives in pairs of name and value.
func Values(pairs []any) (map[string]any, error) {
	values := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("value %d has no name", i)
		}
		values[name] = pairs[i+1]
	}
	return values, nil
}

// FillHTML escapes a text and puts values into it, each string apart from the text's direction; what is template.HTML already
// goes in as it is. A variable without a value is an error.
func FillHTML(text string, values map[string]any) (template.HTML, error) {
	out, err := fill(template.HTMLEscapeString(text), values, marked)
	return template.HTML(out), err // text and values are escaped
}

// FillPlain is FillHTML for where no markup can be: titles and attributes.
func FillPlain(text string, values map[string]any) (string, error) {
	return fill(text, values, func(value any) string { return fmt.Sprint(value) })
}

// fill puts values in by write. A value is never looked at for variables of its own.
func fill(text string, values map[string]any, write func(value any) string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, _ := strings.Cut(rest, "}")
		value, ok := values[name]
		if !ok {
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
