// Package audittest holds what tests of the audit log share: a log in memory that can be tampered with, events to
// write into it, and the suite that every implementation of the log's interfaces must pass.
package audittest

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/uid"
)

// Log is a whole audit log: all that the package audit asks of a database, and writing.
type Log interface {
	audit.Store
	audit.Pruner
	audit.Subjects

	// Write commits events together with their pending entries.
	Write(ctx context.Context, events []audit.Event) error
}

// TileKey names a tile.
type TileKey struct {
	Level int
	N     int64
}

// Rows are what a database would hold.
type Rows struct {
	Events      []audit.Event // ordered by id
	Pending     []uid.ID      // ordered
	Head        audit.Head
	Tiles       map[TileKey][]byte
	Checkpoints []audit.Checkpoint // ordered by size
	Prunes      []audit.Prune      // ordered by Before
}

// Memory is a Log in memory. It is safe for concurrent use.
type Memory struct {
	mu   sync.Mutex
	rows Rows // guarded by mu
}

var _ Log = (*Memory)(nil)

// NewMemory makes an empty log.
func NewMemory() *Memory { return &Memory{rows: Rows{Tiles: map[TileKey][]byte{}}} }

// Tamper hands the rows to change, which may do with them what it likes but keep the orders.
func (m *Memory) Tamper(change func(r *Rows)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.rows)
}

// Clone copies the log.
func (m *Memory) Clone() *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.rows
	r.Events, r.Pending = slices.Clone(r.Events), slices.Clone(r.Pending)
	r.Checkpoints, r.Prunes = slices.Clone(r.Checkpoints), slices.Clone(r.Prunes)
	r.Tiles = make(map[TileKey][]byte, len(m.rows.Tiles))
	for k, data := range m.rows.Tiles {
		r.Tiles[k] = bytes.Clone(data)
	}
	return &Memory{rows: r}
}

// Write implements Log.
func (m *Memory) Write(_ context.Context, events []audit.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows.Events = append(m.rows.Events, events...)
	slices.SortFunc(m.rows.Events, func(a, b audit.Event) int { return compareIDs(a.ID, b.ID) })
	for i := range events {
		m.rows.Pending = append(m.rows.Pending, events[i].ID)
	}
	slices.SortFunc(m.rows.Pending, compareIDs)
	return nil
}

// Pending implements audit.Store.
func (m *Memory) Pending(_ context.Context, limit int) ([]audit.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var entries []audit.Entry
	for _, id := range m.rows.Pending[:min(limit, len(m.rows.Pending))] {
		if at, ok := m.rows.find(id); ok {
			entries = append(entries, m.rows.Events[at].Entry())
		}
	}
	return entries, nil
}

// Head implements audit.Store.
func (m *Memory) Head(context.Context) (audit.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rows.Head, nil
}

// Tiles implements audit.Store.
func (m *Memory) Tiles(_ context.Context, level int, first int64, count int) ([]audit.Tile, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var tiles []audit.Tile
	for n := first; n < first+int64(count); n++ {
		if data, ok := m.rows.Tiles[TileKey{level, n}]; ok {
			tiles = append(tiles, audit.Tile{Level: level, N: n, Data: bytes.Clone(data)})
		}
	}
	return tiles, nil
}

// Append implements audit.Store.
func (m *Memory) Append(_ context.Context, b audit.Batch) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := m.rows.Pending
	if n := len(b.Events); n <= len(left) && slices.Equal(left[:n], b.Events) { // the usual case
		left = left[n:]
	} else {
		left = slices.DeleteFunc(slices.Clone(left), func(id uid.ID) bool { return slices.Contains(b.Events, id) })
	}
	if m.rows.Head != b.Old || len(left) != len(m.rows.Pending)-len(b.Events) {
		return audit.ErrHeadMoved
	}
	m.rows.Head, m.rows.Pending = b.New, left
	for _, t := range b.Tiles {
		m.rows.Tiles[TileKey{t.Level, t.N}] = bytes.Clone(t.Data)
	}
	return nil
}

// PutCheckpoint implements audit.Store.
func (m *Memory) PutCheckpoint(_ context.Context, c audit.Checkpoint) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, found := slices.BinarySearchFunc(m.rows.Checkpoints, c, func(a, b audit.Checkpoint) int {
		return cmp.Compare(a.Size, b.Size)
	})
	if !found {
		m.rows.Checkpoints = slices.Insert(m.rows.Checkpoints, at, c)
	}
	return nil
}

// LastCheckpoint implements audit.Store.
func (m *Memory) LastCheckpoint(context.Context) (audit.Checkpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.rows.Checkpoints); n > 0 {
		return m.rows.Checkpoints[n-1], nil
	}
	return audit.Checkpoint{}, nil
}

// Events implements audit.Reader.
func (m *Memory) Events(_ context.Context, after, through uid.ID, limit int) ([]audit.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, found := m.rows.find(after)
	if found {
		from++
	}
	events := make([]audit.Event, 0, limit)
	for ; from < len(m.rows.Events) && len(events) < limit && compareIDs(m.rows.Events[from].ID, through) <= 0; from++ {
		events = append(events, m.rows.Events[from])
	}
	return events, nil
}

// PendingIDs implements audit.Reader.
func (m *Memory) PendingIDs(_ context.Context, after uid.ID, limit int) ([]uid.ID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, found := slices.BinarySearchFunc(m.rows.Pending, after, compareIDs)
	if found {
		from++
	}
	return slices.Clone(m.rows.Pending[from:min(from+limit, len(m.rows.Pending))]), nil
}

// Checkpoints implements audit.Reader.
func (m *Memory) Checkpoints(_ context.Context, after int64, limit int) ([]audit.Checkpoint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from := slices.IndexFunc(m.rows.Checkpoints, func(c audit.Checkpoint) bool { return c.Size > after })
	if from < 0 {
		return nil, nil
	}
	return slices.Clone(m.rows.Checkpoints[from:min(from+limit, len(m.rows.Checkpoints))]), nil
}

// Prunes implements audit.Reader.
func (m *Memory) Prunes(context.Context) ([]audit.Prune, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.rows.Prunes), nil
}

// PutPrune implements audit.Pruner.
func (m *Memory) PutPrune(_ context.Context, p audit.Prune) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows.Prunes = append(m.rows.Prunes, p)
	slices.SortFunc(m.rows.Prunes, func(a, b audit.Prune) int { return compareIDs(a.Before, b.Before) })
	return nil
}

// DropEvents implements audit.Pruner.
func (m *Memory) DropEvents(_ context.Context, before uid.ID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at, _ := m.rows.find(before)
	m.rows.Events = slices.Clone(m.rows.Events[at:])
	return nil
}

// SubjectEvents implements audit.Subjects.
func (m *Memory) SubjectEvents(
	_ context.Context, tenant uid.Tenant, bucket uint16, after uid.ID, limit int,
) ([]audit.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var events []audit.Event
	for _, e := range m.rows.Events {
		named := e.Tenant == tenant && e.ID.Bucket() == bucket && e.Subject.Sealed != nil
		if named && compareIDs(e.ID, after) > 0 && len(events) < limit {
			events = append(events, e)
		}
	}
	return events, nil
}

// EraseEvents implements audit.Subjects.
func (m *Memory) EraseEvents(ctx context.Context, tenant uid.Tenant, ids []uid.ID, tombstone audit.Event) error {
	m.mu.Lock()
	for _, id := range ids {
		if at, ok := m.rows.find(id); ok && m.rows.Events[at].Tenant == tenant {
			m.rows.Events[at].Subject.Sealed, m.rows.Events[at].Subject.Salt = nil, [16]byte{}
		}
	}
	m.mu.Unlock()
	return m.Write(ctx, []audit.Event{tombstone})
}

// find is the place of the event of an id, or where it would be.
func (r *Rows) find(id uid.ID) (int, bool) {
	return slices.BinarySearchFunc(r.Events, id, func(e audit.Event, id uid.ID) int { return compareIDs(e.ID, id) })
}

func compareIDs(a, b uid.ID) int { return bytes.Compare(a[:], b[:]) }
