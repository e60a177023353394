package tenant

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// The bounds of a profile and what a new one gets.
const (
	maxName                      = 30
	minCodeLength, maxCodeLength = 4, 10
	defaultCodeLength            = 6
	minTTL, maxTTL               = 30 * time.Second, 600 * time.Second
	defaultTTL                   = 300 * time.Second
	defaultEmailTTL              = 600 * time.Second
	maxTries                     = 10 // checks and sends
	defaultTries                 = 5
	maxHost                      = 253 // RFC 1035 §2.3.4, without the final dot
	maxVendor                    = 64  // settings of vendors' doors, and characters of the name of one
	maxVendorValue               = 512
)

// Faults are all that is wrong with a request, in the order of its fields. fault.As finds the first.
type Faults []*fault.Error

// Error is for logs.
func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i, e := range f {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "; ")
}

// Unwrap gives each of them.
func (f Faults) Unwrap() []error {
	errs := make([]error, len(f))
	for i, e := range f {
		errs[i] = e
	}
	return errs
}

func (f *Faults) add(code, field, message string) {
	*f = append(*f, fault.New(fault.Invalid, code, message).On(field))
}

// conflict adds that something is there already, or as much of it as there may be.
func (f *Faults) conflict(code, field, message string) {
	*f = append(*f, fault.New(fault.Conflict, code, message).On(field))
}

// asError is nil without faults: an empty Faults in an error is not nil.
func (f Faults) asError() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// withDefaults fills in what a new profile leaves out.
func (s Service) withDefaults() Service {
	setDefault(&s.CodeLength, defaultCodeLength)
	setDefault(&s.TTL, defaultTTL)
	setDefault(&s.EmailTTL, defaultEmailTTL)
	setDefault(&s.MaxChecks, defaultTries)
	setDefault(&s.MaxSends, defaultTries)
	setDefault(&s.Resend, SameCode)
	return s
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// checkService tells everything that is wrong with a profile, by the names its fields have in JSON.
func (d *Directory) checkService(s Service) (f Faults) {
	if _, err := uid.Parse(uid.Service, s.Name); err == nil || !d.cfg.Showable(s.Name, maxName) {
		f.add("name_invalid", "name", "Give a name of 1 to 30 characters as people shall read it, without line breaks, control or direction characters, outer spaces or links.")
	}
	within(&f, "code_length", s.CodeLength, minCodeLength, maxCodeLength)
	d.checkTTL(&f, "ttl_seconds", s.TTL)
	d.checkTTL(&f, "email_ttl_seconds", s.EmailTTL)
	within(&f, "max_checks", s.MaxChecks, 1, maxTries)
	within(&f, "max_sends", s.MaxSends, 1, maxTries)
	if s.Resend != SameCode && s.Resend != NewCode {
		f.add("resend_invalid", "resend", "Choose same_code or new_code.")
	}
	if !d.knownChannels(s.Channels) {
		f.add("channels_invalid", "channels", "Name each channel once, out of: "+strings.Join(d.cfg.Channels, ", ")+"; none means all that have a route.")
	}
	if s.Host != "" && !isHost(s.Host) {
		f.add("host_invalid", "host", "Give the host name of your site in lower case, such as login.example.com, without scheme, port or path; empty for none.")
	}
	if !isVendor(s.Vendor) {
		f.add("vendor_invalid", "vendor", "Give at most 64 settings, with names of 1 to 64 and values of at most 512 printable characters.")
	}
	checkRateLimits(&f, s.RateLimits)
	return f
}

func isVendor(settings map[string]string) bool {
	for name, value := range settings {
		if name == "" || !isLabel(name, maxVendor) || !isLabel(value, maxVendorValue) {
			return false
		}
	}
	return len(settings) <= maxVendor
}

func within(f *Faults, field string, value, least, most int) {
	if value < least || value > most {
		f.add(field+"_invalid", field, "Choose a whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most)+".")
	}
}

func (d *Directory) checkTTL(f *Faults, field string, ttl time.Duration) {
	if ttl%time.Second != 0 {
		f.add(field+"_invalid", field, "Choose a whole number of seconds.")
		return
	}
	within(f, field, int(ttl/time.Second), int(d.cfg.MinTTL/time.Second), int(maxTTL/time.Second))
}

func (d *Directory) knownChannels(channels []string) bool {
	for i, c := range channels {
		if !slices.Contains(d.cfg.Channels, c) || slices.Contains(channels[:i], c) {
			return false
		}
	}
	return true
}

// hostForm is a host name of two labels or more, or localhost, as browsers compare it in an origin-bound code.
var hostForm = regexp.MustCompile(`^(localhost|([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?)$`)

func isHost(s string) bool { return len(s) <= maxHost && hostForm.MatchString(s) }

// isLabel reports whether s is at most limit printable characters on one line.
func isLabel(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// checkTenant tells everything that is wrong with a tenant.
func (d *Directory) checkTenant(t Tenant) (f Faults) {
	if t.Name == "" || !isLabel(t.Name, maxTenantName) {
		f.add("name_invalid", "name", "Give the tenant a name of 1 to 100 printable characters.")
	}
	for _, l := range slices.Concat(t.Limits.Recipient, t.Limits.RecipientNew) {
		if l.Validate() != nil {
			f.add("limits_invalid", "limits", "Give each limit a number of events and a period.")
			break
		}
	}
	return append(f, d.checkTestNumbers(t.TestNumbers)...)
}

// SEC-13: a few listed recipients, each with a code of the ordinary form.
func (d *Directory) checkTestNumbers(n TestNumbers) (f Faults) {
	if len(n.Codes) > MaxTestNumbers {
		f.add("test_numbers_invalid", "test_numbers", "Name at most 10 test numbers.")
	}
	for to, code := range n.Codes {
		r, err := recipient.Parse(to, d.cfg.Rules)
		if err != nil || r.Value != to {
			f.add("test_numbers_invalid", "test_numbers", "Write each test number in full, such as +12025550123, or as an address in lower case.")
			break
		}
		if len(code) < minCodeLength || len(code) > maxCodeLength || strings.Trim(code, "0123456789") != "" {
			f.add("test_numbers_invalid", "test_numbers", "Give each test number a code of 4 to 10 digits.")
			break
		}
	}
	return f
}
