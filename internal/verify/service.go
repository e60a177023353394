package verify

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// Tenants is what verify asks about tenants and their profiles. Answers may be a second old, and are shared: they are
// not changed.
type Tenants interface {
	// Tenant gives the tenant, or NotFound.
	Tenant(ctx context.Context, id uid.Tenant) (tenant.Tenant, error)
	// Service gives the profile that ref names by id or by name; the tenant's default for "". NotFound otherwise.
	Service(ctx context.Context, id uid.Tenant, ref string) (tenant.Service, error)
}

// Config is what an installation decides.
type Config struct {
	Rules     recipient.Rules // which recipients are valid here
	PagesHost string          // host of the customers' pages, to which the codes asked for there are bound; empty: to none
}

// Deps are the parts a Service works with. All but Risk and Notices are required.
type Deps struct {
	Store   Store
	Ring    *seal.Ring // with its index key
	Tenants Tenants
	Carrier delivery.Carrier
	Risk    risk.Engine // nil: everything is let through
	// Notices takes the receipts of notices, which name the invitation; NotFound: not sent yet. nil: they are dropped.
	Notices  func(ctx context.Context, r delivery.Receipt) error
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// Service runs verifications. It is safe for concurrent use and starts no goroutine that outlives a call.
type Service struct {
	Now func() time.Time // the wall clock

	rules    recipient.Rules
	pages    string
	store    Store
	ring     *seal.Ring
	tenants  Tenants
	carrier  delivery.Carrier
	risk     risk.Engine
	notices  func(context.Context, delivery.Receipt) error
	log      *slog.Logger
	meters   *metrics
	refusals *refusals
	began    time.Time // when the service was made, with its monotonic reading
	bounds   bounds
	counting chan struct{} // holds one for each count that is under way
}

// New makes a Service, or says which part is missing.
func New(cfg Config, deps Deps) (*Service, error) {
	if deps.Store == nil || deps.Ring == nil || deps.Tenants == nil || deps.Carrier == nil || deps.Log == nil || deps.Registry == nil {
		return nil, errors.New("verify: Store, Ring, Tenants, Carrier, Log and Registry are required")
	}
	m, err := newMetrics(deps.Registry)
	if err != nil {
		return nil, err
	}
	return &Service{
		Now: time.Now, rules: cfg.Rules, pages: cfg.PagesHost, store: deps.Store, ring: deps.Ring, tenants: deps.Tenants, carrier: deps.Carrier,
		risk: deps.Risk, notices: deps.Notices, log: deps.Log, meters: m, refusals: newRefusals(), began: time.Now(),
		bounds: bounds{listed: mostListed, counted: mostCounted, patience: countPatience}, counting: make(chan struct{}, countsAtOnce),
	}, nil
}

// Handlers are the jobs that the worker runs for this package.
func (s *Service) Handlers() map[outbox.Kind]outbox.Handler {
	return map[outbox.Kind]outbox.Handler{
		JobSend: s.HandleSend, JobReceipt: s.HandleReceipt, JobAnswered: s.HandleAnswered,
	}
}

// moment is the time that decisions go by, in UTC and whole microseconds.
func (s *Service) moment() time.Time {
	wall := s.Now()
	return steady(wall, s.began, wall.Sub(s.began)) // the difference is that of the monotonic readings, when both have one
}

// steady is the time of the wall clock, but when that was set back since began, it is what it would be if it had not
// been: a code does not live longer because the clock was moved.
func steady(wall, began time.Time, elapsed time.Duration) time.Time {
	wall = wall.Round(0)
	if since := began.Round(0).Add(elapsed); since.After(wall) {
		wall = since
	}
	return wall.UTC().Truncate(time.Microsecond)
}

// skew is how far the clocks of two nodes may be apart.
const skew = 5 * time.Second

// behind reports whether now is before the last change of v, by more than clocks may differ: how much of the code's
// life has passed is then not known, and it must not be accepted.
func behind(v *Verification, now time.Time) bool { return now.Add(skew).Before(v.UpdatedAt) }

// errClock is the refusal while the clock can't be believed.
func errClock() error {
	return fault.New(fault.Unavailable, "clock_behind", "The server's clock was set back. Try again later, or start a new verification.").
		After(time.Minute)
}

// errNotFound is the one answer for an id that is unknown, that belongs to another tenant, or that has ended (SEC-80).
func errNotFound() error {
	return fault.New(fault.NotFound, "verification_not_found",
		"There is no such verification, or it has ended. Start a new one.")
}

// errEnded is the answer to a change of a verification that has ended, to its owner.
func errEnded() error {
	return fault.New(fault.Conflict, "verification_ended", "This verification has ended. Start a new one.")
}

// kept is the place of a value that belongs to a verification.
func kept(purpose string, t uid.Tenant, id uid.ID) seal.Place {
	return seal.Place{Purpose: purpose, Tenant: t, Row: id[:]}
}

// The purposes of sealed values. They are part of what is stored: they never change.
const (
	sealRecipient   = "recipient"
	sealTransaction = "transaction"
	sealCustomCode  = "custom_code"
)

// bind is the keyed hash of a transaction for the verification id (SEC-106).
func (s *Service) bind(t uid.Tenant, id uid.ID, text []byte) []byte {
	sum := s.ring.Hash("transaction", t, id[:], text)
	return sum[:]
}

// want is the code that is right for v.
func (s *Service) want(v *Verification) (seal.Code, error) {
	if v.Code.Custom != nil {
		text, err := s.ring.Open(kept(sealCustomCode, v.Tenant, v.ID), v.Code.Custom)
		if err != nil {
			return seal.Code{}, seal.Refusal(err)
		}
		return seal.CodeFrom(string(text)), nil
	}
	code, err := s.ring.Code(v.Code.Key, v.ID, v.Code.Generation, v.Code.Salt, v.Code.Length, "")
	if err != nil {
		return seal.Code{}, seal.Refusal(err)
	}
	return code, nil
}

// recipientOf opens the recipient of v.
func (s *Service) recipientOf(v *Verification) (recipient.Recipient, error) {
	if v.Recipient == nil {
		return recipient.Recipient{}, errNotFound() // erased
	}
	value, err := s.ring.Open(kept(sealRecipient, v.Tenant, v.ID), v.Recipient)
	if err != nil {
		return recipient.Recipient{}, seal.Refusal(err)
	}
	return recipient.Recipient{Kind: v.Kind, Value: string(value), Country: v.Country}, nil
}

// transactionOf opens the transaction of v, nil without one.
func (s *Service) transactionOf(v *Verification) (*delivery.Transaction, error) {
	if v.Transaction == nil {
		return nil, nil
	}
	text, err := s.ring.Open(kept(sealTransaction, v.Tenant, v.ID), v.Transaction)
	if err != nil {
		return nil, seal.Refusal(err)
	}
	return parseTransaction(text), nil
}

// bucketOf is the bucket that a keyed hash names.
func bucketOf(sum [32]byte) uint16 { return binary.BigEndian.Uint16(sum[:]) % uid.Buckets }

// view is v as its owner may see it at now.
func view(v *Verification, to string, now time.Time) View {
	out := View{
		ID: v.ID, Status: v.Status, To: to, Country: v.Country, Channel: v.Channel, Service: v.Service, Purpose: v.Purpose, Locale: v.Locale,
		ExternalID: v.ExternalID, Metadata: v.Metadata, Sends: v.Sends, SendsLeft: v.SendsLeft(), ChecksLeft: v.ChecksLeft(),
		Decision: v.Decision, CreatedAt: v.CreatedAt, ExpiresAt: v.ExpiresAt, ResendAt: v.ResendAt, EndedAt: v.EndedAt,
		CodeLength: v.Code.Length, Text: v.Text,
	}
	if v.Due(now) { // nobody has said so yet, but it can't be approved any more
		out.Status, out.EndedAt = Expired, v.ExpiresAt
	}
	if out.Status != Pending {
		out.SendsLeft, out.ChecksLeft = 0, 0
	}
	return out
}

// profile loads what a tenant says about a verification.
func (s *Service) profile(ctx context.Context, t uid.Tenant, ref string) (tenant.Tenant, tenant.Service, error) {
	owner, err := s.tenants.Tenant(ctx, t)
	if err != nil {
		return tenant.Tenant{}, tenant.Service{}, err
	}
	service, err := s.tenants.Service(ctx, t, ref)
	if fault.Is(err, fault.NotFound) {
		err = invalid("service_unknown", "Name a service of this tenant by its id or name, or leave it out for the default.", "service")
	}
	return owner, service, err
}

// termsOf are the terms of sends to a recipient of a kind.
func termsOf(owner tenant.Tenant, service tenant.Service, kind recipient.Kind) Terms {
	t := Terms{TTL: service.TTL, Resend: service.Resend, CoolDowns: owner.Limits.CoolDowns}
	if kind == recipient.Email {
		t.TTL = service.EmailTTL
	}
	return t
}

// job makes the job that carries send n of v. It is due by the wall clock, which is the one that the outbox goes by.
func (s *Service) job(kind outbox.Kind, v *Verification, n int) outbox.Job {
	now := s.Now()
	return outbox.Job{ID: uid.New(now, v.ID.Bucket()), Kind: kind, Tenant: v.Tenant, Object: v.ID, N: n, Due: now.Round(0).UTC()}
}
