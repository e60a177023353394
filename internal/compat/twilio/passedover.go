package twilio

import (
	"encoding/json"
	"net/url"
	"regexp"

	"github.com/countersign/countersign/internal/recipient"
)

// sendDigits are keys of a telephone, and w for a pause of half a second. At Twilio they are 32 at most.
var sendDigits = regexp.MustCompile(`^[0-9#*wW]{1,32}$`)

// maxConfiguration is the longest text of a ChannelConfiguration.
const maxConfiguration = 255

// checkPassedOver looks at parameters that nothing here acts on: what is malformed at Twilio is so here too, that an application
// learns of it on either side.
func checkPassedOver(form url.Values) error {
	if digits := form.Get("SendDigits"); digits != "" && !sendDigits.MatchString(digits) {
		return invalid("SendDigits", "Give up to 32 digits, and w for a pause.")
	}
	if c := form.Get("ChannelConfiguration"); c != "" && !isConfiguration(c) {
		return invalid("ChannelConfiguration", "Give a JSON object with from, an e-mail address, from_name and template_id, texts, and substitutions, an object.")
	}
	return nil
}

// isConfiguration reports whether text can be the settings of an e-mail. Members that are not known here may be anything.
func isConfiguration(text string) bool {
	var c *struct {
		From          *string         `json:"from"`
		FromName      *string         `json:"from_name"`
		Template      *string         `json:"template_id"`
		Substitutions *map[string]any `json:"substitutions"`
	}
	if json.Unmarshal([]byte(text), &c) != nil || c == nil {
		return false
	}
	for _, s := range []*string{c.From, c.FromName, c.Template} {
		if s != nil && !isText(*s, maxConfiguration) {
			return false
		}
	}
	if c.From == nil {
		return true
	}
	from, err := recipient.Parse(*c.From, recipient.Rules{})
	return err == nil && from.Kind == recipient.Email
}
