package console

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/countersign/countersign/internal/uid"
)

// read gives a page of a list of keys, newest first, of which one read looks at some rows at most, as the services do.
func read(keys []uid.ID, p uid.Page, looks int) (s stream) {
	from, below := p.Within(uid.ID{}, uid.ID{0xff})
	var in []uid.ID
	for _, k := range keys {
		if string(k[:]) >= string(from[:]) && string(k[:]) < string(below[:]) {
			in = append(in, k)
		}
	}
	if p.Up() {
		slices.Reverse(in)
	}
	if len(in) > looks {
		in = in[:looks]
		s.more = p.Beyond(in[looks-1])
	}
	if p.Up() {
		slices.Reverse(in)
	}
	for _, k := range in {
		for range 1 + k[15]%3 { // a verification has several messages
			s.rows = append(s.rows, MessageRow{key: k})
		}
	}
	return s
}

// TestTwoListsAreShownAsOne: whatever each read looks at, pages of both together, down and up again, have every row of both once and in
// order, and no page has many more than its limit.
func TestTwoListsAreShownAsOne(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var lists [2][]uid.ID
		for _, n := range slices.Backward(rapid.Permutation(rapid.SliceOfNDistinct(rapid.Byte(), 0, 60, rapid.ID[byte]).Draw(t, "keys")).Draw(t, "order")) {
			i := rapid.IntRange(0, 1).Draw(t, "list")
			lists[i] = append(lists[i], uid.ID{14: 1, 15: n})
		}
		newest := func(a, b uid.ID) int { return slices.Compare(b[:], a[:]) }
		var all []uid.ID
		for i := range lists {
			slices.SortFunc(lists[i], newest)
			for _, row := range read(lists[i], uid.Page{}, 1000).rows {
				all = append(all, row.key)
			}
		}
		slices.SortStableFunc(all, newest)
		limit, looks := rapid.IntRange(1, 9).Draw(t, "limit"), [2]int{rapid.IntRange(1, 9).Draw(t, "a"), rapid.IntRange(1, 9).Draw(t, "b")}
		page := func(p uid.Page) (keys []uid.ID, more uid.ID) {
			p.Limit = limit
			rows, more := read(lists[0], p, looks[0]).with(read(lists[1], p, looks[1]), p)
			if len(rows) > limit+2 {
				t.Fatalf("a page of %d has %d rows", limit, len(rows))
			}
			for _, r := range rows {
				keys = append(keys, r.key)
			}
			return keys, more
		}
		var down, up []uid.ID
		var last uid.ID
		for p := (uid.Page{}); ; {
			keys, more := page(p)
			down, up = append(down, keys...), keys
			if more.IsZero() {
				break
			}
			if more == p.Before {
				t.Fatal("a page leads to itself")
			}
			last, p.Before = more, more
		}
		for p := (uid.Page{After: last}); !p.After.IsZero(); {
			keys, more := page(p)
			up, p.After = append(keys, up...), more
		}
		if !slices.Equal(down, all) || !slices.Equal(up, all) {
			t.Fatalf("down %d, back %d, want %d", len(down), len(up), len(all))
		}
	})
}
