package audit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign/internal/uid"
)

// VerifyOptions say what to verify a log against.
type VerifyOptions struct {
	Verifier Verifier

	// Outside is the content of the checkpoint file. Without it nothing shows that the end of the log was cut off.
	Outside []byte

	// Progress is called now and then, from one goroutine at a time, with the entries done and those in all. It may
	// be nil.
	Progress func(done, total int64)
}

// Verify reads the whole log and recomputes it from the events up. It needs no secret, and the log may grow, be
// pruned or have subjects erased meanwhile: what is sealed after it began is not looked at. What it finds wrong is in
// the report; an error means that it could not read to the end.
func Verify(ctx context.Context, r Reader, opts VerifyOptions) (Report, error) {
	v := &verification{
		reader: r, opts: opts, report: &Report{Log: opts.Verifier.Log(), Findings: []Finding{}},
		total: census{erased: map[uid.Tenant]int64{}, buried: map[uid.Tenant]int64{}},
	}
	err := v.run(ctx)
	v.report.sort()
	return *v.report, err
}

// verification is the state of one call of Verify.
type verification struct {
	reader Reader
	opts   VerifyOptions
	report *Report

	tree   *tree
	join   *join
	prunes pruneChecks
	differ map[int64]difference // by index: entries whose event hashes otherwise
	total  census
	behind *chunk // joined, not settled yet: its last events may come with the next chunk

	records   int            // prune records there were at the beginning
	noOrder   map[int64]bool // numbers of the tiles of ids that are gone
	noParents map[int64]bool // numbers of the tiles of level 1 that are gone
}

// difference is an entry whose kept hash is not that of the event which the order names.
type difference struct {
	id         uid.ID
	kept, leaf tlog.Hash
}

func (v *verification) run(ctx context.Context) error {
	// Checkpoints first: whatever is read after them is at least as long as they say.
	claims, err := v.readClaims(ctx)
	if err != nil {
		return err
	}
	head, err := v.reader.Head(ctx)
	if err != nil {
		return fmt.Errorf("read head: %w", err)
	}
	if err := v.readPrunes(ctx); err != nil {
		return err
	}
	v.report.Size, v.report.Root = head.Size, head.Root.String()
	v.noOrder, v.noParents = map[int64]bool{}, map[int64]bool{}
	v.differ = map[int64]difference{}
	v.join = newJoin(v.compare, v.pruned)
	v.tree = &tree{reader: v.reader, head: head, claims: v.withinHead(claims, head), report: v.report, edge: &edge{}}
	s := &scanner{reader: v.reader, size: head.Size, workers: max(2, runtime.GOMAXPROCS(0)), through: lastID}
	if err := s.run(ctx, func(c *chunk) error { return v.chunk(ctx, c) }); err != nil {
		return err
	}
	if err := v.tree.finish(ctx); err != nil {
		return err
	}
	if err := v.judgeStrays(ctx); err != nil {
		return err
	}
	v.judgeDifferences()
	v.judgePrunes()
	v.judgeSubjects()
	return nil
}

// chunk joins c and settles the one before it.
func (v *verification) chunk(ctx context.Context, c *chunk) error {
	v.join.chunk(c)
	v.total.merge(c.census)
	c.rows = nil
	for _, t := range c.gone {
		v.tellGone(t)
	}
	if err := v.settleBehind(ctx); err != nil {
		return err
	}
	v.behind = c
	if v.opts.Progress != nil {
		v.opts.Progress(min(c.base+int64(c.entries), v.tree.head.Size), v.tree.head.Size)
	}
	return nil
}

func (v *verification) settleBehind(ctx context.Context) error {
	if v.behind == nil {
		return nil
	}
	n, err := v.tree.settle(ctx, v.behind, v.differ)
	v.report.Events += n
	return err
}

// compare compares an event with the hash that is kept of it.
func (v *verification) compare(e entry, r row) {
	v.pruned(r.id, e) // its removal may be under way
	if r.leaf == e.hash {
		v.report.Events++
		return
	}
	v.differ[e.index] = difference{id: r.id, kept: e.hash, leaf: r.leaf}
}

// pruned counts an entry to its prune record, and reports whether it has one.
func (v *verification) pruned(id uid.ID, e entry) bool {
	p := v.prunes.of(id, e.index)
	if p != nil {
		p.add(id, e.index)
	}
	return p != nil
}

// tellGone tells of a tile of ids or of level 1 that is gone; one of level 0 is told of when it is settled.
func (v *verification) tellGone(t Tile) {
	shift := tileHeight * (max(t.Level, 0) + 1)
	first, end := t.N<<shift, min((t.N+1)<<shift, v.tree.head.Size)
	switch {
	case t.Level == OrderLevel:
		v.noOrder[t.N] = true
		v.report.add(TileDamage, first, end, uid.ID{}, "the ids of these entries are gone")
	case t.Level == 1 && !v.noParents[t.N]:
		v.noParents[t.N] = true // several chunks share it
		v.report.add(TileDamage, first, end, uid.ID{}, "the hashes of level 1 over these entries are gone")
	}
}

// readClaims reads all checkpoints, in the database and outside, and tells of those that are not the log's.
func (v *verification) readClaims(ctx context.Context) ([]claim, error) {
	claims := v.outsideClaims()
	for after := int64(-1); ; {
		page, err := v.reader.Checkpoints(ctx, after, pageSize)
		if err != nil {
			return nil, fmt.Errorf("read checkpoints: %w", err)
		}
		for _, c := range page {
			after = c.Size
			head, err := v.opts.Verifier.Checkpoint(c.Note)
			if err == nil && head.Size != c.Size {
				err = errText
			}
			if err != nil {
				v.report.add(BadNote, c.Size, c.Size, uid.ID{},
					fmt.Sprintf("checkpoint of size %d in the database: %v", c.Size, err))
				continue
			}
			claims = append(claims, claim{head: head, where: "in the database"})
		}
		if len(page) < pageSize {
			break
		}
	}
	slices.SortStableFunc(claims, func(a, b claim) int { return cmp.Compare(a.head.Size, b.head.Size) })
	return claims, nil
}

// outsideClaims reads the checkpoint file.
func (v *verification) outsideClaims() []claim {
	var claims []claim
	for _, line := range parseCheckpointFile(v.opts.Outside) {
		if line.note == nil {
			what := "can't be read; it was skipped"
			if line.torn {
				what = "is cut short, as a crash while writing leaves it; it was skipped"
			}
			v.report.warn("line %d of the checkpoint file %s", line.line, what)
			continue
		}
		where := fmt.Sprintf("in line %d of the checkpoint file", line.line)
		head, err := v.opts.Verifier.Checkpoint(line.note)
		if err != nil {
			v.report.add(BadNote, -1, -1, uid.ID{}, fmt.Sprintf("checkpoint %s: %v", where, err))
			continue
		}
		claims = append(claims, claim{head: head, where: where, outside: true})
	}
	if len(claims) == 0 {
		v.report.warn("there is no checkpoint from outside the database: a log that was cut off or made anew can't be told")
	}
	return claims
}

// withinHead returns the claims that the log is long enough for, and tells of the others.
func (v *verification) withinHead(claims []claim, head Head) []claim {
	at := slices.IndexFunc(claims, func(c claim) bool { return c.head.Size > head.Size })
	if at < 0 {
		return claims
	}
	longest := claims[len(claims)-1]
	v.report.add(Truncated, head.Size, longest.head.Size, uid.ID{},
		fmt.Sprintf("the log ends here, but the checkpoint %s knows %d entries", longest.where, longest.head.Size))
	return claims[:at]
}

func (v *verification) readPrunes(ctx context.Context) error {
	records, err := v.reader.Prunes(ctx)
	if err != nil {
		return fmt.Errorf("read prune records: %w", err)
	}
	v.records = len(records)
	for _, record := range records {
		p, err := v.opts.Verifier.prune(record.Note)
		if err == nil && p.Before != record.Before {
			err = errText
		}
		if err != nil {
			v.report.add(BadNote, -1, -1, uid.ID{},
				fmt.Sprintf("prune record of %s: %v", record.Before.Time().Format(time.DateOnly), err))
			continue
		}
		v.prunes = append(v.prunes, newPruneCheck(p))
	}
	slices.SortStableFunc(v.prunes, func(a, b *pruneCheck) int { return compareIDs(a.Before, b.Before) })
	return nil
}

// judgeDifferences tells of the entries whose event is not the one that was sealed at their index.
func (v *verification) judgeDifferences() {
	sealedAt := make(map[tlog.Hash]int64, len(v.differ))
	for index, d := range v.differ {
		sealedAt[d.kept] = index
	}
	for _, index := range slices.Sorted(maps.Keys(v.differ)) {
		d := v.differ[index]
		if other, ok := sealedAt[d.leaf]; ok {
			v.report.add(Moved, index, index+1, d.id, fmt.Sprintf("the event was sealed at index %d", other))
			continue
		}
		v.report.add(Changed, index, index+1, d.id, "the event is not as it was sealed")
	}
}

func (v *verification) judgePrunes() {
	for _, p := range v.prunes {
		if !p.holds() {
			v.report.add(BadPrune, p.From, p.To, uid.ID{},
				"the ids in this range are not those that the prune record was signed for")
			continue
		}
		v.report.Pruned = append(v.report.Pruned, PrunedRange{From: p.From, To: p.To, Count: p.Count})
	}
}

func (v *verification) judgeSubjects() {
	for _, id := range v.total.damaged {
		v.report.add(BadSubject, -1, -1, id, "the sealed subject or its salt was changed")
	}
	for tenant, n := range v.total.erased {
		v.report.Erased += n
		if told := v.total.buried[tenant]; n > told {
			v.report.add(Unerased, -1, -1, uid.ID{},
				fmt.Sprintf("%s has %d events with a blank subject, its tombstones account for %d", tenant, n, told))
		}
	}
}
