package audit

import (
	"slices"

	"github.com/countersign/countersign/internal/uid"
)

// InOrder has the events of one change stand everywhere as they are given here: it deals the ids of those of one moment, which are in no
// order, out again, the least first. What is in order stays as it is, and so does every part of it.
func InOrder(events []Event) {
	if len(events) < 2 {
		return
	}
	ids, places := make([]uid.ID, len(events)), make([]int, len(events))
	for i := range events {
		ids[i], places[i] = events[i].ID, i
	}
	slices.SortFunc(ids, compareIDs)
	slices.SortStableFunc(places, func(a, b int) int { return compareIDs(events[a].ID.Moment(), events[b].ID.Moment()) })
	for n, place := range places { // an id begins with its moment, so both are sorted by that first
		events[place].ID = ids[n]
	}
}
