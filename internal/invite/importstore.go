package invite

import (
	"context"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// RowFilter says which rows of an import are listed, in their order.
type RowFilter struct {
	Waiting bool // those that wait alone
	Limit   int
}

// Made is an invitation that a step makes, with the events of its timeline.
type Made struct {
	Invitation Invitation
	Events     []audit.Event
}

// ImportStep is what a step does beside the counts.
type ImportStep struct {
	Rows    []ImportRow // which waited, and are done with
	Made    []Made
	Effects outbox.Effects // beside the events of what is made
}

// StepDecide counts a step in the import that it is given and says what it does. It may run again, so it does no I/O.
type StepDecide func(im *Import) (ImportStep, error)

// ImportStore is what imports need from the database, by the rules of [Store].
type ImportStore interface {
	// CreateImport inserts one with its rows, its effects, and the answer kept under an idempotency key, if there is one. A key that has
	// an answer is ErrAnswered.
	CreateImport(ctx context.Context, im Import, rows []ImportRow, kept *Kept, eff outbox.Effects) error
	// Import reads one, or ErrNotFound.
	Import(ctx context.Context, t uid.Tenant, id uid.ID) (Import, error)
	// Imports lists those of a page in the order of its direction.
	Imports(ctx context.Context, t uid.Tenant, p uid.Page) ([]Import, error)
	// ImportRows lists those that the filter lets through.
	ImportRows(ctx context.Context, t uid.Tenant, id uid.ID, f RowFilter) ([]ImportRow, error)
	// StepImport locks one, lets decide count, and writes the import, the rows, the invitations with their links, and the effects. A row
	// that does not wait any more is ErrStale. ErrNotFound.
	StepImport(ctx context.Context, t uid.Tenant, id uid.ID, decide StepDecide) error
}
