package webhook

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
)

// Why an endpoint is off.
const (
	OffByOwner = "owner" // the tenant said so
	OffGone    = "gone"  // it answered 410
)

// Endpoint is a URL of a tenant that gets events.
type Endpoint struct {
	ID            uid.ID
	Tenant        uid.Tenant
	Dialect       string // the form of what it gets; "" is the native one
	URL           string
	Description   string            // the tenant's own words
	Events        []string          // words of the dialect; natively types, or families as "verification.*", and empty: all
	Topic         string            // the word that it has to itself in its dialect, "": none; it is written, and not read back
	Service       uid.ID            // only events about things of this service, which factors and challenges name; zero: of all
	Once          bool              // one try of each delivery
	Settings      map[string]string // what its edge keeps with it; nothing here reads it
	Enabled       bool
	Off           string         // why not; empty while Enabled
	Own           signing.Secret `json:"-"` // one that the tenant brings, in a change; sealed then, and never here when it is read
	Secret        []byte         // sealed
	Previous      []byte         // sealed: the one before, which signs too until PreviousUntil; nil: none
	PreviousUntil time.Time      // zero: none
	Since         time.Time      // when it was enabled last; events of before are not for it
	CreatedAt     time.Time
	UpdatedAt     time.Time
	Version       int64
}

// enable switches the endpoint on or off at now. One that is on already keeps its Since.
func (e *Endpoint) enable(on bool, now time.Time) {
	switch {
	case on && !e.Enabled:
		e.Enabled, e.Off, e.Since = true, "", now
	case !on && e.Enabled:
		e.Enabled, e.Off = false, OffByOwner
	}
}

// rotate makes sealed the secret. The one before signs beside it until the given time.
func (e *Endpoint) rotate(sealed []byte, until time.Time) {
	e.Previous, e.PreviousUntil, e.Secret = e.Secret, until, sealed
}

// The bounds of what a tenant sets.
const (
	maxEndpoints   = 20 // of a tenant
	maxURL         = 2048
	maxDescription = 200
	maxFilter      = 50
)

// check says what can't be taken. http is taken of loopback alone, and only when loopback says so.
func (e *Endpoint) check(d *Dialect, loopback bool) error {
	if err := checkTarget(e.URL, loopback); err != nil {
		return err
	}
	if utf8.RuneCountInString(e.Description) > maxDescription || !printable(e.Description) {
		return invalid("description_invalid", "Give at most 200 printable characters.", "description")
	}
	if len(e.Events) > maxFilter || slices.ContainsFunc(e.Events, func(f string) bool { return !d.Knows(f) }) {
		return invalid("events_invalid", "Name types of the catalogue, or families as verification.*; none for all.", "events")
	}
	if d.Name != "" && len(e.Events) == 0 || d.Alone && len(e.Events) != 1 {
		return invalid("events_invalid", "Name events as the API does that this webhook was made with.", "events")
	}
	return nil
}

func checkTarget(raw string, loopback bool) error {
	u, err := url.Parse(raw)
	if err != nil || len(raw) > maxURL || !printable(raw) || u.Fragment != "" || egress.CheckURL(raw) != nil {
		return invalid("url_invalid", "Give an https URL of at most 2048 characters, with a host, without user name and fragment.", "url")
	}
	if u.Scheme != "https" && !(loopback && isLoopback(u.Hostname())) {
		return invalid("url_insecure", "Give an https URL: what is posted must not be read on its way.", "url")
	}
	return nil
}

// printable reports whether any database can hold s, and people see all of it.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

func invalid(code, message, field string) error {
	return fault.New(fault.Invalid, code, message).On(field)
}
