package audit

import (
	"context"
	"errors"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign/internal/uid"
)

// ErrHeadMoved is what Append answers when the head is no longer Batch.Old, or an event of the batch is no longer
// pending: another sealer was first. Nothing was changed.
var ErrHeadMoved = errors.New("audit: another sealer moved the head")

// TileWidth is how many entries a full tile holds.
const TileWidth = 1 << tileHeight

// tileHeight is the height of hash tiles in the sense of tlog.Tile.
const tileHeight = 8

// OrderLevel is the level of the tiles that hold the ids of the events in log order, 16 bytes each.
// The tiles of level 0 and above hold hashes, 32 bytes each.
const OrderLevel = -1

// Head is the size of the log and the root over all its leaves. The zero Head is that of the empty log.
type Head struct {
	Size int64
	Root tlog.Hash
}

// Tile is a run of up to TileWidth entries of one level, kept as one blob. The last tile of a level may hold fewer; it
// is overwritten by wider ones and never gets shorter.
type Tile struct {
	Level int   // OrderLevel, or 0 and up
	N     int64 // its number within the level, from 0
	Data  []byte
}

// Entry is an event as the log takes it: by its hash, which was made and kept when the event was committed. What
// happens to the event's row between its commit and its sealing shows like everything later.
type Entry struct {
	ID   uid.ID
	Leaf tlog.Hash
}

// Entry is what the log takes of the event.
func (e *Event) Entry() Entry { return Entry{ID: e.ID, Leaf: e.Leaf()} }

// Batch is one addition to the log.
type Batch struct {
	Old, New Head
	Events   []uid.ID // in log order; they are no longer pending afterwards
	Tiles    []Tile   // all new and widened tiles
}

// Checkpoint is a signed head.
type Checkpoint struct {
	Size int64
	At   time.Time // when it was signed; whole microseconds
	Note []byte    // the signed note, in the format of C2SP tlog-checkpoint
}

// Prune says which events retention has removed. Note is what proves it; Before repeats what stands in it.
type Prune struct {
	Before uid.ID // events with ids below were removed
	At     time.Time
	Note   []byte
}

// Store is where the log lives, as the sealer sees it. Its methods may be called concurrently. Events come back as they
// were written, their data byte for byte and their times in whole microseconds: anything else changes the leaf.
type Store interface {
	// Pending returns the entries of events that are not in the log yet, ordered by id, up to limit.
	Pending(ctx context.Context, limit int) ([]Entry, error)

	// Head returns the head of the log, the zero Head when nothing was ever sealed.
	Head(ctx context.Context) (Head, error)

	// Tiles returns the tiles of level whose number is in [first, first+count), ordered by number.
	// Those that do not exist are left out.
	Tiles(ctx context.Context, level int, first int64, count int) ([]Tile, error)

	// Append commits b in one transaction: it replaces the head, writes the tiles over those of the same level and
	// number, and removes the pending entries of b.Events, provided that the head still is b.Old in size and root and
	// that each of b.Events is pending. Otherwise it changes nothing and answers ErrHeadMoved. Any other error leaves
	// unknown whether it happened.
	Append(ctx context.Context, b Batch) error

	// PutCheckpoint keeps c. A second one of the same size is dropped without an error.
	PutCheckpoint(ctx context.Context, c Checkpoint) error

	// LastCheckpoint returns the checkpoint of the greatest size, the zero Checkpoint when there is none.
	LastCheckpoint(ctx context.Context) (Checkpoint, error)
}

// Reader is what verifying and exporting read. It need not be a snapshot: readers here bear with a sealer at work.
// Its methods may be called concurrently.
type Reader interface {
	// Head and Tiles are those of Store.
	Head(ctx context.Context) (Head, error)
	Tiles(ctx context.Context, level int, first int64, count int) ([]Tile, error)

	// Events returns up to limit events with after < id <= through, ordered by id.
	// Fewer than limit means that there are no more.
	Events(ctx context.Context, after, through uid.ID, limit int) ([]Event, error)

	// PendingIDs returns up to limit ids above after of the events that are not in the log yet, ordered.
	PendingIDs(ctx context.Context, after uid.ID, limit int) ([]uid.ID, error)

	// Checkpoints returns up to limit checkpoints of a size above after, ordered by size.
	Checkpoints(ctx context.Context, after int64, limit int) ([]Checkpoint, error)

	// LastCheckpoint is that of Store.
	LastCheckpoint(ctx context.Context) (Checkpoint, error)

	// Prunes returns all prune records ordered by Before.
	Prunes(ctx context.Context) ([]Prune, error)
}

// Pruner is what retention needs. Tiles, checkpoints and prune records are never removed.
type Pruner interface {
	Reader

	// PutPrune commits p. It is called before any event of p is removed.
	PutPrune(ctx context.Context, p Prune) error

	// DropEvents removes the events with ids below before. It may be called again after a crash, and may remove
	// partitions instead of rows.
	DropEvents(ctx context.Context, before uid.ID) error
}

// Subjects is what the rights of a data subject need. An event lies in the bucket of its object, and the bucket is a
// keyed hash of tenant and recipient, so all events of a recipient are found in one bucket.
type Subjects interface {
	// SubjectEvents returns up to limit events of the tenant in the bucket, with ids above after, ordered by id, whose
	// Subject.Sealed is not nil. They are of several subjects: the caller opens them to tell.
	SubjectEvents(ctx context.Context, tenant uid.Tenant, bucket uint16, after uid.ID, limit int) ([]Event, error)

	// EraseEvents sets Subject.Sealed to nil and Subject.Salt to zero in the tenant's events of the given ids, sealed
	// or pending, keeps Subject.Digest, and inserts tombstone as an event that is pending, all in one transaction.
	// Ids that are not the tenant's are passed over.
	EraseEvents(ctx context.Context, tenant uid.Tenant, ids []uid.ID, tombstone Event) error
}
