package hosted

import (
	"fmt"
	"strings"

	"golang.org/x/text/language"

	"github.com/countersign/countersign/internal/web"
)

// Locales are the languages of the pages. The first is what others fall back to.
var Locales = []string{"en", "de", "fr", "es", "pt", "ar", "he"}

// maxOwnText is the longest text that a firm may put in, in bytes: three times the longest of ours.
const maxOwnText = 600

// CheckText reports why a firm's own text can't take the place of the one with that key: no such key, or one that firms
// may not change, an unknown variable, a line break, or too long. Markup is no fault; it is shown as it was typed.
func (p *Pages) CheckText(key, text string) error {
	e, ok := p.words[Locales[0]].Texts[key]
	if !ok || !e.Firm {
		return fmt.Errorf("no text %q that a firm can change", key)
	}
	if strings.TrimSpace(text) == "" || len(text) > maxOwnText || strings.ContainsAny(text, "\r\n") {
		return fmt.Errorf("%q: one line of 1 to %d bytes is needed", key, maxOwnText)
	}
	used, err := web.Variables(text)
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
