package invite

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// Create makes an invitation and puts its link on its way, by the settings of this moment. Faults: policy_locked (Conflict) and
// mobile_required (Malformed), the former when both apply; reason_required (Malformed) after them; contact_required; public_url_missing (Conflict);
// invitation_open (Conflict), with an [OpenError], when the request refuses a second invitation of one person;
// Invalid for what can't be a name, a contact (also a landline in place of a mobile, RA-32), a redirect URL that is not on the firm's
// list, and so on, each with its field.
func (s *Service) Create(ctx context.Context, r CreateRequest) (CreateAnswer, error) {
	return once(ctx, s, r.Caller.Tenant, r.Idempotency, "create an invitation", func(keep keeper) (CreateAnswer, error) {
		return s.create(ctx, r, keep)
	}, func(a *CreateAnswer) { a.Replayed = true })
}

// CreateMany makes up to ten, each by itself: one that is refused stops no other (RA-57). More than ten, or none, is Invalid on
// "items".
func (s *Service) CreateMany(ctx context.Context, rs []CreateRequest) ([]ManyAnswer, error) {
	if len(rs) < 1 || len(rs) > MaxMany {
		return nil, invalid("items_invalid", "Give 1 to 10 invitations.", "items")
	}
	out := make([]ManyAnswer, len(rs))
	for i, r := range rs {
		out[i].Answer, out[i].Err = s.Create(ctx, r)
		s.note(ctx, r.Caller, i, out[i].Err)
	}
	return out, nil
}

// note logs why one of several invitations was not made, when that is ours: the request as a whole is answered well, so nobody else
// tells the cause.
func (s *Service) note(ctx context.Context, by Caller, row int, err error) {
	level := slog.LevelError
	switch {
	case err == nil:
		return
	case fault.Is(err, fault.Unavailable):
		level = slog.LevelWarn
	case fault.As(err).Kind != fault.Internal:
		return
	}
	s.log.Log(ctx, level, "one of several invitations was not made", "request_id", by.RequestID, "row", row, "error", err)
}

// making is one creation on its way.
type making struct {
	*Service
	r      *CreateRequest
	now    time.Time
	owner  tenant.Tenant
	checks policy.Checks
	look   policy.Customisation
	person Person
	phone  recipient.Recipient // zero: none
	email  recipient.Recipient
	v      *Invitation
	id     uid.ID // which it gets; zero: a new one
	file   uid.ID // the import that it comes from; zero: none
	open   []OpenOne
}

func (s *Service) create(ctx context.Context, r CreateRequest, keep keeper) (CreateAnswer, error) {
	m := &making{Service: s, r: &r, now: s.moment()}
	if err := m.prepare(ctx); err != nil {
		return CreateAnswer{}, err
	}
	view, err := s.view(m.v)
	if err != nil {
		return CreateAnswer{}, err
	}
	answer := CreateAnswer{View: view, Open: m.open}
	if r.Silent {
		if answer.Token, err = s.token(m.v); err != nil {
			return CreateAnswer{}, err
		}
	}
	kept, err := keep(answer)
	if err != nil {
		return CreateAnswer{}, err
	}
	fx := outbox.Effects{Jobs: s.linkJobs(m.v), Events: []audit.Event{m.event()}}
	return answer, s.store.CreateInvitation(ctx, *m.v, kept, fx)
}

func (m *making) prepare(ctx context.Context) (err error) {
	if err := m.check(); err != nil {
		return err
	}
	if err := m.settings(ctx); err != nil {
		return err
	}
	if err := m.draft(); err != nil {
		return err
	}
	m.open, err = m.lookForOpen(ctx)
	return err
}

// check looks at what can be judged without the firm's settings.
func (m *making) check() error {
	r := m.r
	if r.Kind == "" {
		r.Kind = Fixed
	}
	if r.Kind != Fixed && r.Kind != Entered {
		return invalid("kind_invalid", "Use fixed or entered.", "kind")
	}
	return r.checkTexts()
}

func errNoAddress() error {
	return fault.New(fault.Conflict, "public_url_missing", "This server has no address for customers. Whoever runs it must set public_url to its https URL.")
}

// settings reads what holds for the firm at this moment.
func (m *making) settings(ctx context.Context) (err error) {
	r := m.r
	if m.owner, err = m.tenants.Tenant(ctx, r.Caller.Tenant); err != nil {
		return err
	}
	if m.cfg.PublicURL == "" {
		return errNoAddress()
	}
	if m.checks, err = m.Checks(ctx, r.Caller.Tenant); err != nil {
		return err
	}
	m.look, err = m.Customisation(ctx, r.Caller.Tenant)
	return err
}

// draft makes the invitation by these settings. Nothing is written yet.
func (m *making) draft() (err error) {
	if err := m.begin(); err != nil {
		return err
	}
	if m.v.Kind == Entered {
		err = m.entered()
	} else {
		err = m.fixed()
	}
	if err != nil {
		return err
	}
	return m.finish()
}

// begin makes the invitation as far as it is the same for both kinds.
func (m *making) begin() error {
	r := m.r
	if r.Country == "" {
		r.Country = m.checks.DefaultCountry
	}
	ttl, err := r.ttl(&m.checks)
	if err != nil {
		return err
	}
	for _, u := range []struct{ url, field string }{{r.RedirectURL, "redirect_url"}, {r.FailureURL, "failure_url"}, {r.UnverifiedURL, "unverified_url"}} {
		if u.url != "" && !m.checks.Redirects(u.url) {
			return invalid(u.field+"_invalid", "Give an address that begins like one on your list of redirect addresses.", u.field)
		}
	}
	if r.ConsentVersion != "" && r.ConsentVersion != m.look.Consent.InForce() {
		return invalid("consent_version_invalid", "Give the version of your consent text of now, or leave it out.", "consent_version")
	}
	m.v = &Invitation{
		Tenant: r.Caller.Tenant, Kind: r.Kind, Status: Created, CreatedAt: m.now, UpdatedAt: m.now, Version: 1, Policy: m.checks.Mobile2FA,
		Resend: m.checks.Resend, LinkTTL: ttl, SessionTTL: r.SessionTTL, WithoutConsent: r.WithoutConsent, RedirectURL: r.RedirectURL,
		FailureURL: r.FailureURL, UnverifiedURL: r.UnverifiedURL, IDParam: r.IDParam, Countries: m.checks.Countries,
		Reference: r.Reference, ExternalID: r.ExternalID, Locale: cmp.Or(r.Locale, m.look.Locale), Vendor: r.Vendor,
	}
	if !r.WithoutConsent {
		m.v.ConsentVersion = m.look.Consent.InForce()
	}
	if m.checks.Reminders.Enabled && r.Kind == Fixed {
		m.v.Reminders = m.checks.Reminders.Days
	}
	m.person = Person{FirstName: r.FirstName, LastName: r.LastName, Country: r.Country, Notes: r.Notes}
	return nil
}

// fixed decides the gate by the firm's policy (RA b.1).
func (m *making) fixed() (err error) {
	r, v := m.r, m.v
	v.Mobile2FA, err = m.decide(policy.Contacts{Email: r.Email != "", Mobile: r.Mobile != ""})
	if err != nil {
		return err
	}
	v.Editable, v.KeepProof, v.CodeTTL = m.checks.EditableByCustomer, m.checks.KeepProof, time.Duration(m.checks.CodeMinutes)*time.Minute
	if err := m.contacts(r.Mobile, r.Email, "mobile", "email", false); err != nil {
		return err
	}
	if v.Mobile2FA {
		v.Gates = []Gate{newGate(Fixed, delivery.SMS, v.Resend.Max)}
	}
	return nil
}

// decide says whether the firm's setting and the sender turn Mobile 2FA on, and notes who chose against the preset (RA-19).
func (m *making) decide(given policy.Contacts) (on bool, err error) {
	r, v := m.r, m.v
	if on, err = policy.ForContacts(m.checks.Mobile2FA, r.Mobile2FA, given); err != nil {
		return on, err
	}
	if v.Overridden, err = m.checks.Overrides(on, r.Reason); err != nil {
		return on, err
	}
	if v.OverrideReason = r.Reason; v.Overridden {
		v.OverriddenBy = r.Caller.Actor
	}
	return on, nil
}

// entered decides the gates by the toggles of the account and the session (ID-10, ID-11).
func (m *making) entered() error {
	r, v := m.r, m.v
	v.Resend = policy.Resend{Max: 2, CoolDowns: []time.Duration{30 * time.Second}} // ID-22, ID-25
	phone, err := m.look.VerifyPhone.Effective(r.VerifyPhone, "verify_phone")
	if err != nil {
		return err
	}
	email, err := m.look.VerifyEmail.Effective(r.VerifyEmail, "verify_email")
	if err != nil {
		return err
	}
	if r.Mobile2FA != nil {
		on, err := m.decide(policy.Contacts{Email: true, Mobile: r.Contacts.Phone != ""}) // whether there is a contact to send to is for finish
		if err != nil {
			return err
		}
		if on { // what the firm requires is proof of the number that it gave
			phone, r.Contacts.Locked = true, true
		}
	}
	v.Mobile2FA = phone
	if err := m.contacts(r.Contacts.Phone, r.Contacts.Email, "phone", "email", true); err != nil {
		return err
	}
	if phone {
		v.Gates = append(v.Gates, newGate(Entered, delivery.SMS, v.Resend.Max))
	}
	if email {
		v.Gates = append(v.Gates, newGate(Entered, delivery.Email, v.Resend.Max))
	}
	return nil
}

// contacts reads what was given.
func (m *making) contacts(phone, email, phoneField, emailField string, strict bool) (err error) {
	if phone != "" {
		if m.phone, err = m.readPhone(&m.owner, phone, m.r.Country, phoneField, strict); err != nil {
			return err
		}
		if err := m.v.admits(m.phone, phoneField); err != nil {
			return err
		}
	}
	if email != "" {
		if m.email, err = m.readEmail(email, emailField); err != nil {
			return err
		}
	}
	m.person.Mobile, m.person.Email = m.phone.Value, m.email.Value
	return nil
}

// finish gives the invitation its id, what is sealed, and its link.
func (m *making) finish() (err error) {
	v := m.v
	if v.Channels, err = m.r.channels(m.person.Email != "", m.person.Mobile != ""); err != nil {
		return err
	}
	if len(v.Channels) == 0 && !m.r.Silent {
		return fault.New(fault.Malformed, "contact_required", "Give an e-mail address, a mobile number, or both.").On("email")
	}
	if v.ID = m.id; v.ID.IsZero() {
		v.ID = uid.Random(m.now)
		if c := m.person.first(); c != "" {
			v.ID = uid.New(m.now, m.ring.Bucket(v.Tenant, c)) // where the rights of the person look for it
		}
	}
	m.keep(v, m.person)
	for i := range v.Gates {
		g := &v.Gates[i]
		to := m.phone
		if g.Channel == delivery.Email {
			to = m.email
		}
		if to.Value != "" {
			m.setContact(v, g, to.Value, recipient.MaskForOwner(to.Kind, to.Value))
			g.Fixed = g.Fixed || m.r.Contacts.Locked
		}
	}
	if err := m.relink(v); err != nil {
		return err
	}
	v.dated(m.now)
	return nil
}

// first is the contact that an invitation is about in the first place, "" for none.
func (p *Person) first() string {
	if p.Mobile != "" {
		return p.Mobile
	}
	return p.Email
}

// keep seals a person, and sets what is shown of the contacts and what they are found by.
func (s *Service) keep(v *Invitation, p Person) {
	v.Sealed = s.seal(v, sealPerson, p)
	v.Masked, v.EmailIndex, v.PhoneIndex = Masked{}, [16]byte{}, [16]byte{}
	if p.Email != "" {
		v.Masked.Email, v.EmailIndex = recipient.MaskForOwner(recipient.Email, p.Email), s.ring.BlindIndex(v.Tenant, p.Email)
	}
	if p.Mobile != "" {
		v.Masked.Mobile, v.PhoneIndex = recipient.MaskForOwner(recipient.Phone, p.Mobile), s.ring.BlindIndex(v.Tenant, p.Mobile)
	}
}

// dated begins the life of a link.
func (v *Invitation) dated(now time.Time) {
	v.Link.MadeAt = now
	if v.LinkTTL > 0 {
		v.Link.ExpiresAt = now.Add(v.LinkTTL)
	}
}

// event tells of the creation all that an auditor needs to see why a gate is on or off (RA-71).
func (m *making) event() audit.Event {
	v := m.v
	d := data{Status: v.Status, Kind: v.Kind, Policy: v.Policy, Mobile2FA: &v.Mobile2FA, Overridden: v.Overridden, Reason: v.OverrideReason, Channels: v.Channels, Link: 1}
	for i := range v.Gates {
		d.Gates = append(d.Gates, v.Gates[i].Channel)
	}
	if !m.file.IsZero() {
		d.Import = m.file.Text(uid.Import)
	}
	e := v.event(EventCreated, m.r.Caller.by(), m.now, d)
	m.subject(&e, m.person.first())
	return e
}
