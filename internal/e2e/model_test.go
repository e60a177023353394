package e2e

import (
	"fmt"
	"net/http"

	"github.com/anishathalye/porcupine"
)

// The operations of a history.
const (
	opStart     = "start"
	opSupersede = "start, superseding"
	opResend    = "resend"
	opCheck     = "check"
	opCancel    = "cancel"
)

// asked is the input of an operation.
type asked struct {
	op   string
	to   string // the recipient: histories of two have nothing to do with each other
	id   string // of resend, check and cancel
	code string // of check
}

// told is its output. An operation without an answer has unsure set: it may have been done or not.
type told struct {
	unsure  bool
	status  int
	created bool
	id      string // of start; for one without an answer the verification that it made, empty when it made none
	sends   int    // of start and resend
	valid   bool   // of check
	left    int    // of check: checks left
}

// live is the state of one recipient: its open verification, or none.
type live struct {
	id    string
	sends int
	spent int // checks
}

// The figures of the default profile.
const (
	maxChecks = 5
	maxSends  = 5
)

// model is what the API promises about one recipient, without limits and inside of a code's life.
func model(codes map[string]string) porcupine.Model {
	m := porcupine.NondeterministicModel{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			of := map[string][]porcupine.Operation{}
			for _, o := range history {
				to := o.Input.(asked).to
				of[to] = append(of[to], o)
			}
			parts := make([][]porcupine.Operation, 0, len(of))
			for _, p := range of {
				parts = append(parts, p)
			}
			return parts
		},
		Init: func() []any { return []any{live{}} },
		Step: func(state, input, output any) []any {
			s, in, out := state.(live), input.(asked), output.(told)
			if out.unsure {
				return perhaps(s, in, out.id, codes)
			}
			if next, want := step(s, in, out.id, codes); want.matches(in.op, out) {
				return []any{next}
			}
			if want, ok := cooling(s, in); ok && want.matches(in.op, out) {
				return []any{s}
			}
			return nil
		},
		DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
	}
	return m.ToModel()
}

// perhaps is what an operation without an answer may have left. Of a start it is known whether it made a verification,
// and which: made, empty for none.
func perhaps(s live, in asked, made string, codes map[string]string) []any {
	next, want := step(s, in, made, codes)
	switch {
	case made != "" && want.created:
		return []any{next}
	case made != "":
		return nil
	case want.created:
		return []any{s}
	}
	return []any{s, next}
}

// cooling is a start or resend inside the cool-down, which sends nothing. With a cool-down of zero that happens to one
// that came before another and was decided after it: its own time lies before the other's.
func cooling(s live, in asked) (told, bool) {
	return told{status: http.StatusOK, id: s.id, sends: s.sends},
		s.id != "" && (in.op == opStart || in.op == opResend && in.id == s.id)
}

// step does one operation on s. fresh is the name of the verification if it makes one.
func step(s live, in asked, fresh string, codes map[string]string) (live, told) {
	mine := s.id != "" && s.id == in.id
	switch {
	case in.op == opSupersede, in.op == opStart && s.id == "":
		next := live{id: fresh, sends: 1}
		return next, told{status: http.StatusCreated, created: true, id: fresh, sends: 1}
	case (in.op == opStart || in.op == opResend && mine) && s.sends == maxSends:
		return s, told{status: http.StatusTooManyRequests}
	case in.op == opStart, in.op == opResend && mine:
		s.sends++
		return s, told{status: http.StatusOK, id: s.id, sends: s.sends}
	case in.op == opCancel && mine:
		return live{}, told{status: http.StatusOK}
	case in.op == opResend, in.op == opCancel:
		return s, told{status: http.StatusConflict}
	case !mine:
		return s, told{status: http.StatusNotFound}
	case in.code == codes[s.id]:
		return live{}, told{status: http.StatusOK, valid: true, left: maxChecks - s.spent - 1}
	}
	s.spent++
	out := told{status: http.StatusOK, left: maxChecks - s.spent}
	if s.spent == maxChecks {
		s = live{}
	}
	return s, out
}

// matches compares what the model says with what was told, as far as the operation tells it.
func (want told) matches(op string, got told) bool {
	if want.status != got.status || want.created != got.created || want.valid != got.valid {
		return false
	}
	if got.status/100 != 2 {
		return true
	}
	switch op {
	case opStart, opSupersede:
		return want.id == got.id && want.sends == got.sends
	case opResend:
		return want.sends == got.sends
	case opCheck:
		return want.valid || want.left == got.left
	}
	return true
}
