package invite

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// What a Store answers beside its own faults. Nothing was changed then.
var (
	ErrNotFound = errors.New("invite: no such row of this tenant")
	ErrStale    = errors.New("invite: the setting has another version")
	ErrAnswered = errors.New("invite: the idempotency key has an answer")
)

// Kept is what an idempotency key gave the first time.
type Kept = seal.Answer

// Decide changes the invitation that it is given, a copy which is kept only when it returns nil, and says what follows. It may run
// again, so it does no I/O and takes its time as a value. An error leaves everything as it was and comes back as it is.
type Decide func(v *Invitation) (outbox.Effects, error)

// Answering is Decide with what is to be kept under an idempotency key; nil: nothing.
type Answering func(v *Invitation) (outbox.Effects, *Kept, error)

// Filter says which invitations are listed.
type Filter struct {
	Status      Status
	LinkUnknown bool // only those of which nobody knows whether their link left
	Reference   string
	Contact     *[16]byte // blind index of either contact
	Mobile2FA   *bool
	From, To    uid.ID // ids: From <= id < To; zero: no bound

	OldestFirst bool // else the newest
	Limit       int
}

// DispatchSpan says which messages are listed: From <= id < Below.
type DispatchSpan struct {
	From, Below uid.ID // zero: no bound
	Failed      bool   // only those that failed, expired or are unknown
	OldestFirst bool   // else the newest
	Limit       int
}

// SettingKind names one of a tenant's documents of settings.
type SettingKind string

// The documents.
const (
	SettingChecks        SettingKind = "checks"
	SettingCustomisation SettingKind = "customisation"
)

// Setting is one document of settings as it is kept.
type Setting struct {
	Text      []byte // JSON
	UpdatedAt time.Time
	UpdatedBy string
	Version   int64 // 0: there is none

	Consents []ConsentText // of a customisation: texts that are kept from now on, where they are not yet
}

// ConsentText is the texts of one version of a firm's consent, as they are kept for good.
type ConsentText struct {
	Version string
	Text    []byte // JSON of policy.Consent
}

// Store is what a Service needs from the database. Each change commits with its effects in one transaction, under the lock of the
// row that it is about; with an invitation go the messages that the change has Posted. Times are kept
// in whole microseconds. A row of another tenant is not there. Safe for concurrent use.
type Store interface {
	// CreateInvitation inserts one with its link, its effects, and the answer kept under an idempotency key, if there is one. A key
	// that has an answer is ErrAnswered.
	CreateInvitation(ctx context.Context, v Invitation, kept *Kept, eff outbox.Effects) error
	// Invitation reads one, or ErrNotFound.
	Invitation(ctx context.Context, t uid.Tenant, id uid.ID) (Invitation, error)
	// InvitationByLink reads the one whose link of now, or of before, has this hash, of whatever tenant, or ErrNotFound.
	InvitationByLink(ctx context.Context, hash [32]byte) (Invitation, error)
	// InvitationByID reads one of whatever tenant, or ErrNotFound: for customers, whose session says whose it is.
	InvitationByID(ctx context.Context, id uid.ID) (Invitation, error)
	// Invitations lists those that the filter lets through, in its order.
	Invitations(ctx context.Context, t uid.Tenant, f Filter) ([]Invitation, error)
	// ChangeInvitation locks one and lets decide change it. A link of another hash takes the place of
	// the one before, by which the invitation is still found. ErrNotFound.
	ChangeInvitation(ctx context.Context, t uid.Tenant, id uid.ID, decide Decide) error
	// AnswerInvitation is ChangeInvitation that also keeps the answer which the decision gives, if it gives one. A key that has an
	// answer is ErrAnswered.
	AnswerInvitation(ctx context.Context, t uid.Tenant, id uid.ID, decide Answering) error
	// DueInvitations lists at most limit that are not ended and whose time is over at now, the oldest first, of whatever tenant.
	DueInvitations(ctx context.Context, now time.Time, limit int) ([]Invitation, error)
	// InvitationEvents lists at most limit events of one after the one with the given id, zero: from the first, in the order in which
	// they came about.
	InvitationEvents(ctx context.Context, t uid.Tenant, id, after uid.ID, limit int) ([]audit.Event, error)
	// Dispatches lists those of a tenant's invitations, by their ids.
	Dispatches(ctx context.Context, t uid.Tenant, f DispatchSpan) ([]Dispatch, error)
	// DispatchesOf lists those of one invitation, newest first.
	DispatchesOf(ctx context.Context, t uid.Tenant, id uid.ID) ([]Dispatch, error)
	// Answered reads the answer that is kept under the name of one and still counts at its time.
	Answered(ctx context.Context, of Kept) (kept Kept, found bool, err error)

	ImportStore

	// Setting reads a document of settings; version 0 when there is none.
	Setting(ctx context.Context, t uid.Tenant, kind SettingKind) (Setting, error)
	// ConsentText reads the texts that are kept of a version; nil when there are none.
	ConsentText(ctx context.Context, t uid.Tenant, version string) ([]byte, error)
	// PutSetting keeps one in the place of the version before it, s.Version-1. ErrStale when that is not the one of now.
	// Texts of consent that come with it are kept beside it, each version once: those of before stay.
	PutSetting(ctx context.Context, t uid.Tenant, kind SettingKind, s Setting, eff outbox.Effects) error
}
