package audit_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/uid"
)

// TestInOrder: whatever they are about and however many there are, events of one moment and bucket have ids that grow as they are given,
// each keeps its time and its bucket, no id is lost, and neither a second pass nor one over a part changes anything.
func TestInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		start := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		events := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) audit.Event {
			at := start.Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "us")) * time.Microsecond)
			return audit.Event{ID: uid.New(at, rapid.Uint16Range(6, 7).Draw(t, "bucket")), At: at}
		}), 0, 20).Draw(t, "events")
		before := slices.Clone(events)
		audit.InOrder(events)
		for i := range events {
			if events[i].ID.Moment() != before[i].ID.Moment() {
				t.Fatalf("event %d got an id of another moment or bucket", i)
			}
			if !slices.ContainsFunc(before, func(e audit.Event) bool { return e.ID == events[i].ID }) {
				t.Fatalf("event %d got an id that was nobody's", i)
			}
			for k := range i {
				if events[k].ID.Moment() == events[i].ID.Moment() && events[k].ID.Hex() >= events[i].ID.Hex() {
					t.Fatalf("event %d has id %s, that after it %s", k, events[k].ID, events[i].ID)
				}
			}
		}
		again := slices.Clone(events)
		audit.InOrder(again[:len(again)/2])
		audit.InOrder(again)
		if !slices.EqualFunc(again, events, func(a, b audit.Event) bool { return a.ID == b.ID }) {
			t.Fatal("what was in order is dealt out again")
		}
	})
}
