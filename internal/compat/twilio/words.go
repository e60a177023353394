package twilio

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
)

// languages are those that Twilio has texts for. Which of them a message is really written in is for the message files to say.
var languages = []string{"af", "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fi", "fr", "gu", "he", "hi", "hr",
	"hu", "id", "it", "ja", "kn", "ko", "lt", "lv", "mr", "ms", "nb", "nl", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "ta",
	"te", "th", "tl", "tr", "uk", "vi", "zh"}

// isLanguage reports whether messages can be asked for in the language of a tag.
func isLanguage(tag string) bool {
	language, _, _ := strings.Cut(strings.ToLower(tag), "-")
	return slices.Contains(languages, language)
}

// appHash is what Android's SMS Retriever knows an application by.
var appHash = regexp.MustCompile(`^[A-Za-z0-9+/]{11}$`)

// maxName is the longest name that a message may have in place of the service's.
const maxName = 32

// wording is what a message is made of.
type wording struct {
	name     string
	profile  string // what the service's own texts call it
	warning  bool
	appHash  string
	own      bool          // the name is not the service's, so the service's own texts don't do
	template *template     // nil: the door's own words
	life     time.Duration // of the code
}

// text is the message's own words, for channels that take them. It is empty where the service's own texts are used: in
// other languages than English, for calls, which say the code twice, for payments, whose texts name amount and payee, and
// where a template of the server is asked for.
func (m wording) text(ch delivery.Channel, locale string, payment bool) string {
	language, _, _ := strings.Cut(strings.ToLower(locale), "-")
	english := language == "" || language == "en"
	switch {
	case ch == delivery.Email || payment:
		return ""
	case m.template != nil && (ch != delivery.SMS || m.appHash == "" && m.name == m.profile):
		return "" // the service's own texts are what the template says
	case m.template != nil:
		return m.hashed(m.template.words(locale, m.name, m.life))
	case m.appHash == "" && !m.own && (ch == delivery.Voice || !english):
		return ""
	}
	s := "Your " + m.name + " verification code is: " + delivery.CodeSlot
	if m.warning && ch == delivery.SMS {
		s += ". Don't share this code with anyone."
	}
	return m.hashed(s)
}

// hashed is a text as an application on Android finds it.
func (m wording) hashed(s string) string {
	if m.appHash == "" {
		return s
	}
	return "<#> " + s + " " + m.appHash
}
