package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// Settings is what the API asks of invite.Service about what a tenant decided, which says what each method answers.
type Settings interface {
	Checks(ctx context.Context, t uid.Tenant) (policy.Checks, error)
	SetChecks(ctx context.Context, by invite.Caller, c policy.Checks, version int64) (policy.Checks, error)
	Customisation(ctx context.Context, t uid.Tenant) (policy.Customisation, error)
	SetCustomisation(ctx context.Context, by invite.Caller, c policy.Customisation, version int64) (policy.Customisation, error)
}

// Seen is the version of the settings that a change is made of, so that it undoes no other.
type Seen struct {
	IfMatch string `header:"If-Match" required:"true" pattern:"^(0|[1-9][0-9]{0,17}|\"(0|[1-9][0-9]{0,17})\")$" patternDescription:"the version of the settings that you have read" doc:"The version that you have read. When it is not that of now any more, the answer is 409" example:"3"`
}

// version is the number in If-Match, which has the form that its pattern lets through; 0 when it is left out.
func version(ifMatch string) int64 {
	n, _ := strconv.ParseInt(strings.Trim(ifMatch, `"`), 10, 64) // the pattern lets nothing else through
	return n
}

// Edition says who changed settings last.
type Edition struct {
	UpdatedAt string `json:"updated_at,omitempty" format:"date-time" doc:"Absent: nothing was changed yet, and these are the defaults"`
	UpdatedBy string `json:"updated_by,omitempty" example:"key:key_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Version   int64  `json:"version" doc:"For If-Match; 0 before the first change"`
}

// etag is a version as a header field.
func etag(version int64) string { return strconv.Quote(strconv.FormatInt(version, 10)) }

// Checks is what you require of your invitations.
type Checks struct {
	_ struct{} `additionalProperties:"true"`

	Mobile2FA       string    `json:"mobile_2fa" enum:"yes_optional,yes_required,no_optional,no_required"`
	LinkExpiryHours *int      `json:"link_expiry_hours" doc:"Life of a link; null: for ever"`
	CodeMinutes     int       `json:"code_minutes" minimum:"2" maximum:"10" doc:"Life of a code to a number that you gave"`
	Resend          Resends   `json:"resend"`
	Reminders       Reminders `json:"reminders"`
	Editable        bool      `json:"editable_by_customer"`
	OverrideReason  bool      `json:"override_reason" doc:"A sender who chooses against the preset has to say why"`
	KeepProof       bool      `json:"keep_proof" doc:"After a new link a proof of the last 24 hours holds"`
	Countries       []string  `json:"countries" nullable:"false" doc:"That numbers may be of, ISO 3166 alpha-2; none: of all"`
	DefaultCountry  string    `json:"default_country,omitempty" doc:"Of national numbers that come without a country, ISO 3166 alpha-2" example:"GB"`
	RedirectURLs    []string  `json:"redirect_urls" nullable:"false"`
	Edition
}

// Resends is how often a customer may ask for a code again.
type Resends struct {
	Max       int   `json:"max" minimum:"0" maximum:"10" doc:"Beyond the first code, in one cycle"`
	CoolDowns []int `json:"cooldowns" minItems:"0" maxItems:"10" minimum:"0" maximum:"3600" nullable:"false" doc:"Seconds before the second code, the third and so on; the last one repeats"`
}

// Reminders are messages to a customer who has not come yet.
type Reminders struct {
	Enabled bool  `json:"enabled"`
	Days    []int `json:"days" maxItems:"8" minimum:"1" maximum:"365" nullable:"false" doc:"After the link was sent, in ascending order"`
}

func checksBody(c policy.Checks) Checks {
	out := Checks{
		Mobile2FA: string(c.Mobile2FA), OverrideReason: c.OverrideReason, KeepProof: c.KeepProof, LinkExpiryHours: c.LinkExpiryHours, CodeMinutes: c.CodeMinutes, Editable: c.EditableByCustomer,
		Resend:         Resends{Max: c.Resend.Max, CoolDowns: make([]int, len(c.Resend.CoolDowns))},
		Reminders:      Reminders{Enabled: c.Reminders.Enabled, Days: append([]int{}, c.Reminders.Days...)},
		Countries:      append([]string{}, c.Countries...),
		DefaultCountry: c.DefaultCountry,
		RedirectURLs:   append([]string{}, c.RedirectURLs...),
		Edition:        Edition{UpdatedAt: stamp(c.UpdatedAt), UpdatedBy: c.UpdatedBy, Version: c.Version},
	}
	for i, d := range c.Resend.CoolDowns {
		out.Resend.CoolDowns[i] = int(d / time.Second)
	}
	return out
}

type checksOutput struct {
	ETag string `header:"ETag"`
	Body Checks
}

func newChecksOutput(c policy.Checks) *checksOutput {
	return &checksOutput{ETag: etag(c.Version), Body: checksBody(c)}
}

func (a *api) getChecks(ctx context.Context, _ *struct{}) (*checksOutput, error) {
	c, err := a.Settings.Checks(ctx, web.Principal(ctx).Tenant)
	if err != nil {
		return nil, err
	}
	return newChecksOutput(c), nil
}

type putChecksInput struct {
	Seen
	Body struct {
		Mobile2FA       *string    `json:"mobile_2fa,omitempty" enum:"yes_optional,yes_required,no_optional,no_required" doc:"Whether customers prove their number, and whether the sender may say otherwise"`
		OverrideReason  *bool      `json:"override_reason,omitempty" doc:"A sender who chooses against the preset has to say why"`
		LinkExpiryHours Hours      `json:"link_expiry_hours,omitzero" doc:"Life of a link; null: for ever"`
		CodeMinutes     *int       `json:"code_minutes,omitempty" minimum:"2" maximum:"10" doc:"Life of a code to a number that you gave"`
		Resend          *Resends   `json:"resend,omitempty"`
		Reminders       *Reminders `json:"reminders,omitempty"`
		Editable        *bool      `json:"editable_by_customer,omitempty" doc:"A customer may change the number once; you are told"`
		KeepProof       *bool      `json:"keep_proof,omitempty" doc:"After a new link a proof of the last 24 hours holds"`
		Countries       *[]string  `json:"countries,omitempty" maxItems:"250" doc:"That numbers may be of, ISO 3166 alpha-2; none: of all"`
		DefaultCountry  *string    `json:"default_country,omitempty" maxLength:"2" doc:"Of national numbers that come without a country, ISO 3166 alpha-2, one of countries; empty for none"`
		RedirectURLs    *[]string  `json:"redirect_urls,omitempty" maxItems:"20" doc:"What a redirect_url has to begin with: https, whole path segments; or the scheme of an app of yours, as acme-app://"`
	}
}

// putChecks changes what the request has of the settings. A field that is left out stays: had it gone back to its default, a client that
// knows fewer fields would loosen what the firm decided.
func (a *api) putChecks(ctx context.Context, in *putChecksInput) (*checksOutput, error) {
	c, err := a.Settings.Checks(ctx, web.Principal(ctx).Tenant)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	if b.Mobile2FA != nil {
		c.Mobile2FA = policy.Mode(*b.Mobile2FA)
	}
	if b.LinkExpiryHours.Given {
		c.LinkExpiryHours = b.LinkExpiryHours.orNever()
	}
	set(&c.OverrideReason, b.OverrideReason)
	set(&c.CodeMinutes, b.CodeMinutes)
	if b.Resend != nil {
		c.Resend = policy.Resend{Max: b.Resend.Max, CoolDowns: make([]time.Duration, len(b.Resend.CoolDowns))}
		for i, s := range b.Resend.CoolDowns {
			c.Resend.CoolDowns[i] = time.Duration(s) * time.Second
		}
	}
	if b.Reminders != nil {
		c.Reminders = policy.Reminders{Enabled: b.Reminders.Enabled, Days: b.Reminders.Days}
	}
	set(&c.EditableByCustomer, b.Editable)
	set(&c.KeepProof, b.KeepProof)
	set(&c.Countries, b.Countries)
	set(&c.DefaultCountry, b.DefaultCountry)
	set(&c.RedirectURLs, b.RedirectURLs)
	if c, err = a.Settings.SetChecks(ctx, inviter(ctx), c, version(in.IfMatch)); err != nil {
		return nil, err
	}
	return newChecksOutput(c), nil
}

// orNever is the number, nil for null.
func (h Hours) orNever() *int {
	if h.N == 0 {
		return nil
	}
	return &h.N
}
