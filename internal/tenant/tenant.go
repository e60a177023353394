// Package tenant is the directory of an installation: tenants, their API keys and their service profiles.
//
// A Directory answers who a key belongs to and what a tenant decided, from memory, and changes both through its Store,
// each change with its event in one transaction. Several processes may change one database: each Directory that runs
// looks at the version row twice a second and forgets what it knew when that moved. So a revoked key stops working
// everywhere within a second, and on the node that revoked it at once.
//
// Words. A tenant owns everything and sees nothing of another. A sandbox is a tenant whose messages are never sent: it is a
// tenant of its own, so that it shares no verification, recipient or limit with a live one. A service is a tenant's named
// profile; exactly one of them is the default. A rate limit is set by the tenant on starts with a service, and a bucket is one
// figure of it. A key's secret is shown once and kept as a keyed hash; a principal is what a key proves. Two
// and more keys of a tenant work side by side, so that one can take the place of another.
//
// A tenant that is suspended keeps all it has, and its keys are refused until it is resumed.
//
// Invariants. No secret is stored or logged. An unknown, expired and revoked key look the same. A key that this
// installation never gave out is refused without asking the database. The request path writes nothing: when a key was
// last used is written later. A service that is asked for twice with one idempotency key is made once.
//
// The package decides no limit (its figures are used by verify) and knows no transport.
package tenant

import (
	"time"

	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/uid"
)

// Tenant is the firm or application that owns everything else.
type Tenant struct {
	ID          uid.Tenant
	Name        string
	Limits      Limits
	TestNumbers TestNumbers
	Sandbox     bool      // nothing of it reaches a provider; said when it is made and never changed
	SuspendedAt time.Time // its keys are refused and nothing is sent since then; zero: it is not suspended
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Limits are the figures that hold for one tenant's recipients and clients (docs/security.md prints them). In a stored
// tenant a zero field means the installation's figure; a Directory answers with that filled in.
type Limits struct {
	Recipient      []ratelimit.Limit // sends to one recipient; every one must pass
	RecipientNew   []ratelimit.Limit // the same for a recipient never proven
	WrongPerClient ratelimit.Limit   // wrong checks of one recipient from one client
	WrongPause     time.Duration     // the pause that follows
	WrongTotal     ratelimit.Limit   // wrong checks of one recipient from anywhere; pauses until they drain
	ClientAddress  ratelimit.Limit   // unanswered sends asked for by one client address (IPv6: /64)
	ClientDevice   ratelimit.Limit   // the same for one device id
	CoolDowns      []time.Duration   // between the first and second send, second and third, ...; the last repeats
}

// TestNumbers are recipients with a fixed code to which nothing is sent (SEC-13).
type TestNumbers struct {
	Enabled bool
	Codes   map[string]string // normal form of the recipient -> code; at most MaxTestNumbers
}

// MaxTestNumbers is how many test numbers a tenant may have (SEC-13).
const MaxTestNumbers = 10

// Resend says what a resend carries.
type Resend string

// What a resend carries: the same code by default.
const (
	SameCode Resend = "same_code"
	NewCode  Resend = "new_code"
)

// Service is a tenant's named profile: what its messages say and how its codes behave. Its JSON is that of kept answers.
type Service struct {
	ID         uid.ID        `json:"id"`
	Tenant     uid.Tenant    `json:"tenant"`
	Name       string        `json:"name"`         // shown in messages: "Acme"; 1 to 30 characters
	Default    bool          `json:"default"`      // used by a start that names no service
	CodeLength int           `json:"code_length"`  // digits, 4..10; 6 by default
	TTL        time.Duration `json:"ttl_ns"`       // life of a code from the first send, 30 s..600 s; 300 s by default
	EmailTTL   time.Duration `json:"email_ttl_ns"` // the same for e-mail; 600 s by default
	MaxChecks  int           `json:"max_checks"`   // wrong checks allowed, 1..10; 5 by default
	MaxSends   int           `json:"max_sends"`    // sends within a verification, 1..10; 5 by default
	Resend     Resend        `json:"resend"`
	Channels   []string      `json:"channels"` // allowed channels; empty: all that have a route
	Host       string        `json:"host"`     // for the origin-bound last line "@host #code"; empty: none

	// Vendor keeps settings of vendors' doors that nothing else looks at, such as "twilio.psd2_enabled": at most 64, with
	// keys of 1 to 64 and values of at most 512 characters.
	Vendor map[string]string `json:"vendor,omitempty"`

	// RateLimits are those that the tenant set itself, in the order of their ids: at most MaxRateLimits.
	RateLimits []RateLimit `json:"rate_limits,omitempty"`

	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Version   int64     `json:"version"`
}

// SetVendor keeps a setting of a vendor's door; an empty one is taken away.
func (s *Service) SetVendor(name, value string) {
	if s.Vendor == nil {
		s.Vendor = map[string]string{}
	}
	if s.Vendor[name] = value; value == "" {
		delete(s.Vendor, name)
	}
}

// Key is an API key as it is kept: never the secret itself.
type Key struct {
	ID        uid.ID
	Tenant    uid.Tenant
	Name      string
	Hash      [32]byte // keyed hash of the secret
	Scopes    []string
	CreatedAt time.Time
	ExpiresAt time.Time // zero: never
	RevokedAt time.Time // zero: live
	LastUsed  time.Time // to the minute; zero: never
}

// Principal is who a request comes from, as a key proves it.
type Principal struct {
	Tenant uid.Tenant
	Key    uid.ID
	Scopes []string
}

// The scopes a key may hold. ScopeAll stands for all but the two that are always given by name.
const (
	ScopeAll           = "all"
	ScopeVerifyStart   = "verifications:start"
	ScopeVerifyCheck   = "verifications:check"
	ScopeVerifyRead    = "verifications:read"
	ScopeVerifyApprove = "verifications:approve" // named only
	ScopeRecipientShow = "recipients:reveal"     // named only
	ScopeServicesRead  = "services:read"
	ScopeServicesWrite = "services:write"
	ScopeWebhooksRead  = "webhooks:read"
	ScopeWebhooksWrite = "webhooks:write"
	ScopeFactorsRead   = "factors:read"
	ScopeFactorsWrite  = "factors:write" // enrols, changes and removes: whoever holds it can stand in for a person
	ScopeFactorsCheck  = "factors:check" // asks for codes and hands them in
	ScopeInvitesRead   = "invitations:read"
	ScopeInvitesWrite  = "invitations:write"
	ScopeSettingsRead  = "settings:read"
	ScopeSettingsWrite = "settings:write" // may loosen what every later invitation asks for
)
