package audit

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// Verdict is what proving one event found.
type Verdict string

// The verdicts.
const (
	VerdictIntact   Verdict = "intact"   // it is as it was sealed, in a log that a signed checkpoint covers
	VerdictChanged  Verdict = "changed"  // it is not as it was sealed, or the log around it is damaged
	VerdictUnsealed Verdict = "unsealed" // no signed checkpoint covers it yet: seconds, at most a minute or two
	VerdictUnlogged Verdict = "unlogged" // it is neither in the log about where its time belongs, nor on its way there
)

// Proof is one event with what proves it.
type Proof struct {
	Event   Event
	Verdict Verdict
	Detail  string    // what is wrong, unless VerdictIntact
	Index   int64     // in the log; -1: none
	Leaf    tlog.Hash // of the event as it is now
	Kept    tlog.Hash // that the log has at Index
	Path    []tlog.Hash

	// The newest signed checkpoint.
	Size     int64
	Root     tlog.Hash
	SignedAt time.Time
	Note     string

	Lines []byte // an export of this one event, for VerifyExport; nil unless VerdictIntact
}

// Prove proves one event of a tenant: it hashes the event as it is now, finds it in the log, and has the export of this one event
// checked as somebody outside would. The subject stays sealed. Fault: NotFound.
func Prove(ctx context.Context, b Browser, v Verifier, t uid.Tenant, id uid.ID) (Proof, error) {
	e, err := FindEvent(ctx, b, t, id)
	if err != nil {
		return Proof{}, err
	}
	p := Proof{Event: e, Index: -1, Leaf: e.Leaf()}
	last, err := b.LastCheckpoint(ctx)
	if err != nil {
		return p, err
	}
	p.Size, p.SignedAt, p.Note = last.Size, last.At, string(last.Note)
	pending, err := b.PendingIDs(ctx, before(id), 1)
	if err != nil {
		return p, err
	}
	if len(pending) == 1 && pending[0] == id {
		return p.judged(VerdictUnsealed, "It is not in the log yet."), nil
	}
	head, err := b.Head(ctx)
	if err != nil {
		return p, err
	}
	if p.Index, err = indexOf(ctx, b, id, head.Size); err != nil {
		return p.damaged(ctx, err)
	}
	switch {
	case p.Index < 0:
		return p.judged(VerdictUnlogged, "The log has no entry of this event about where its time belongs."), nil
	case p.Index >= last.Size:
		return p.judged(VerdictUnsealed, "It is in the log; the next checkpoint, which is signed, will cover it."), nil
	}
	return p.check(ctx, b, v, last)
}

func (p Proof) judged(v Verdict, detail string) Proof {
	p.Verdict, p.Detail = v, detail
	return p
}

// damaged judges an error of what reads the log: its own, unless it is the database that is away.
func (p Proof) damaged(ctx context.Context, err error) (Proof, error) {
	if ctx.Err() != nil || fault.Is(err, fault.Unavailable) {
		return p, err
	}
	return p.judged(VerdictChanged, fmt.Sprintf("The log is damaged: %v.", err)), nil
}

// check makes the export of the one event, and checks it.
func (p Proof) check(ctx context.Context, r Reader, v Verifier, last Checkpoint) (Proof, error) {
	kept, found, err := keptLeaf(ctx, r, p.Index)
	if err != nil {
		return p, err
	}
	if p.Kept = kept; !found {
		return p.judged(VerdictChanged, "The log's own hash of this event is gone."), nil
	}
	if p.Kept != p.Leaf {
		p.Detail = "The event is not the one that was sealed: its hash is another."
	}
	head, err := v.Checkpoint(last.Note)
	if err != nil {
		return p.judged(VerdictChanged, fmt.Sprintf("The newest checkpoint: %v.", err)), nil
	}
	p.Root = head.Root
	prover := newProver(ctx, r)
	if p.Path, err = prover.prove(head, p.Index, p.Kept); err != nil {
		return p.damaged(ctx, err)
	}
	if p.Detail != "" {
		return p.judged(VerdictChanged, p.Detail), nil
	}
	if p.Lines, err = p.lines(v, head, last, prover); err != nil {
		return p, err
	}
	report, err := VerifyExport(bytes.NewReader(p.Lines), v)
	if err != nil {
		return p, err
	}
	if !report.OK() {
		p.Lines = nil
		return p.judged(VerdictChanged, report.Findings[0].Detail), nil
	}
	return p.judged(VerdictIntact, ""), nil
}

// lines are an export of the one event.
func (p *Proof) lines(v Verifier, head Head, last Checkpoint, with *prover) ([]byte, error) {
	var b bytes.Buffer
	x := &exporter{opts: ExportOptions{Verifier: v}, head: head, out: bufio.NewWriter(&b), prover: with}
	x.begin(last)
	x.event(entry{index: p.Index, hash: p.Kept}, row{id: p.Event.ID, leaf: p.Leaf, event: &p.Event})
	x.write(endLine{Kind: lineEnd, Events: x.count})
	if x.err == nil {
		x.err = x.out.Flush()
	}
	return b.Bytes(), x.err
}

// before is the id just below one.
func before(id uid.ID) uid.ID {
	for i := len(id) - 1; i >= 0; i-- {
		if id[i]--; id[i] != 0xff {
			break
		}
	}
	return id
}

// searched is how many tiles of ids around where an event's time belongs are looked through: the order of sealing is nearly that of
// ids, and an event that was committed late stands behind.
const searched = 512

// indexOf finds the place of an event in a log of the given size; -1: it is not about where its time belongs.
func indexOf(ctx context.Context, log Tiler, id uid.ID, size int64) (int64, error) {
	tiles := (size + TileWidth - 1) / TileWidth
	low, high := int64(0), tiles // the first tile whose median is not below id
	for low < high {
		mid := (low + high) / 2
		ids, err := Order(ctx, log, mid*TileWidth, min((mid+1)*TileWidth, size))
		if err != nil {
			return -1, err
		}
		slices.SortFunc(ids, compareIDs)
		if compareIDs(ids[len(ids)/2], id) < 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	// From there to both sides, by steps that grow.
	left, right := low, low
	for step := int64(2); right-left < searched && (left > 0 || right < tiles); step *= 2 {
		from, to := max(0, left-step), min(tiles, right+step)
		for _, span := range [][2]int64{{from, left}, {right, to}} {
			at, err := indexIn(ctx, log, id, span[0]*TileWidth, min(span[1]*TileWidth, size))
			if err != nil || at >= 0 {
				return at, err
			}
		}
		left, right = from, to
	}
	return -1, nil
}

// indexIn finds an id among the entries from <= index < to.
func indexIn(ctx context.Context, log Tiler, id uid.ID, from, to int64) (int64, error) {
	ids, err := Order(ctx, log, from, to)
	if err != nil {
		return -1, err
	}
	if at := slices.Index(ids, id); at >= 0 {
		return from + int64(at), nil
	}
	return -1, nil
}
