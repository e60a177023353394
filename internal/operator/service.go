package operator

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// Tenants is what a Service asks about tenants.
type Tenants interface {
	// Tenant gives the tenant, or NotFound.
	Tenant(ctx context.Context, id uid.Tenant) (tenant.Tenant, error)
	// Found drafts one, or says what is wrong with its name.
	Found(by tenant.Caller, name string) (tenant.Founding, error)
}

// Notifier sends notices. Refusals by providers are in the result; an error means that no try was made, or that ctx ended.
type Notifier interface {
	Notify(ctx context.Context, n delivery.Notice) (delivery.Result, error)
}

// Config is what an installation decides.
type Config struct {
	Rules       recipient.Rules
	PublicURL   string // what links begin with: "https://verify.example.net"; empty: links are paths, and none is e-mailed
	Issuer      string // what authenticator apps show beside the address ["Countersign"]
	Development bool   // operators that are made for it sign in with the password alone
}

// Deps are the parts a Service works with. All are required.
type Deps struct {
	Store    Store
	Ring     *seal.Ring // with its index key when the first request comes
	Tenants  Tenants
	Notifier Notifier
	Log      *slog.Logger
}

// Service lets operators in and keeps the team. It is safe for concurrent use and starts no goroutine.
//
// Faults: Unauthenticated with sign_in_failed, session_ended or proof_needed (Prove first); Limited with sign_in_paused; Denied with
// role_forbids or account_suspended; Invalid with the field at fault; Conflict with last_owner, email_taken or public_url_missing; NotFound with
// link_invalid, invitation_ended or operator_not_found.
type Service struct {
	Now func() time.Time // the wall clock

	cfg       Config
	store     Store
	ring      *seal.Ring
	tenants   Tenants
	notifier  Notifier
	log       *slog.Logger
	passwords *passwords
}

// New makes a Service, or says which part is missing.
func New(cfg Config, deps Deps) (*Service, error) {
	if deps.Store == nil || deps.Ring == nil || deps.Tenants == nil || deps.Notifier == nil || deps.Log == nil {
		return nil, errors.New("operator: Store, Ring, Tenants, Notifier and Log are required")
	}
	if cfg.Issuer == "" {
		cfg.Issuer = "Countersign"
	}
	return &Service{Now: time.Now, cfg: cfg, store: deps.Store, ring: deps.Ring, tenants: deps.Tenants, notifier: deps.Notifier,
		log: deps.Log, passwords: newPasswords()}, nil
}

// moment is now as it is stored.
func (s *Service) moment() time.Time { return s.Now().Round(0).UTC().Truncate(time.Microsecond) }

// Client is the browser of a request. Every field may be empty.
type Client struct {
	IP        string // as far as trusted proxies tell
	UserAgent string
	RequestID string
	Once      string // of the form that was sent, when it has one: a second click sends the same
}

// Caller is a signed-in operator as other packages are told who asks: verify.Caller and factor.Caller have the same
// fields, so that each is a conversion of it.
type Caller struct {
	Tenant    uid.Tenant
	Actor     string // "operator:opr_..."
	RequestID string
}

// Directory is the caller for package tenant.
func (c Caller) Directory() tenant.Caller {
	return tenant.Caller{Actor: c.Actor, RequestID: c.RequestID}
}

// Webhooks is the caller for package webhook.
func (c Caller) Webhooks() webhook.Caller {
	return webhook.Caller{Actor: c.Actor, RequestID: c.RequestID}
}

// actorPrefix stands before the id of an operator in events.
const actorPrefix = "operator:"

// actorOf is an operator in events.
func actorOf(id uid.ID) string { return actorPrefix + id.Text(uid.Operator) }

// Person is an operator as people see it.
type Person struct {
	ID           uid.ID
	Tenant       uid.Tenant
	Email        string
	Name         string
	Locale       string
	Role         Role
	State        State
	TOTP         bool // has an authenticator
	CodesLeft    int  // recovery codes
	FewCodes     bool // so few that new ones should be made
	CreatedAt    time.Time
	LastSignInAt time.Time // zero: never
	Version      int64
}

// LeastPassword is how many characters a password must have that the operator chooses now.
func (p *Person) LeastPassword() int { return least(p.TOTP, p.Role) }

// view is o for people.
func (s *Service) view(o *Operator) (Person, error) {
	p, err := s.person(o)
	return Person{ID: o.ID, Tenant: o.Tenant, Email: p.Email, Name: p.Name, Locale: o.Locale, Role: o.Role, State: o.State,
		TOTP: o.TOTP != nil, CodesLeft: len(o.Codes), FewCodes: o.TOTP != nil && len(o.Codes) <= fewCodes, CreatedAt: o.CreatedAt,
		LastSignInAt: o.LastSignInAt, Version: o.Version}, err
}

// Signed is an operator who is signed in.
type Signed struct {
	Operator Person
	Session  SessionView
	Recent   bool // all that the account has was shown within five minutes
}

// May reports whether the operator may do something.
func (g Signed) May(a Act) bool { return g.Operator.Role.May(a) }

// Caller is who asks, for other packages.
func (g Signed) Caller(requestID string) Caller {
	return Caller{Tenant: g.Operator.Tenant, Actor: actorOf(g.Operator.ID), RequestID: requestID}
}

func errFailed() error {
	return fault.New(fault.Unauthenticated, "sign_in_failed", "That did not work. Check your address, your password and the code, and begin again.")
}

// codeEnded is the code of the fault of what is no session.
const codeEnded = "session_ended"

func isEnded(err error) bool { return err != nil && fault.As(err).Code == codeEnded }

func errEnded() error {
	return fault.New(fault.Unauthenticated, codeEnded, "You are not signed in, or no longer. Sign in.")
}

func errSuspended() error {
	return fault.New(fault.Denied, tenant.CodeSuspended, "This account is suspended. Ask whoever runs the server.")
}

func errProof() error {
	return fault.New(fault.Unauthenticated, "proof_needed", "Confirm that it is you first.")
}

func errForbidden() error {
	return fault.New(fault.Denied, "role_forbids", "Your role does not allow this. Ask an owner or admin of your team.")
}

func errLastOwner() error {
	return fault.New(fault.Conflict, "last_owner", "This is the last owner. Make another person an owner first.")
}

func errNoOperator() error {
	return fault.New(fault.NotFound, "operator_not_found", "There is no such person in your team.")
}

// codeNoLink is the code of the fault of what is no link, or was one.
const codeNoLink = "link_invalid"

func errNoLink() error {
	return fault.New(fault.NotFound, codeNoLink, "This link is not known, was used, or its time is over. Ask for a new one.")
}

func errEndedLink() error {
	return fault.New(fault.NotFound, "invitation_ended", "This invitation has ended: whoever sent it may not invite you any more. Ask the firm for a new one.")
}

func errNoAddress() error {
	return fault.New(fault.Conflict, "public_url_missing", "This server can't send a link: it has no https address. Whoever runs it must set public_url, or make the link on the server with the command countersign operator.")
}

func errEmail() error {
	return fault.New(fault.Invalid, "email_invalid", "Give an e-mail address, as ann@example.net.").On("email")
}

func errTaken(err error) error {
	return fault.Wrap(fault.Conflict, "email_taken", "There is an account with this address already.", err).On("email")
}

// told turns what a store answers into a fault; missing is the one for what is not there.
func told(err error, missing func() error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return missing()
	case errors.Is(err, ErrEmailTaken):
		return errTaken(err)
	}
	return err
}
