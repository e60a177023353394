package audit_test

import (
	"slices"
	"testing"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
	"github.com/countersign/countersign/internal/uid"
)

func TestOrder_gives_every_event_once_in_the_order_of_sealing(t *testing.T) {
	t.Parallel()
	log := audittest.NewMemory()
	sealer := audittest.Sealer(t, audit.SealerConfig{}, log)
	var want []uid.ID
	events := audittest.Events(700, audittest.Start)
	for chunk := range slices.Chunk(events, 300) {
		if err := log.Write(t.Context(), chunk); err != nil {
			t.Fatal(err)
		}
		if _, err := sealer.SealNow(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, e := range chunk {
			want = append(want, e.ID)
		}
	}
	for _, step := range []int64{1, 100, 256, 257, 700} {
		var got []uid.ID
		for from := int64(0); from < 700; from += step {
			ids, err := audit.Order(t.Context(), log, from, min(from+step, 700))
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, ids...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("by steps of %d: another order, %d of %d", step, len(got), len(want))
		}
	}
	if ids, err := audit.Order(t.Context(), log, 700, 700); err != nil || len(ids) != 0 {
		t.Errorf("nothing is %v, %v", ids, err)
	}
	for _, beyond := range [][2]int64{{690, 701}, {1000, 1001}} {
		if ids, err := audit.Order(t.Context(), log, beyond[0], beyond[1]); err == nil {
			t.Errorf("beyond the log there are %d", len(ids))
		}
	}
}
