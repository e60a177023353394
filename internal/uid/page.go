package uid

import (
	"bytes"
	"slices"
)

// Page says which part of a list in the order of ids is read: what lies next below Before, or in its place what lies next from After
// on. Either way it is shown newest first, so a list can be gone through in both directions.
type Page struct {
	Before ID // zero: from the newest
	After  ID // zero: Before counts
	Limit  int
}

// Up reports whether p is read from older to newer.
func (p Page) Up() bool { return !p.After.IsZero() }

// Within is what is read of p of a list that has the ids from <= id < below; a zero below is no bound.
func (p Page) Within(from, below ID) (ID, ID) {
	if bytes.Compare(p.After[:], from[:]) > 0 {
		from = p.After
	}
	if p.Up() || p.Before.IsZero() {
		return from, below
	}
	if below.IsZero() || bytes.Compare(p.Before[:], below[:]) < 0 {
		below = p.Before
	}
	return from, below
}

// Beyond is where the page that follows p begins when the last that was read of p is id: its After, or its Before.
func (p Page) Beyond(id ID) ID {
	if p.Up() {
		return id.Next()
	}
	return id
}

// Cut makes a page of rows that were read in the order of p, one more than Limit where there are more. more is the After or the Before
// of the page that follows in the direction of p, zero at the end.
func Cut[T any](rows []T, p Page, id func(*T) ID) (page []T, more ID) {
	if len(rows) > p.Limit {
		rows = rows[:p.Limit]
		more = p.Beyond(id(&rows[p.Limit-1]))
	}
	if p.Up() {
		slices.Reverse(rows)
	}
	return rows, more
}
