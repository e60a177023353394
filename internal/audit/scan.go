package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/countersign/countersign/internal/uid"
)

const (
	chunkTiles = 16 // tiles read at once: 4096 entries, as many as a sealer appends at once
	chunkAhead = 4  // chunks being read ahead of the one that is being verified
	pageSize   = chunkTiles * TileWidth
)

// chunk is a run of whole tiles and the events that ought to belong to them: those of a range of ids chosen so that,
// the order of sealing being nearly that of ids, few belong to another chunk. Which range it is decides nothing but
// memory.
type chunk struct {
	base    int64  // index of the first entry
	entries int    // 0 in the last chunk, which has only the events behind the log
	order   []byte // entries ids; zero ids where a tile is gone
	hashes  []byte // entries hashes; zero where a tile is gone
	parents []byte // one hash for each full tile; zero where the tile of level 1 is gone
	gone    []Tile // Level and N of tiles that are gone or too short

	after, through uid.ID
	ready          chan struct{} // closed when rows is complete
	rows           []row         // ordered by id
	census         census
}

// row is an event as far as joining needs it.
type row struct {
	id    uid.ID
	leaf  tlog.Hash
	event *Event // nil unless the scanner keeps it
}

// census counts what is said of subjects.
type census struct {
	erased  map[uid.Tenant]int64
	buried  map[uid.Tenant]int64 // by tombstones
	damaged []uid.ID             // events whose sealed subject does not fit its digest
}

func (c *chunk) id(i int) uid.ID           { return uid.ID(c.order[i*idSize:]) }
func (c *chunk) hash(i int) tlog.Hash      { return tlog.Hash(c.hashes[i*tlog.HashSize:]) }
func (c *chunk) parent(tile int) tlog.Hash { return tlog.Hash(c.parents[tile*tlog.HashSize:]) }

// scanner reads a log chunk by chunk: one goroutine reads tiles, workers read and hash events.
type scanner struct {
	reader  Reader
	size    int64
	workers int
	after   uid.ID              // events up to this id are not read
	through uid.ID              // nor are those beyond this one
	keep    func(e *Event) bool // which events are kept whole; nil for none
}

// run hands every chunk in turn to each, whose error ends the run.
func (s *scanner) run(ctx context.Context, each func(*chunk) error) error {
	g, ctx := errgroup.WithContext(ctx)
	jobs := make(chan *chunk, chunkAhead)
	inOrder := make(chan *chunk, chunkAhead)
	g.Go(func() error {
		defer close(jobs)
		defer close(inOrder)
		return s.produce(ctx, jobs, inOrder)
	})
	for range s.workers {
		g.Go(func() error { return s.work(ctx, jobs) })
	}
	g.Go(func() error {
		for c := range inOrder {
			select {
			case <-c.ready:
			case <-ctx.Done():
				return ctx.Err()
			}
			if err := each(c); err != nil {
				return err
			}
		}
		return nil
	})
	return g.Wait()
}

// produce makes the chunks, each of which goes to a worker first.
func (s *scanner) produce(ctx context.Context, jobs, inOrder chan<- *chunk) error {
	after := s.after
	for base := int64(0); ; base += pageSize {
		c := &chunk{base: min(base, s.size), after: after, through: s.through, ready: make(chan struct{})}
		last := base >= s.size
		if !last {
			c.entries = int(min(pageSize, s.size-base))
			if err := s.readTiles(ctx, c); err != nil {
				return err
			}
			c.through = c.boundary(s.through)
			after = c.through
		}
		for _, to := range []chan<- *chunk{jobs, inOrder} {
			select {
			case to <- c:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if last {
			return nil
		}
	}
}

// lastID is not below any id.
var lastID = uid.ID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// boundary is the id that divides c's events from those of the next chunk: the median of the last tile, so that a few
// forged ids don't move it. It is neither below c.after nor above most.
func (c *chunk) boundary(most uid.ID) uid.ID {
	first := (c.entries - 1) / TileWidth * TileWidth
	ids := make([]uid.ID, 0, TileWidth)
	for i := first; i < c.entries; i++ {
		ids = append(ids, c.id(i))
	}
	slices.SortFunc(ids, compareIDs)
	mid := ids[len(ids)/2]
	if compareIDs(mid, c.after) < 0 {
		mid = c.after
	}
	if compareIDs(mid, most) > 0 {
		mid = most
	}
	return mid
}

func (s *scanner) readTiles(ctx context.Context, c *chunk) error {
	var err error
	if c.order, err = s.readLevel(ctx, c, OrderLevel, c.base, c.entries, idSize); err != nil {
		return err
	}
	if c.hashes, err = s.readLevel(ctx, c, 0, c.base, c.entries, tlog.HashSize); err != nil {
		return err
	}
	c.parents, err = s.readLevel(ctx, c, 1, c.base>>tileHeight, c.entries>>tileHeight, tlog.HashSize)
	return err
}

// readLevel reads n entries of a level from first on. Those of tiles that are gone stay zero, and the tiles are noted.
func (s *scanner) readLevel(ctx context.Context, c *chunk, level int, first int64, n, size int) ([]byte, error) {
	data := make([]byte, n*size)
	if n == 0 {
		return data, nil
	}
	from, through := first>>tileHeight, (first+int64(n)-1)>>tileHeight
	tiles, err := s.reader.Tiles(ctx, level, from, int(through-from)+1)
	if err != nil {
		return nil, fmt.Errorf("read tiles of level %d: %w", level, err)
	}
	for number := from; number <= through; number++ {
		start, end := max(number<<tileHeight, first), min((number+1)<<tileHeight, first+int64(n))
		skip, need := int(start-number<<tileHeight)*size, int(end-start)*size
		have := -1
		if at := slices.IndexFunc(tiles, func(t Tile) bool { return t.N == number }); at >= 0 {
			have = len(tiles[at].Data) - skip
			copy(data[int(start-first)*size:][:need], tiles[at].Data[min(skip, len(tiles[at].Data)):])
		}
		if have < need {
			c.gone = append(c.gone, Tile{Level: level, N: number})
		}
	}
	return data, nil
}

// work reads and hashes the events of chunks.
func (s *scanner) work(ctx context.Context, jobs <-chan *chunk) error {
	var buf []byte
	for c := range jobs {
		c.rows = make([]row, 0, c.entries)
		c.census = census{erased: map[uid.Tenant]int64{}, buried: map[uid.Tenant]int64{}}
		for after, more := c.after, compareIDs(c.after, c.through) < 0; more; {
			events, err := s.reader.Events(ctx, after, c.through, pageSize)
			if err != nil {
				return fmt.Errorf("read events: %w", err)
			}
			for i := range events {
				var leaf tlog.Hash
				leaf, buf = events[i].leaf(buf)
				r := row{id: events[i].ID, leaf: leaf}
				if s.keep != nil && s.keep(&events[i]) {
					r.event = &events[i]
				}
				c.rows = append(c.rows, r)
				c.census.count(&events[i])
			}
			if more = len(events) == pageSize; more {
				after = events[len(events)-1].ID
			}
		}
		close(c.ready)
	}
	return nil
}

func (c *census) count(e *Event) {
	if e.Subject.Erased() {
		c.erased[e.Tenant]++
	}
	if !e.Subject.intact() {
		c.damaged = append(c.damaged, e.ID)
	}
	if e.Type == SubjectErased {
		var t tombstone
		if json.Unmarshal(e.Data, &t) == nil && t.Events > 0 {
			c.buried[e.Tenant] += t.Events
		}
	}
}

// merge adds the counts of o.
func (c *census) merge(o census) {
	for tenant, n := range o.erased {
		c.erased[tenant] += n
	}
	for tenant, n := range o.buried {
		c.buried[tenant] += n
	}
	c.damaged = append(c.damaged, o.damaged...)
}
