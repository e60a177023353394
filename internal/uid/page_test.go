package uid

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPageGoesThroughAListInBothDirections: whatever the size of the pages, down and up again give the same ids, each once.
func TestPageGoesThroughAListInBothDirections(t *testing.T) {
	t.Parallel()
	var all []ID // newest first
	for i := range 23 {
		all = append(all, ID{15: byte(100 - 2*i)})
	}
	read := func(p Page) (page []ID, more ID) {
		from, below := p.Within(ID{}, ID{})
		var rows []ID
		for _, id := range all {
			if string(id[:]) >= string(from[:]) && (below.IsZero() || string(id[:]) < string(below[:])) {
				rows = append(rows, id)
			}
		}
		if p.Up() {
			slices.Reverse(rows)
		}
		return Cut(rows[:min(len(rows), p.Limit+1)], p, func(id *ID) ID { return *id })
	}
	for limit := 1; limit < 25; limit++ {
		var down, up []ID
		var bound ID // the last one that a page began below
		for p := (Page{Limit: limit}); ; {
			page, more := read(p)
			down = append(down, page...)
			if more.IsZero() {
				break
			}
			bound, p.Before = more, more
		}
		if diff := cmp.Diff(all, down); diff != "" {
			t.Errorf("down by %d: want -, got +:\n%s", limit, diff)
		}
		if bound.IsZero() {
			continue
		}
		rest, _ := read(Page{Before: bound, Limit: limit})
		for p := (Page{After: bound, Limit: limit}); ; {
			page, more := read(p)
			if !slices.IsSortedFunc(page, func(a, b ID) int { return slices.Compare(b[:], a[:]) }) {
				t.Fatalf("up by %d: a page is not newest first", limit)
			}
			up = append(slices.Clone(page), up...)
			if p.After = more; more.IsZero() {
				break
			}
		}
		if diff := cmp.Diff(all, append(up, rest...)); diff != "" {
			t.Errorf("up by %d: want -, got +:\n%s", limit, diff)
		}
	}
}

func TestPageStaysWithinItsList(t *testing.T) {
	t.Parallel()
	id := func(n byte) ID { return ID{15: n} }
	for _, c := range []struct {
		name                string
		page                Page
		from, below         ID
		wantFrom, wantBelow ID
	}{
		{"all", Page{}, ID{}, ID{}, ID{}, ID{}},
		{"below", Page{Before: id(5)}, id(1), id(9), id(1), id(5)},
		{"below the end", Page{Before: id(5)}, id(1), id(3), id(1), id(3)},
		{"below, without an end", Page{Before: id(5)}, id(1), ID{}, id(1), id(5)},
		{"above", Page{After: id(5)}, id(1), id(9), id(5), id(9)},
		{"above the beginning", Page{After: id(1)}, id(5), ID{}, id(5), ID{}},
		{"above, whatever else is asked for", Page{After: id(5), Before: id(6)}, id(1), id(9), id(5), id(9)},
	} {
		if from, below := c.page.Within(c.from, c.below); from != c.wantFrom || below != c.wantBelow {
			t.Errorf("%s: %v to %v", c.name, from, below)
		}
	}
}
