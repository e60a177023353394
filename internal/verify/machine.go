package verify

import "slices"

// step is one arrow of the status machine and the event that tells of it.
type step struct {
	from, to Status
	event    string
}

// begin is the status before there is a verification.
const begin Status = ""

// machine is every way a status may change.
func machine() [9]step {
	return [...]step{
		{begin, Pending, EventStarted},
		{begin, Denied, EventDenied},
		{begin, Challenge, EventDenied},
		{Pending, Approved, EventApproved},
		{Pending, Canceled, EventCanceled},
		{Pending, Expired, EventExpired},
		{Pending, Exhausted, EventExhausted},
		{Pending, Superseded, EventSuperseded},
		{Pending, Failed, EventFailed},
	}
}

// next is the event of the step between two statuses, and whether there is such a step.
func next(from, to Status) (event string, ok bool) {
	steps := machine()
	for i := range steps {
		if steps[i].from == from && steps[i].to == to {
			return steps[i].event, true
		}
	}
	return "", false
}

// Final reports whether nothing follows s.
func (s Status) Final() bool {
	steps := machine()
	return !slices.ContainsFunc(steps[:], func(one step) bool { return one.from == s })
}
