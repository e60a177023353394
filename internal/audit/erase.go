package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// SubjectErased is the type of the event that says that a subject was erased.
const SubjectErased = "subject.erased"

// tombstone is the data of a SubjectErased event.
type tombstone struct {
	Events int64 `json:"events"` // whose subject was blanked
}

// Erasure says whose events to blank, and for whom.
type Erasure struct {
	Tenant    uid.Tenant
	Bucket    uint16 // of the recipient
	Actor     string // as in Event
	RequestID string

	// Is opens a sealed subject and tells whether it is the one to erase. An error ends the erasure with nothing done.
	Is func(e *Event) (bool, error)
}

// EraseSubject blanks a subject in all events and leaves a tombstone, so that the log still verifies and says how
// many events were blanked. It returns that number; when it is 0 nothing was written. Events that are written
// meanwhile may be missed: erase when nothing is open for the subject any more, or twice.
func EraseSubject(ctx context.Context, s Subjects, er Erasure, now time.Time) (int, error) {
	ids, err := subjectIDs(ctx, s, er)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	data, err := json.Marshal(tombstone{Events: int64(len(ids))})
	if err != nil {
		return 0, fmt.Errorf("erase subject: %w", err)
	}
	id := uid.New(now, er.Bucket)
	stone := Event{
		ID: id, Tenant: er.Tenant, Type: SubjectErased, Object: id, At: now.UTC().Truncate(time.Microsecond),
		Actor: er.Actor, RequestID: er.RequestID, Data: data,
	}
	if err := s.EraseEvents(ctx, er.Tenant, ids, stone); err != nil {
		return 0, fmt.Errorf("erase subject from %d events: %w", len(ids), err)
	}
	return len(ids), nil
}

func subjectIDs(ctx context.Context, s Subjects, er Erasure) ([]uid.ID, error) {
	var ids []uid.ID
	for after := (uid.ID{}); ; {
		events, err := s.SubjectEvents(ctx, er.Tenant, er.Bucket, after, pageSize)
		if err != nil {
			return nil, fmt.Errorf("read events of a subject: %w", err)
		}
		for i := range events {
			is, err := er.Is(&events[i])
			if err != nil {
				return nil, fmt.Errorf("open the subject of event %s: %w", events[i].ID.Text(uid.Event), err)
			}
			if is {
				ids = append(ids, events[i].ID)
			}
		}
		if len(events) < pageSize {
			return ids, nil
		}
		after = events[len(events)-1].ID
	}
}
