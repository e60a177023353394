package verify

import (
	"time"

	"github.com/countersign/countersign/internal/audit"
)

// end takes the one step that leads from here to a final status, and erases what only a live verification needs.
func (v *Verification) end(to Status, by By, now time.Time, d data) audit.Event {
	event, ok := next(v.Status, to)
	if !ok {
		panic("verify: no step from " + string(v.Status) + " to " + string(to)) // a programmer's mistake
	}
	v.Status = to
	v.EndedAt, v.UpdatedAt = now, now
	v.Code.Custom, v.Transaction = nil, nil
	return v.event(event, by, now, d)
}

// Cancel ends a live verification because its owner says so.
func (v *Verification) Cancel(by By, now time.Time) audit.Event { return v.end(Canceled, by, now, nil) }

// Approve ends a live verification whose code the caller made, and compared, itself.
func (v *Verification) Approve(by By, now time.Time) audit.Event {
	return v.end(Approved, by, now, newData().text("told_by", "caller"))
}

// Expire ends one that is due. The time told is that of its last moment's passing, not of its being noticed.
func (v *Verification) Expire(by By, now time.Time) audit.Event { return v.end(Expired, by, now, nil) }

// Supersede ends one whose place the verification other takes.
func (v *Verification) Supersede(other *Verification, by By, now time.Time) audit.Event {
	return v.end(Superseded, by, now, newData().text("by", other.ID.Hex()))
}

// Fail ends one of which no message could be carried.
func (v *Verification) Fail(by By, now time.Time, d data) audit.Event {
	return v.end(Failed, by, now, d)
}
