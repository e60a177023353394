package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// Engine is one database. The packages sqlite and postgres implement it; nothing else in this package knows which.
type Engine interface {
	// Name is "sqlite" or "postgres".
	Name() string

	// Reader is a pool for reading. It must not be written through.
	Reader() *sql.DB

	// Write runs fn in a transaction of its own, apart from the committer's batches, and commits when fn returns nil.
	// It runs fn again after a serialization failure or a deadlock, so fn must not keep what it did the first time.
	Write(ctx context.Context, fn func(tx *sql.Tx) error) error

	// Begin starts a batch on the lane's own connection. A lane has one batch at a time.
	Begin(ctx context.Context, lane int) (Batch, error)

	// Locks reports whether rows have to be locked before they are read, since other writers may be about.
	Locks() bool

	// Settle finds out on a fresh connection what became of a batch whose Commit got no answer. The batch had written
	// token for owner as the last of its steps.
	Settle(ctx context.Context, b Batch, owner, token []byte) (Fate, error)

	// Schema tells where the schema stands and, when apply is set, brings it to the newest version.
	Schema(ctx context.Context, apply bool) (Migrated, error)

	// Partitions makes the partitions of the coming days that are missing, where the engine has any.
	Partitions(ctx context.Context, now time.Time) error

	// DropBefore removes the rows of a table cut by time whose key lies below before, a chunk after another or by whole
	// partitions. It answers how many rows or partitions went.
	DropBefore(ctx context.Context, table, key string, before uid.ID) (int64, error)

	// Classify says what an error from this engine means for the work that met it.
	Classify(err error) Class

	Close() error
}

// Batch is one transaction of the committer. It is used by one goroutine.
type Batch interface {
	// Version is a number that every commit to the database changes, by whomever, as it was when the batch began; after
	// Commit, as the batch has left it. An engine that Locks may give any.
	Version() uint64

	// Run does the steps in order, in as few round trips as the engine can.
	Run(ctx context.Context, steps ...Step) error

	// Commit does the steps and commits, in as few round trips as the engine can. After an error of class Away it is
	// not known whether the commit took place; after any other error it did not.
	Commit(ctx context.Context, steps ...Step) error

	// Rollback gives the transaction up. It is safe to call after Commit.
	Rollback()
}

// Step is one hot statement over some rows of arguments.
type Step struct {
	Stmt *Hot
	Rows [][]any // one []any per row, values of the statement's Kinds in order

	// Scan reads one row of the result; nil when there is none. The rows come in no particular order.
	Scan func(scan func(dest ...any) error) error
}

// Hot is a statement on the hot path. It is the one exception to "one SQL text for both databases". SQLite has its
// arguments as "?" in the order of Kinds, one row at a time; where {rows} stands, the engine puts the tuples of several
// rows and runs the text for them together. PostgreSQL runs its text once, with each column as an array. A text that is
// empty is not run.
type Hot struct {
	SQLite   string
	Postgres string
	Kinds    []Kind
}

// Kind is the type of a column of arguments.
type Kind uint8

// The kinds: what a value in Step.Rows must be, and the PostgreSQL array it becomes.
const (
	Int   Kind = iota // int64, bigint[]
	Text              // string, text[]
	Bytes             // []byte, nil for NULL, bytea[]
	Bool              // bool, boolean[]
)

// Class says what an error means for the work that met it.
type Class uint8

// The classes of errors.
const (
	Broken Class = iota // it failed for certain and will fail again: a constraint, bad SQL, a full disk
	Again               // it failed for certain and may be done again: serialization failure, deadlock
	Away                // the connection was lost or can't be made
)

// Fate is what became of a batch whose commit got no answer.
type Fate uint8

// The fates.
const (
	FateUnknown Fate = iota
	FateCommitted
	FateGone // not committed, and the connection that might still have done it is gone
)
