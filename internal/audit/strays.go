package audit

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign/internal/uid"
)

// judgeStrays decides what the events without an entry and the entries without an event are.
func (v *verification) judgeStrays(ctx context.Context) error {
	if err := v.forgivePending(ctx); err != nil {
		return err
	}
	if err := v.forgiveLater(ctx); err != nil {
		return err
	}
	if err := v.forgiveUnpruned(ctx); err != nil {
		return err
	}
	if err := v.forgivePruned(ctx); err != nil {
		return err
	}
	v.judgeMisordered()
	if err := v.judgeInserted(ctx); err != nil {
		return err
	}
	for id, e := range v.join.unmet {
		v.report.add(Missing, e.index, e.index+1, id, "the event is gone")
	}
	for _, e := range v.join.lost {
		if !v.noOrder[e.index>>tileHeight] { // told of as a whole
			v.report.add(Missing, e.index, e.index+1, uid.ID{}, "the event is gone, and so is its id in the order")
		}
	}
	return nil
}

// forgivePending takes out the events that wait to be sealed.
func (v *verification) forgivePending(ctx context.Context) error {
	for after := (uid.ID{}); ; {
		ids, err := v.reader.PendingIDs(ctx, after, pageSize)
		if err != nil {
			return fmt.Errorf("read pending events: %w", err)
		}
		for _, id := range ids {
			delete(v.join.early, id)
			after = id
		}
		v.report.Pending += int64(len(ids))
		if len(ids) < pageSize {
			return nil
		}
	}
}

// forgiveLater takes out the events that were sealed after this verification read the head. It comes after
// forgivePending: an event that was no longer pending then is in the log now.
func (v *verification) forgiveLater(ctx context.Context) error {
	if len(v.join.early) == 0 {
		return nil
	}
	now, err := v.reader.Head(ctx)
	if err != nil {
		return fmt.Errorf("read head: %w", err)
	}
	return eachID(ctx, v.reader, v.tree.head.Size, now.Size, func(_ int64, id uid.ID) { delete(v.join.early, id) })
}

// forgiveUnpruned looks up the events that a prune record covers and that are still there, and compares them like any
// other.
func (v *verification) forgiveUnpruned(ctx context.Context) error {
	late := map[int64]uid.ID{}
	for _, p := range v.prunes {
		if len(v.join.early) == 0 {
			break
		}
		err := eachID(ctx, v.reader, p.From, min(p.To, v.tree.head.Size), func(index int64, id uid.ID) {
			if _, ok := v.join.early[id]; ok && v.prunes.of(id, index) == p {
				late[index] = id
			}
		})
		if err != nil {
			return err
		}
	}
	for index, id := range late {
		kept, ok, err := keptLeaf(ctx, v.reader, index)
		if err != nil {
			return err
		}
		leaf := v.join.early[id].leaf
		delete(v.join.early, id)
		switch {
		case ok && kept == leaf:
			v.report.Events++
		case ok: // one that is gone is told of with its tile
			v.differ[index] = difference{id: id, kept: kept, leaf: leaf}
		}
	}
	return nil
}

// forgivePruned takes out the entries whose events retention has removed since this verification read the prune
// records.
func (v *verification) forgivePruned(ctx context.Context) error {
	if len(v.join.unmet) == 0 {
		return nil
	}
	records, err := v.reader.Prunes(ctx)
	if err != nil {
		return fmt.Errorf("read prune records: %w", err)
	}
	for _, record := range records[min(v.records, len(records)):] {
		p, err := v.opts.Verifier.prune(record.Note)
		if err != nil {
			continue // it forgives nothing
		}
		v.report.warn("retention removed events during the verification; verify again to check its record")
		for id, e := range v.join.unmet {
			if compareIDs(id, p.Before) < 0 && e.index < p.To {
				delete(v.join.unmet, id)
			}
		}
	}
	return nil
}

// judgeMisordered finds the events without an entry whose leaf is at an entry without an event: the order was changed
// there.
func (v *verification) judgeMisordered() {
	if len(v.join.early) == 0 {
		return
	}
	byLeaf := make(map[tlog.Hash]uid.ID, len(v.join.early))
	for id, s := range v.join.early {
		byLeaf[s.leaf] = id
	}
	misordered := func(e entry) bool {
		id, ok := byLeaf[e.hash]
		if !ok {
			return false
		}
		delete(v.join.early, id)
		v.report.Events++
		if !v.noOrder[e.index>>tileHeight] {
			v.report.add(Misordered, e.index, e.index+1, id,
				"the order does not name the event that was sealed here; the event is intact")
		}
		return true
	}
	for id, e := range v.join.unmet {
		if misordered(e) {
			delete(v.join.unmet, id)
		}
	}
	v.join.lost = slices.DeleteFunc(v.join.lost, misordered)
}

// judgeInserted tells of the events that the log knows nothing of, each at the first index of an event with a greater
// id.
func (v *verification) judgeInserted(ctx context.Context) error {
	ids := slices.SortedFunc(maps.Keys(v.join.early), compareIDs)
	if len(ids) == 0 {
		return nil
	}
	tell := func(place int64) {
		v.report.add(Inserted, place, place+1, ids[0], "the event is neither in the log nor waiting for it")
		ids = ids[1:]
	}
	err := eachID(ctx, v.reader, 0, v.tree.head.Size, func(index int64, id uid.ID) {
		for len(ids) > 0 && compareIDs(ids[0], id) < 0 {
			tell(index)
		}
	})
	for len(ids) > 0 {
		tell(v.tree.head.Size)
	}
	return err
}

// keptLeaf reads the kept hash of one entry; ok is false when it is gone.
func keptLeaf(ctx context.Context, r Reader, index int64) (h tlog.Hash, ok bool, err error) {
	tiles, err := r.Tiles(ctx, 0, index>>tileHeight, 1)
	if err != nil {
		return h, false, fmt.Errorf("read tile of level 0: %w", err)
	}
	at := int(index%TileWidth) * tlog.HashSize
	if len(tiles) != 1 || len(tiles[0].Data) < at+tlog.HashSize {
		return h, false, nil
	}
	return tlog.Hash(tiles[0].Data[at:]), true, nil
}

// eachID calls each with the ids of the entries from index first to before end. It passes over tiles that are gone.
func eachID(ctx context.Context, r Reader, first, end int64, each func(index int64, id uid.ID)) error {
	for base := first / TileWidth * TileWidth; base < end; base += pageSize {
		tiles, err := r.Tiles(ctx, OrderLevel, base>>tileHeight, chunkTiles)
		if err != nil {
			return fmt.Errorf("read tiles of ids: %w", err)
		}
		slices.SortFunc(tiles, func(a, b Tile) int { return cmp.Compare(a.N, b.N) })
		for _, t := range tiles {
			for i := range len(t.Data) / idSize {
				if index := t.N<<tileHeight + int64(i); index >= first && index < end {
					each(index, uid.ID(t.Data[i*idSize:]))
				}
			}
		}
	}
	return nil
}
