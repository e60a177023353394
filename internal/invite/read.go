package invite

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/sandbox"
	"github.com/countersign/countersign/internal/tenant"
)

// The bounds of a life that a caller may ask for.
const (
	minLinkTTL    = time.Hour
	maxLinkTTL    = policy.MaxLinkExpiryHours * time.Hour
	maxEnteredTTL = 30 * 24 * time.Hour // ID-30
	minSessionTTL = time.Minute
	maxSessionTTL = time.Hour
)

// defaultEntered is the life of an entered invitation's link when nobody says (ID b.1).
const defaultEntered = time.Hour

// isText reports whether s is at most limit printable characters; in lines, when it may have them.
func isText(s string, limit int, lines bool) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit &&
		strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) && (!lines || r != '\n' && r != '\t') }) < 0
}

// idParam is what CreateRequest.IDParam looks like.
var idParam = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,31}$`)

// checkTexts looks at what a request carries along.
func (r *CreateRequest) checkTexts() error {
	named := r.Kind == Fixed
	for _, n := range []struct{ value, field string }{{r.FirstName, "first_name"}, {r.LastName, "last_name"}} {
		if !isText(n.value, MaxName, false) || named && strings.TrimSpace(n.value) == "" {
			return invalid(n.field+"_invalid", "Give a name of 1 to 100 characters. Characters that can’t be seen, such as marks of direction, are not taken.", n.field)
		}
	}
	switch {
	case !isText(r.Reason, MaxReason, false):
		return invalid("mobile_2fa_reason_invalid", "Give a reason of 1 to 200 printable characters, without names and numbers.", "mobile_2fa_reason")
	case !isText(r.Notes, MaxNotes, true):
		return invalid("notes_invalid", "Give at most 2000 characters.", "notes")
	case !isText(r.Reference, MaxReference, false):
		return invalid("reference_invalid", "Give at most 100 printable characters.", "reference")
	case !isText(r.ExternalID, MaxExternalID, false):
		return invalid("external_id_invalid", "Give at most 100 printable characters.", "external_id")
	case r.Locale != "" && !policy.IsLocale(r.Locale):
		return invalid("locale_invalid", "Give a language tag like en or pt-BR.", "locale")
	case r.Country != "" && !isCountry(r.Country):
		return invalid("country_invalid", "Give two capitals, such as DE.", "country")
	case r.IDParam != "" && (r.Kind != Entered || !idParam.MatchString(r.IDParam)):
		return invalid("id_param_invalid", "Give the name of a parameter to an invitation whose customer enters the contacts: a letter, then at most 31 letters, digits and _.", "id_param")
	case len(r.Vendor) > MaxVendor:
		return invalid("vendor_invalid", "Give at most 64 settings.", "vendor")
	}
	for name, value := range r.Vendor {
		if name == "" || len(name) > MaxVendor || len(value) > MaxVendorText || !utf8.ValidString(value) {
			return invalid("vendor_invalid", "Give values of at most 2048 bytes.", "vendor")
		}
	}
	return nil
}

func isCountry(s string) bool {
	return len(s) == 2 && strings.IndexFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' }) < 0
}

// ttl is the life of each link, 0 for ever.
func (r *CreateRequest) ttl(c *policy.Checks) (time.Duration, error) {
	if r.Kind == Entered {
		switch {
		case r.SessionTTL != 0 && (r.SessionTTL < minSessionTTL || r.SessionTTL > maxSessionTTL):
			return 0, invalid("session_ttl_invalid", "Give 60 to 3600 seconds.", "session_ttl")
		case r.LinkTTL == nil:
			return defaultEntered, nil
		case *r.LinkTTL < 0 || *r.LinkTTL > maxEnteredTTL:
			return 0, invalid("expires_invalid", "Give 0 to 2592000 seconds.", "expires_in")
		}
		return max(*r.LinkTTL, time.Microsecond), nil // zero is a life of no length there
	}
	if r.LinkTTL == nil {
		if c.LinkExpiryHours == nil {
			return 0, nil
		}
		return time.Duration(*c.LinkExpiryHours) * time.Hour, nil
	}
	if *r.LinkTTL != 0 && (*r.LinkTTL < minLinkTTL || *r.LinkTTL > maxLinkTTL) {
		return 0, invalid("expires_in_hours_invalid", "Give 1 to 8760 hours, or null for a link that never expires.", "expires_in_hours")
	}
	return *r.LinkTTL, nil
}

// channels are those of the link: what was asked for, else all that there is a contact for (RA-27).
func (r *CreateRequest) channels(email, mobile bool) ([]delivery.Channel, error) {
	return linkChannels(r.Channels, r.Silent, email, mobile)
}

func linkChannels(asked []delivery.Channel, silent, email, mobile bool) (list []delivery.Channel, err error) {
	if silent {
		return nil, nil
	}
	for _, c := range asked {
		if c == delivery.Email && email || c == delivery.SMS && mobile {
			if !slices.Contains(list, c) {
				list = append(list, c)
			}
			continue
		}
		return nil, invalid("channel_invalid", "Use email and sms, each with a contact to send to.", "channels")
	}
	if len(asked) > 0 {
		return list, nil
	}
	if email {
		list = append(list, delivery.Email)
	}
	if mobile {
		list = append(list, delivery.SMS)
	}
	return list, nil
}

// readPhone reads a number that codes can be sent to (RA-32, ID-54). strict refuses numbers of the internet, too.
func (s *Service) readPhone(owner *tenant.Tenant, typed, country, field string, strict bool) (recipient.Recipient, error) {
	to, err := recipient.ParseIn(typed, country, s.cfg.Rules)
	switch {
	case strings.Contains(typed, "@") || err != nil && fault.As(err).Code == "recipient_invalid":
		return to, invalid("recipient_invalid", "Give a mobile number, such as +12025550123.", field)
	case err != nil:
		return to, onField(err, field)
	}
	line := to.LineType
	if means := sandbox.Of(to.Value).Line; owner.Sandbox && means != "" {
		line = means
	}
	if line == recipient.Landline || strict && line == recipient.VoIP {
		return to, invalid("recipient_line_type", "This number can't receive messages. Give a mobile number.", field)
	}
	return to, nil
}

// admits refuses a number of a country that the firm had not enabled when v was made (RA-31). A number of no country, as of a satellite,
// is of none that was enabled.
func (v *Invitation) admits(to recipient.Recipient, field string) error {
	if len(v.Countries) > 0 && !slices.Contains(v.Countries, to.Country) {
		return invalid("country_not_allowed", "Give a number of a country that your settings allow.", field)
	}
	return nil
}

func (s *Service) readEmail(typed, field string) (recipient.Recipient, error) {
	if !strings.Contains(typed, "@") {
		return recipient.Recipient{}, invalid("email_invalid", "Give an e-mail address, such as name@example.net.", field)
	}
	to, err := recipient.Parse(typed, s.cfg.Rules)
	if err != nil {
		return to, onField(err, field)
	}
	return to, nil
}

// onField names the field at fault.
func onField(err error, field string) error {
	if f := fault.As(err); f.Kind != fault.Internal {
		return f.On(field)
	}
	return err
}
