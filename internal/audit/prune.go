package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// straggle bounds how much later than its id says an event may have been sealed, compared with its neighbors: clocks
// that differ, a node that was cut off. Beyond it an event would not be covered by the prune record that it belongs
// to.
const straggle = 24 * time.Hour

// ErrUnsealed is what PruneEvents answers when an event that it would remove is not in the log yet.
var ErrUnsealed = errors.New("audit: events of that age are not sealed yet; let the sealer catch up first")

// PruneEvents removes the events that are older than before, by the millisecond of their id, and leaves a signed
// record of which, so that verifying can tell retention from tampering. The record is committed first: a crash in
// between leaves events that the next call removes. It must not run twice at once; retention runs it under a lease.
// It returns how many events the record covers.
func PruneEvents(ctx context.Context, s Pruner, signer *Signer, before, now time.Time) (int64, error) {
	bound := uid.Floor(before)
	pending, err := s.PendingIDs(ctx, uid.ID{}, 1)
	if err != nil {
		return 0, fmt.Errorf("read pending events: %w", err)
	}
	if len(pending) > 0 && compareIDs(pending[0], bound) < 0 {
		return 0, ErrUnsealed
	}
	p, err := nextPrune(ctx, s, signer.Verifier(), bound)
	if err != nil {
		return 0, err
	}
	if p.Count > 0 {
		record, err := signer.prune(p, now)
		if err != nil {
			return 0, err
		}
		if err := s.PutPrune(ctx, record); err != nil {
			return 0, fmt.Errorf("keep prune record: %w", err)
		}
	}
	if err := s.DropEvents(ctx, bound); err != nil {
		return 0, fmt.Errorf("remove events: %w", err)
	}
	return p.Count, nil
}

// nextPrune reads from the order what the next prune record must state.
func nextPrune(ctx context.Context, r Reader, v Verifier, before uid.ID) (pruned, error) {
	records, err := r.Prunes(ctx)
	if err != nil {
		return pruned{}, fmt.Errorf("read prune records: %w", err)
	}
	var last pruned
	if n := len(records); n > 0 {
		if last, err = v.prune(records[n-1].Note); err != nil {
			return pruned{}, fmt.Errorf("last prune record: %w", err)
		}
	}
	head, err := r.Head(ctx)
	if err != nil {
		return pruned{}, fmt.Errorf("read head: %w", err)
	}
	from, err := firstKept(ctx, r, last)
	if err != nil {
		return pruned{}, err
	}
	return statePruned(ctx, r, pruned{Before: before, From: from, To: from}, last.Before, head.Size)
}

// firstKept is the first index whose event the last record, and all before it, left.
func firstKept(ctx context.Context, r Reader, last pruned) (int64, error) {
	first := last.To
	err := eachID(ctx, r, last.From, last.To, func(index int64, id uid.ID) {
		if compareIDs(id, last.Before) >= 0 {
			first = min(first, index)
		}
	})
	return first, err
}

// statePruned fills in To, Count and Digest of p: the entries from p.From on with floor <= id < p.Before.
func statePruned(ctx context.Context, r Reader, p pruned, floor uid.ID, size int64) (pruned, error) {
	check := newPruneCheck(p)
	far := uid.Floor(p.Before.Time().Add(straggle))
	for base := p.From; base < size; base = (base/pageSize + 1) * pageSize {
		near := false
		err := eachID(ctx, r, base, min((base/pageSize+1)*pageSize, size), func(index int64, id uid.ID) {
			near = near || compareIDs(id, far) < 0
			if compareIDs(id, p.Before) < 0 && compareIDs(id, floor) >= 0 {
				check.add(id, index)
				p.To = index + 1
			}
		})
		if err != nil {
			return pruned{}, err
		}
		if !near {
			break
		}
	}
	p.Count, p.Digest = check.count, [32]byte(check.hash.Sum(nil))
	return p, nil
}
