package audit

import "github.com/countersign/countersign/internal/uid"

// InOrder has the events of one change stand everywhere as they are given here: it deals the ids of those that are of one bucket and
// microsecond, and so in no order, out again, the least first. What is in order stays as it is, and so does every part of it.
func InOrder(events []Event) {
	for i := range events {
		least := &events[i].ID
		for k := i + 1; k < len(events); k++ {
			if id := &events[k].ID; uid.Together(*least, *id) && compareIDs(*id, *least) < 0 {
				least = id
			}
		}
		events[i].ID, *least = *least, events[i].ID
	}
}
