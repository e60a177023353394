package delivery

import (
	"maps"
	"slices"
	"unicode/utf8"
)

// Template is one of the texts that the server writes messages by, for whoever shows or fills them elsewhere.
type Template struct {
	Name     string    // a stable word
	Payment  bool      // it names an amount and a payee
	Channels []Channel // that messages of it go by

	languages  map[string]*language
	candidates []phrase // of a text message, the fullest first
}

// Words stand for the variables of a template. They are taken as they are.
type Words struct{ Service, Code, Minutes, Amount, Payee string }

// Templates are the texts of the server: "verification", and "payment" for what a code is bound to. An error is a fault of
// the build.
func Templates() ([]Template, error) {
	languages, err := loadLanguages(files, codeBook)
	if err != nil {
		return nil, err
	}
	return []Template{
		{Name: "verification", Channels: []Channel{SMS, Voice}, languages: languages, candidates: []phrase{phSMS, phSMSShort}},
		{Name: "payment", Payment: true, Channels: []Channel{SMS}, languages: languages,
			candidates: []phrase{phSMSTransaction, phSMSTransactionShort, phSMSTransactionLeast}},
	}, nil
}

// Locales are those that t has a text for, in order.
func (t Template) Locales() []string { return slices.Sorted(maps.Keys(t.languages)) }

// Translated reports whether t has a text for a BCP 47 tag, or for what is left as subtags are cut off its end.
func (t Template) Translated(tag string) bool { return closest(t.languages, tag) != nil }

// Text is t as a text message for a tag, in English where it is not translated: the fullest form that has at most limit
// characters, or else the shortest.
func (t Template) Text(tag string, w Words, limit int) string {
	l := orDefault(t.languages, tag)
	v := values{slotService: w.Service, slotCode: w.Code, slotMinutes: w.Minutes, slotAmount: w.Amount, slotPayee: w.Payee}
	text := ""
	for _, name := range t.candidates {
		if text = l.texts[name].fill(&v); utf8.RuneCountInString(text) <= limit {
			break
		}
	}
	return text
}
