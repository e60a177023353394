package twilio

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

// keptFor is how far back attempts are listed and counted.
const keptFor = 30 * 24 * time.Hour

// maxPrefix is how many digits of a number may be counted by. With more of them a key that does not see numbers could find one out,
// digit by digit.
const maxPrefix = 6

// toParameter is the filter by recipient. Twilio's library for Go sends a backslash within it.
const toParameter, toInGo = "ChannelData.To", `ChannelData\.To`

// attemptChannels are the channels of attempts as Twilio calls them. Nothing has been sent by the last of them.
var attemptChannels = map[string]delivery.Channel{
	"sms": delivery.SMS, "call": delivery.Voice, "email": delivery.Email, "whatsapp": delivery.WhatsApp, "rbm": "rbm",
}

// filters reads the parameters of a query, up to the first that is not good.
type filters struct {
	values url.Values
	err    error
}

// read has take look at a parameter that is given, and gives the refusal with the hint when take can't read it.
func (f *filters) read(parameter, hint string, take func(value string) bool) {
	if value := f.values.Get(parameter); value != "" && f.err == nil && !take(value) {
		f.err = invalid(parameter, hint)
	}
}

// moment reads a parameter that is a time.
func (f *filters) moment(parameter string, into *time.Time) {
	f.read(parameter, "Give a time as 2006-01-02T15:04:05Z.", func(value string) bool {
		for _, form := range []string{time.RFC3339, time.DateOnly} {
			if t, err := time.Parse(form, value); err == nil && t.Year() >= 1 {
				*into = t
				return true
			}
		}
		return false
	})
}

// sid reads a parameter that is one.
func (f *filters) sid(parameter, prefix string, into *uid.ID) {
	f.read(parameter, "Give a SID that begins with "+prefix+".", func(value string) (ok bool) {
		*into, ok = parseSID(prefix, value)
		return ok
	})
}

// common reads what list and summary have both. Nothing that is older than 30 days is in them.
func (f *filters) common(q *verify.SendQuery, now time.Time) {
	f.moment("DateCreatedAfter", &q.Since)
	f.moment("DateCreatedBefore", &q.Until)
	f.read("Country", "Give the two letters of a country.", func(value string) bool {
		q.Country = strings.ToUpper(value)
		return len(value) == 2 && isLetters(value)
	})
	f.read("Channel", "Use sms, call, email, whatsapp or rbm.", func(value string) (ok bool) {
		q.Channel, ok = attemptChannels[strings.ToLower(value)]
		return ok
	})
	f.sid("VerifyServiceSid", sidService, &q.Service)
	if oldest := now.Add(-keptFor); q.Since.Before(oldest) {
		q.Since = oldest
	}
}

// attemptQuery reads what a list is asked for.
func attemptQuery(by verify.Caller, values url.Values, now time.Time) (verify.SendQuery, error) {
	q, f := verify.SendQuery{Caller: by}, filters{values: values}
	f.common(&q, now)
	f.sid("VerificationSid", sidVerification, &q.Verification)
	f.read("Status", "Use converted or unconverted.", func(value string) bool {
		value = strings.ToLower(value)
		converted := value == "converted"
		q.Converted = &converted
		return converted || value == "unconverted"
	})
	if q.To = values.Get(toParameter); q.To == "" {
		q.To = values.Get(toInGo)
	}
	q.To = web.QueryNumber(q.To)
	return q, f.err
}

// summaryQuery reads what a summary is asked for. Only who may see numbers may count by more than their first digits.
func summaryQuery(by verify.Caller, values url.Values, now time.Time, reveal bool) (verify.SendQuery, error) {
	q, f := verify.SendQuery{Caller: by}, filters{values: values}
	f.common(&q, now)
	f.read("DestinationPrefix", "Give a plus sign and up to six digits, or up to fifteen with the scope recipients:reveal.", func(value string) bool {
		digits := strings.TrimPrefix(strings.TrimLeft(value, " "), "+") // a plus sign that was not escaped is a space
		q.Prefix = "+" + digits
		return isDigits(digits) && len(digits) <= 15 && (reveal || len(digits) <= maxPrefix)
	})
	return q, f.err
}

func isLetters(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(c byte) bool { return c|0x20 < 'a' || c|0x20 > 'z' })
}

func isDigits(s string) bool {
	return s != "" && !slices.ContainsFunc([]byte(s), func(c byte) bool { return c < '0' || c > '9' })
}
