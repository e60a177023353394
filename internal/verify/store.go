package verify

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Contact is what is remembered about one recipient of one tenant across verifications: the limits, and whether it
// was ever proven. Its row is the lock under which everything about the recipient is decided. It is a value: a copy
// shares nothing with it.
type Contact struct {
	Sends    ratelimit.Window // messages asked for
	Wrong    ratelimit.Window // wrong checks, tagged with a hash of the client
	ProvenAt time.Time        // last right check; zero: never
}

// Meter names the state of one limit: of an address or a device of one tenant, or of a value under a bucket of a service's
// rate limit.
type Meter struct {
	Bucket uint16   `json:"b"` // of the key, not of any recipient
	Key    [16]byte `json:"k"` // keyed hash of tenant, limit and value
}

// Answer is a kept answer: what an idempotency key gave the first time.
type Answer = seal.Answer

// Target names what a change is about. Tenant is always set. Either ID is set, or BlindIndex, Bucket, Service and
// Purpose, and then the open verification of those is meant.
type Target struct {
	Tenant     uid.Tenant
	ID         uid.ID
	Bucket     uint16
	BlindIndex [16]byte
	Service    uid.ID
	Purpose    Purpose

	Deliveries bool    // read the deliveries too
	Answer     *Answer // look for a kept answer under this Bucket and Key
	Patient    bool    // nobody waits for it: it may be held a few milliseconds, to be committed together with others
}

// Held is all that one decision may look at and change. V is nil when there is no such verification: an unknown id,
// another tenant's, or none open. Contact is then empty, or the recipient's when the target named one.
type Held struct {
	Contact    Contact
	V          *Verification
	Deliveries []Delivery // those read, when the target asked; rows that the decision adds or changes go in Write
	Kept       *Answer    // the answer that the key gave the first time, nil for a new key

	Create *Verification // a new verification that the decision makes; V, when open, must then have been ended
	Write  []Delivery    // deliveries to insert or replace
	Keep   []byte        // the sealed answer to keep under the target's key
}

// Decide looks at what is held, changes it, and says what follows. It may run more than once, so it does no I/O and
// takes its time as a value. An error means "this did not happen": nothing of it is kept.
type Decide func(h *Held) (outbox.Effects, error)

// Filter selects verifications for a list, newest first.
type Filter struct {
	Bucket     uint16
	BlindIndex *[16]byte // of one recipient; Bucket must be set with it
	Status     Status
	ExternalID string
	Before     uid.ID // keyset: only ids below this one; zero: from the newest
	Limit      int    // 1..200
}

// Outline is what the sends of a verification are found and counted by.
type Outline struct {
	ID        uid.ID
	Service   uid.ID
	Kind      recipient.Kind
	Country   string
	Status    Status
	Sends     []Send // in order
	Recipient []byte // sealed; nil unless it was asked for, and once erased
}

// Span selects outlines by the ids of their verifications, which begin with their time.
type Span struct {
	From        uid.ID // is in it
	Below       uid.ID // is not; zero: to the newest
	OldestFirst bool   // else the newest
	Bucket      uint16
	BlindIndex  *[16]byte // of one recipient; Bucket must be set with it
	Numbers     bool      // read the sealed recipients too
	Limit       int       // from 1
}

// Store is what verify needs from the database. Errors are faults: Unavailable with a wait when the database is away,
// overloaded, or when it is not known whether a commit took place.
type Store interface {
	// Change reads the target under its recipient's lock, lets decide change it, and commits all of it with its
	// effects in one transaction, together with other changes that wait at the same moment. It takes the same road
	// and the same time whether or not the target exists.
	Change(ctx context.Context, t Target, decide Decide) error

	// Count lets decide change the states of some limits, in one commit. states[i] belongs to meters[i] and is zero for one
	// never seen.
	Count(ctx context.Context, tenant uid.Tenant, meters []Meter, decide func(states []ratelimit.TAT) error) error

	// KeptAnswer is that of tenant.Store. What it finds may not have outlived a loss of power yet, which a change waits for.
	KeptAnswer(ctx context.Context, of Answer) (Answer, error)

	// RecordDeliveries commits new deliveries and effects that depend on nothing that is stored, so it reads and locks nothing.
	// Nobody waits for it: it is patient. Conflict when a delivery has its number already: somebody else has taken the send over.
	RecordDeliveries(ctx context.Context, tenant uid.Tenant, rows []Delivery, e outbox.Effects) error

	// Record commits effects that belong to no verification, such as the event of a refusal.
	Record(ctx context.Context, e outbox.Effects) error

	// Verification reads one with its deliveries, or NotFound.
	Verification(ctx context.Context, tenant uid.Tenant, id uid.ID) (*Verification, []Delivery, error)

	// Open reads the verification that holds the place that t names, or NotFound.
	Open(ctx context.Context, t Target) (*Verification, error)

	// Owner finds whose verification id is, or NotFound: a receipt that echoes our delivery id names no tenant.
	Owner(ctx context.Context, id uid.ID) (uid.Tenant, error)

	// Verifications lists, newest first. more is the Before of the next page, zero at the end. A page may be short
	// or empty while more is not zero: it looks at a bounded number of rows.
	Verifications(ctx context.Context, tenant uid.Tenant, f Filter) (page []Verification, more uid.ID, err error)

	// Outlines lists outlines in the order of ids. There are no more when they are fewer than the limit.
	Outlines(ctx context.Context, tenant uid.Tenant, f Span) ([]Outline, error)

	// Parcels lists verifications of a span, of all recipients, with their deliveries; with failed only those with a delivery that failed,
	// expired or was unknown once, as package tally notes them. more is the Below of the next read, or with OldestFirst its From, zero at
	// the end. The list may be short or empty before the end.
	Parcels(ctx context.Context, tenant uid.Tenant, f Span, failed bool) (list []Parcel, more uid.ID, err error)

	// ParcelsOf lists those of these verifications that are there, newest first.
	ParcelsOf(ctx context.Context, tenant uid.Tenant, ids []uid.ID) ([]Parcel, error)

	// Due lists pending verifications whose time is over, oldest first, for the expiry sweep.
	Due(ctx context.Context, now time.Time, limit int) ([]Target, error)

	// Reference finds the delivery that a provider's own reference belongs to, or NotFound. Of a notice it knows the invitation alone.
	Reference(ctx context.Context, provider, reference string) (uid.Tenant, delivery.ID, error)
}
