package audittest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/uid"
)

// Run holds a Log against its contract. Open gives an empty one, which its cleanup closes.
func Run(t *testing.T, open func(t *testing.T) Log) {
	cases := []struct {
		name string
		test func(*testing.T, Log)
	}{
		{"an empty log answers zero values", testEmpty},
		{"pending entries come with the hash of their event, oldest first", testPending},
		{"events are paged by id", testEventPages},
		{"a batch moves head, tiles and pending together", testAppend},
		{"of sealers at one head one wins", testRace},
		{"ten thousand events seal and verify", testSeal},
		{"checkpoints are paged, and the first of a size stays", testCheckpoints},
		{"erasing blanks the tenant's events and nothing else", testErase},
		{"pruning leaves a record and a log that verifies", testPrune},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open(t))
		})
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func write(t *testing.T, l Log, events []audit.Event) {
	t.Helper()
	if err := l.Write(t.Context(), events); err != nil {
		t.Fatal(err)
	}
}

// differ compares events; no data and empty data are the same.
func differ(want, got any) string { return cmp.Diff(want, got, cmpopts.EquateEmpty()) }

// verify verifies the log without an outside file and wants nothing found.
func verify(t *testing.T, l Log) audit.Report {
	t.Helper()
	r := must(audit.Verify(t.Context(), l, audit.VerifyOptions{Verifier: Signer(t).Verifier()}))(t)
	if !r.OK() {
		t.Errorf("the log does not verify:\n%s", r.String())
	}
	return r
}

func testEmpty(t *testing.T, l Log) {
	ctx := t.Context()
	if h := must(l.Head(ctx))(t); h != (audit.Head{}) {
		t.Errorf("Head = %v, want the zero Head", h)
	}
	if e := must(l.Pending(ctx, 10))(t); len(e) != 0 {
		t.Errorf("Pending = %v, want none", e)
	}
	if c := must(l.LastCheckpoint(ctx))(t); c.Size != 0 || c.Note != nil {
		t.Errorf("LastCheckpoint = %v, want none", c)
	}
	if tiles := must(l.Tiles(ctx, 0, 0, 10))(t); len(tiles) != 0 {
		t.Errorf("Tiles = %v, want none", tiles)
	}
	if p := must(l.Prunes(ctx))(t); len(p) != 0 {
		t.Errorf("Prunes = %v, want none", p)
	}
}

func testPending(t *testing.T, l Log) {
	events := Events(20, Start)
	write(t, l, events[10:])
	write(t, l, events[:10])
	if diff := cmp.Diff(entries(events[:15]), must(l.Pending(t.Context(), 15))(t)); diff != "" {
		t.Errorf("Pending (-want +got):\n%s", diff)
	}
	want := []uid.ID{events[5].ID, events[6].ID}
	if diff := cmp.Diff(want, must(l.PendingIDs(t.Context(), events[4].ID, 2))(t)); diff != "" {
		t.Errorf("PendingIDs (-want +got):\n%s", diff)
	}
}

func testEventPages(t *testing.T, l Log) {
	events := Events(10, Start)
	write(t, l, events)
	for _, c := range []struct {
		name           string
		after, through uid.ID
		limit          int
		want           []audit.Event
	}{
		{"from the beginning", uid.ID{}, events[9].ID, 100, events},
		{"after is left out, through is not", events[2].ID, events[5].ID, 100, events[3:6]},
		{"limited", events[2].ID, events[9].ID, 2, events[3:5]},
		{"bounds that are no events", uid.Floor(events[3].At), uid.Floor(events[5].At), 100, events[3:5]},
		{"empty range", events[4].ID, events[4].ID, 100, nil},
	} {
		got := must(l.Events(t.Context(), c.after, c.through, c.limit))(t)
		if diff := differ(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func testAppend(t *testing.T, l Log) {
	ctx := t.Context()
	events := Events(6, Start)
	write(t, l, events)
	one := audit.Batch{
		New: audit.Head{Size: 2, Root: [32]byte{1}}, Events: []uid.ID{events[0].ID, events[1].ID},
		Tiles: []audit.Tile{{Level: audit.OrderLevel, Data: []byte("ids")}, {Level: 0, Data: []byte("ab")}, {Level: 0, N: 2, Data: []byte("x")}},
	}
	two := audit.Batch{
		Old: one.New, New: audit.Head{Size: 3, Root: [32]byte{2}}, Events: []uid.ID{events[2].ID},
		Tiles: []audit.Tile{{Level: 0, Data: []byte("abc")}, {Level: 1, Data: []byte("up")}},
	}
	for _, b := range []audit.Batch{one, two} {
		if err := l.Append(ctx, b); err != nil {
			t.Fatal(err)
		}
	}
	lost := audit.Batch{
		Old: two.New, New: audit.Head{Size: 4}, Events: []uid.ID{events[5].ID}, Tiles: []audit.Tile{{Level: 0, Data: []byte("lost")}},
	}
	smaller, otherRoot, twice := lost, lost, lost
	smaller.Old = one.New
	otherRoot.Old.Root = [32]byte{9}
	twice.Events = []uid.ID{events[5].ID, events[0].ID}
	for name, b := range map[string]audit.Batch{"at an old head": smaller, "at another root": otherRoot, "of an event that was sealed": twice} {
		if err := l.Append(ctx, b); !errors.Is(err, audit.ErrHeadMoved) {
			t.Errorf("Append %s = %v, want ErrHeadMoved", name, err)
		}
	}
	if h := must(l.Head(ctx))(t); h != two.New {
		t.Errorf("Head = %v, want %v", h, two.New)
	}
	if diff := cmp.Diff([]audit.Tile{{Level: 0, Data: []byte("abc")}, {Level: 0, N: 2, Data: []byte("x")}}, must(l.Tiles(ctx, 0, 0, 3))(t)); diff != "" {
		t.Errorf("tiles of level 0 (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]audit.Tile{{Level: audit.OrderLevel, Data: []byte("ids")}}, must(l.Tiles(ctx, audit.OrderLevel, 0, 3))(t)); diff != "" {
		t.Errorf("tiles of ids (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(entries(events[3:]), must(l.Pending(ctx, 10))(t)); diff != "" {
		t.Errorf("Pending (-want +got):\n%s", diff)
	}
}

func testRace(t *testing.T, l Log) {
	events := Events(16, Start)
	write(t, l, events)
	var wg sync.WaitGroup
	errs := make([]error, len(events))
	for i := range events {
		wg.Go(func() {
			errs[i] = l.Append(context.WithoutCancel(t.Context()), audit.Batch{
				New: audit.Head{Size: 1, Root: [32]byte{byte(i + 1)}}, Events: []uid.ID{events[i].ID},
				Tiles: []audit.Tile{{Level: 0, Data: []byte{byte(i + 1)}}},
			})
		})
	}
	wg.Wait()
	winner := 0
	for i, err := range errs {
		switch {
		case err == nil && winner == 0:
			winner = i + 1
		case err == nil:
			t.Errorf("sealers %d and %d both won", winner-1, i)
		case !errors.Is(err, audit.ErrHeadMoved):
			t.Errorf("sealer %d: %v, want ErrHeadMoved", i, err)
		}
	}
	if winner == 0 {
		t.Fatal("no sealer won")
	}
	if h := must(l.Head(t.Context()))(t); int(h.Root[0]) != winner {
		t.Errorf("the head is that of sealer %d, the winner is %d", h.Root[0]-1, winner-1)
	}
	if tiles := must(l.Tiles(t.Context(), 0, 0, 1))(t); len(tiles) != 1 || int(tiles[0].Data[0]) != winner {
		t.Errorf("the tile is %v, the winner is %d", tiles, winner-1)
	}
	if n := len(must(l.Pending(t.Context(), 100))(t)); n != len(events)-1 {
		t.Errorf("%d events are pending, want %d", n, len(events)-1)
	}
}

func testSeal(t *testing.T, l Log) {
	const size = 10_000
	events := Events(size, Start)
	for part := range 4 {
		write(t, l, events[part*size/4:(part+1)*size/4])
		// A new sealer each time reads the edge that the one before left.
		s := Sealer(t, audit.SealerConfig{Batch: 1500}, l)
		if h := must(s.SealNow(t.Context()))(t); h.Size != int64((part+1)*size/4) {
			t.Fatalf("sealed %d events, want %d", h.Size, (part+1)*size/4)
		}
	}
	r := verify(t, l)
	if r.Events != size || r.Checkpoints != 4 || r.Covered != size || r.Pending != 0 {
		t.Errorf("the report misses something:\n%s", r.String())
	}
}

func testCheckpoints(t *testing.T, l Log) {
	ctx := t.Context()
	var want []audit.Checkpoint
	for i := range 5 {
		c := audit.Checkpoint{Size: int64(10 * (i + 1)), At: Start.Add(time.Duration(i) * time.Microsecond), Note: fmt.Appendf(nil, "note %d", i)}
		want = append(want, c)
	}
	for _, i := range []int{1, 0, 2, 4, 3} {
		if err := l.PutCheckpoint(ctx, want[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.PutCheckpoint(ctx, audit.Checkpoint{Size: 50, At: Start, Note: []byte("another")}); err != nil {
		t.Errorf("second checkpoint of a size: %v", err)
	}
	if diff := cmp.Diff(want[2:4], must(l.Checkpoints(ctx, 20, 2))(t)); diff != "" {
		t.Errorf("Checkpoints (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want[4], must(l.LastCheckpoint(ctx))(t)); diff != "" {
		t.Errorf("LastCheckpoint (-want +got):\n%s", diff)
	}
}

func testErase(t *testing.T, l Log) {
	ctx := t.Context()
	events := Events(100, Start)
	write(t, l, events[:60])
	s := Sealer(t, audit.SealerConfig{}, l)
	must(s.SealNow(ctx))(t)
	write(t, l, events[60:]) // some are erased before they are sealed
	n := must(audit.EraseSubject(ctx, l, audit.Erasure{
		Tenant: Tenant(0), Bucket: Bucket, Actor: "command",
		Is: func(e *audit.Event) (bool, error) { return string(e.Subject.Sealed) == "sealed 3", nil },
	}, Start.Add(time.Hour)))(t)
	if n != 5 {
		t.Errorf("erased %d events, want 5", n)
	}
	for i := range events {
		if string(events[i].Subject.Sealed) == "sealed 3" {
			events[i].Subject.Sealed, events[i].Subject.Salt = nil, [16]byte{}
		}
	}
	all := must(l.Events(ctx, uid.ID{}, uid.Floor(Start.Add(24*time.Hour)), 1000))(t)
	if diff := differ(events, all[:len(all)-1]); diff != "" {
		t.Errorf("events after erasing (-want +got):\n%s", diff)
	}
	stone := all[len(all)-1]
	if stone.Type != audit.SubjectErased || stone.Tenant != Tenant(0) {
		t.Errorf("the last event is %v, want a tombstone of the tenant", stone)
	}
	if left := must(l.SubjectEvents(ctx, Tenant(0), Bucket, uid.ID{}, 1000))(t); len(left) != 45 {
		t.Errorf("%d events name a subject, want 45", len(left))
	}
	if other := must(l.SubjectEvents(ctx, Tenant(1), Bucket, uid.ID{}, 1000))(t); len(other) != 0 {
		t.Errorf("the other tenant has %d, want none", len(other))
	}
	must(s.SealNow(ctx))(t)
	if r := verify(t, l); r.Erased != 5 || r.Events != 101 {
		t.Errorf("the report misses something:\n%s", r.String())
	}
}

func testPrune(t *testing.T, l Log) {
	ctx := t.Context()
	events := Events(1000, Start)
	write(t, l, events[:900])
	must(Sealer(t, audit.SealerConfig{}, l).SealNow(ctx))(t)
	write(t, l, events[900:])
	if _, err := audit.PruneEvents(ctx, l, Signer(t), events[950].At, events[999].At); !errors.Is(err, audit.ErrUnsealed) {
		t.Errorf("pruning what is not sealed = %v, want ErrUnsealed", err)
	}
	must(Sealer(t, audit.SealerConfig{}, l).SealNow(ctx))(t)
	for _, bound := range []int{300, 700} {
		must(audit.PruneEvents(ctx, l, Signer(t), Start.Add(time.Duration(bound)*time.Millisecond), events[999].At))(t)
		left := must(l.Events(ctx, uid.ID{}, events[999].ID, 2000))(t)
		if len(left) != 1000-bound || left[0].ID != events[bound].ID {
			t.Errorf("%d events are left, want %d", len(left), 1000-bound)
		}
		if r := verify(t, l); r.Events != int64(1000-bound) {
			t.Errorf("the report misses something:\n%s", r.String())
		}
	}
}

// entries are what the log takes of the events.
func entries(events []audit.Event) []audit.Entry {
	list := make([]audit.Entry, len(events))
	for i := range events {
		list[i] = events[i].Entry()
	}
	return list
}
