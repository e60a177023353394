package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sort"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign/internal/uid"
)

// join brings the entries of the log, in log order, together with the events, in id order. Both orders are nearly the
// same, so what waits in its maps is little, unless much was tampered with.
type join struct {
	met    func(entry, row)              // takes a pair
	excuse func(id uid.ID, e entry) bool // reports whether an entry needs no event; called in log order
	unmet  map[uid.ID]entry              // entries whose event has not come yet
	lost   []entry                       // entries without an id, or with one that is in unmet already
	early  map[uid.ID]row                // events whose entry has not come yet
}

// entry is one index of the log and the leaf hash kept there.
type entry struct {
	index int64
	hash  tlog.Hash
}

func newJoin(met func(entry, row), excuse func(uid.ID, entry) bool) *join {
	return &join{met: met, excuse: excuse, unmet: map[uid.ID]entry{}, early: map[uid.ID]row{}}
}

// chunk joins one chunk with what the chunks before left over.
func (j *join) chunk(c *chunk) {
	i, k := 0, 0
	for i < c.entries || k < len(c.rows) {
		switch {
		case i < c.entries && k < len(c.rows) && c.id(i) == c.rows[k].id:
			j.met(entry{c.base + int64(i), c.hash(i)}, c.rows[k])
			i++
			k++
		case i < c.entries && (k == len(c.rows) || compareIDs(c.id(i), c.rows[k].id) < 0):
			j.entry(c.id(i), entry{c.base + int64(i), c.hash(i)})
			i++
		default:
			j.event(c.rows[k])
			k++
		}
	}
}

// entry takes an entry whose event is not the next one.
func (j *join) entry(id uid.ID, e entry) {
	if r, ok := j.early[id]; ok {
		delete(j.early, id)
		j.met(e, r)
		return
	}
	if j.excuse(id, e) {
		return
	}
	if _, twice := j.unmet[id]; twice || id.IsZero() {
		j.lost = append(j.lost, e)
		return
	}
	j.unmet[id] = e
}

// event takes an event whose entry is not the next one.
func (j *join) event(r row) {
	if e, ok := j.unmet[r.id]; ok {
		delete(j.unmet, r.id)
		j.met(e, r)
		return
	}
	j.early[r.id] = r
}

// pruneChecks are prune records, ordered by Before.
type pruneChecks []*pruneCheck

// of returns the record that accounts for an entry, nil when none does.
func (checks pruneChecks) of(id uid.ID, index int64) *pruneCheck {
	n := len(checks)
	if n == 0 || compareIDs(id, checks[n-1].Before) >= 0 {
		return nil
	}
	at := sort.Search(n, func(i int) bool { return compareIDs(id, checks[i].Before) < 0 })
	if p := checks[at]; p.From <= index && index < p.To {
		return p
	}
	return nil
}

// pruneCheck recomputes what a prune record states.
type pruneCheck struct {
	pruned
	count int64
	hash  hash.Hash
}

func newPruneCheck(p pruned) *pruneCheck { return &pruneCheck{pruned: p, hash: sha256.New()} }

func (p *pruneCheck) add(id uid.ID, index int64) {
	var b [8 + idSize]byte
	binary.BigEndian.PutUint64(b[:], uint64(index))
	copy(b[8:], id[:])
	p.hash.Write(b[:])
	p.count++
}

func (p *pruneCheck) holds() bool {
	return p.count == p.Count && [32]byte(p.hash.Sum(nil)) == p.Digest
}

func compareIDs(a, b uid.ID) int { return bytes.Compare(a[:], b[:]) }
