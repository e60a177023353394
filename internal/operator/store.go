package operator

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// What a Store answers beside its own faults. Nothing was changed then.
var (
	ErrNotFound   = errors.New("operator: no such row")
	ErrEmailTaken = errors.New("operator: another operator of the installation has this address")
)

// Target names the rows that a decision is about.
type Target struct {
	Waits    []WaitKey  // each is made when there is none
	Tenant   uid.Tenant // of Operator and Team
	Operator uid.ID     // zero: the session's, or none
	Team     bool       // all operators of Tenant
	Session  [32]byte   // the hash of one; zero: none
	Link     [32]byte   // the hash of one; zero: none
}

// Held is what a decision works on: copies, which are kept only when it returns nil. What is not there is nil.
type Held struct {
	Waits    []Wait // in the order of the target
	Operator *Operator
	Team     []Operator // in the order of their ids; only read
	Session  *Session   // of Operator
	Link     *Link
	Anyone   bool // the installation has an operator; told with Link only

	// Set by the decision.
	Found    *tenant.Founding // a new tenant; what tells of it is among the effects that follow
	Create   *Operator        // a new one
	Open     *Session         // a new one
	Put      *Link            // in the place of the one of its kind, tenant and subject
	Used     bool             // Link goes
	Close    bool             // Session goes
	CloseAll bool             // all sessions of Operator go, but for Session and what is in Open
	CloseOne uid.ID           // this session of Operator goes
}

// Decide changes what it holds and says what follows. It may run again, so it does no I/O and takes its time as a value. An error
// leaves everything as it was and comes back as it is.
type Decide func(h *Held) (outbox.Effects, error)

// Store is what a Service needs from the database. Times are kept in whole microseconds. Safe for concurrent use.
type Store interface {
	// ChangeOperator locks what the target names, in one order: waits, operators, session, link. It lets decide change that, and commits
	// it with the effects in one transaction. ErrEmailTaken when the address of Create is another's.
	ChangeOperator(ctx context.Context, target Target, decide Decide) error

	// Operator reads one of a tenant, or ErrNotFound.
	Operator(ctx context.Context, t uid.Tenant, id uid.ID) (Operator, error)
	// OperatorByID reads one of whatever tenant, or ErrNotFound: for commands on the machine.
	OperatorByID(ctx context.Context, id uid.ID) (Operator, error)
	// OperatorByEmail reads one of whatever tenant by the keyed hash of the address, or ErrNotFound.
	OperatorByEmail(ctx context.Context, index [16]byte) (Operator, error)
	// Operators lists those of a tenant in the order of their ids.
	Operators(ctx context.Context, t uid.Tenant) ([]Operator, error)
	// AnyOperator reports whether there is one at all.
	AnyOperator(ctx context.Context) (bool, error)

	// SessionByHash reads a session, over or not, with its operator, or ErrNotFound. That of nobody has a zero operator.
	SessionByHash(ctx context.Context, hash [32]byte) (Session, Operator, error)
	// OperatorSessions lists those of an operator in the order of their ids, over or not.
	OperatorSessions(ctx context.Context, t uid.Tenant, operator uid.ID) ([]Session, error)
	// TouchSession moves SeenAt forward to at, never back. It does nothing to a session that is gone.
	TouchSession(ctx context.Context, hash [32]byte, at time.Time) error

	// LinkByHash reads a link, over or not, or ErrNotFound.
	LinkByHash(ctx context.Context, hash [32]byte) (Link, error)
	// LinkByID reads one of a tenant, over or not, or ErrNotFound.
	LinkByID(ctx context.Context, t uid.Tenant, id uid.ID) (Link, error)
	// Links lists those of a kind and tenant in the order of their ids, over or not.
	Links(ctx context.Context, kind LinkKind, t uid.Tenant) ([]Link, error)

	// SweepOperators removes sessions and links that were over at now, sessions that were idle since, and counts older than forgotten.
	SweepOperators(ctx context.Context, now, idle, forgotten time.Time) error
}
