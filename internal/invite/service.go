package invite

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Verifier is what invite asks of package verify.
type Verifier interface {
	Start(ctx context.Context, req verify.StartRequest) (verify.StartAnswer, error)
	Check(ctx context.Context, req verify.CheckRequest) (verify.CheckAnswer, error)
	Get(ctx context.Context, c verify.Caller, id uid.ID, reveal bool) (verify.Record, error)
	Open(ctx context.Context, c verify.Caller, to, service string, purpose verify.Purpose) (verify.View, error)
	Cancel(ctx context.Context, req verify.EndRequest) (verify.View, error)
	Channels(ctx context.Context, c verify.Caller, to, service string) ([]delivery.Channel, error)
}

// Tenants is what invite asks about tenants.
type Tenants interface {
	// Tenant gives the tenant, or NotFound.
	Tenant(ctx context.Context, id uid.Tenant) (tenant.Tenant, error)
}

// The kinds of a Notice.
const (
	NoticeInvitation = "invitation"
	NoticeReminder   = "reminder"

	NoticeContactChanged = "contact_changed" // to an e-mail address, without a link
)

// Notice is a message that holds a link, or tells of a change. It lives in memory only.
type Notice struct {
	Tenant  uid.Tenant
	ID      uid.ID // of the invitation
	N       int    // with ID, names the message: a repeat has the same
	To      recipient.Recipient
	Channel delivery.Channel
	Locale  string // BCP 47; empty: the default
	Kind    string // one of the kinds
	Firm    string // name of the firm
	Name    string // of the customer; may be empty
	Link    string // the whole URL: a secret; empty in NoticeContactChanged
}

// Notifier sends notices. Refusals by providers are in the result; an error means that no try was made, or that ctx ended.
type Notifier interface {
	Notify(ctx context.Context, n Notice) (delivery.Result, error)
	// PreviewNotice writes a notice of a sandbox as Notify does. For any other tenant it is refused with delivery.ErrLive.
	PreviewNotice(ctx context.Context, n Notice) (delivery.Content, error)
}

// Signer makes the signed result that a customer takes along to the firm (RA-48).
type Signer func(ctx context.Context, r Result) (string, error)

// Config is what an installation decides.
type Config struct {
	Rules     recipient.Rules
	PublicURL string // what links begin with: "https://verify.example.net"; empty: nothing can be opened, so none is made
}

// Deps are the parts a Service works with. All but Signer and OptOuts are required.
type Deps struct {
	Store    Store
	Ring     *seal.Ring // with its index key when the first request comes
	Verify   Verifier
	Tenants  Tenants
	Notifier Notifier
	Signer   Signer      // nil: the redirect carries no signed result
	OptOuts  risk.Engine // who wants no messages, asked before each that has a link; nil: nobody
	// Loosened is what follows from settings that loosen a gate (RA-17), and whose actor did it; nil: nothing.
	Loosened func(t uid.Tenant, actor string, what []policy.Loosening, now time.Time) []outbox.Job
	Log      *slog.Logger
}

// Service runs invitations. It is safe for concurrent use and starts no goroutine that outlives a call.
//
// Its methods are of two kinds. Those that take a Caller are the firm's: faults are NotFound (also for another firm's), Invalid
// and Malformed with the field at fault, Conflict for a status that forbids it, Limited, Unavailable. Those that take a session are
// the customer's: a session that is none of the invitation's is NotFound with the code session_not_found, whatever else is wrong.
type Service struct {
	Now func() time.Time // the wall clock

	cfg      Config
	store    Store
	ring     *seal.Ring
	verify   Verifier
	tenants  Tenants
	notifier Notifier
	signer   Signer
	optOuts  risk.Engine
	loosened func(t uid.Tenant, actor string, what []policy.Loosening, now time.Time) []outbox.Job
	log      *slog.Logger
}

// New makes a Service, or says which part is missing.
func New(cfg Config, deps Deps) (*Service, error) {
	if deps.Store == nil || deps.Ring == nil || deps.Verify == nil || deps.Tenants == nil || deps.Notifier == nil || deps.Log == nil {
		return nil, errors.New("invite: Store, Ring, Verify, Tenants, Notifier and Log are required")
	}
	if deps.OptOuts == nil {
		deps.OptOuts = risk.Allow
	}
	return &Service{
		Now: time.Now, cfg: cfg, store: deps.Store, ring: deps.Ring, verify: deps.Verify, tenants: deps.Tenants,
		notifier: deps.Notifier, signer: deps.Signer, optOuts: deps.OptOuts, loosened: deps.Loosened, log: deps.Log,
	}, nil
}

// moment is now as it is stored.
func (s *Service) moment() time.Time { return s.Now().Round(0).UTC().Truncate(time.Microsecond) }
