package fault

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

func TestAs_finds_a_fault_however_deep(t *testing.T) {
	t.Parallel()
	want := New(Limited, "too_many_sends", "Wait.").After(time.Minute)
	for name, err := range map[string]error{
		"itself":  want,
		"wrapped": fmt.Errorf("start: %w", fmt.Errorf("store: %w", want)),
		"joined":  errors.Join(io.EOF, want),
	} {
		if got := As(err); got != want || !Is(err, Limited) || Is(err, Invalid) {
			t.Errorf("%s: As = %v, want %v", name, got, want)
		}
	}
}

func TestAs_of_any_other_error_is_internal_and_hides_it(t *testing.T) {
	t.Parallel()
	cause := errors.New("secret detail")
	got := As(cause)
	if got.Kind != Internal || got.Code != "internal" || !errors.Is(got, cause) {
		t.Errorf("As = %+v, want Internal that wraps the cause", got)
	}
	if strings.Contains(got.Message, "secret") {
		t.Errorf("the message shows the cause: %s", got.Message)
	}
	if Is(cause, Internal) {
		t.Error("Is takes an error that is no fault for one")
	}
	if (&Error{}).Kind != Internal {
		t.Error("a fault without a kind is not internal")
	}
}

func TestWrap_tells_the_cause_to_logs_alone(t *testing.T) {
	t.Parallel()
	err := Wrap(Unavailable, "database_away", "Try again.", io.ErrUnexpectedEOF)
	if !errors.Is(err, io.ErrUnexpectedEOF) || err.Message != "Try again." {
		t.Errorf("Wrap = %+v", err)
	}
	if got, want := err.Error(), "database_away: unexpected EOF"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if got, want := New(NotFound, "not_found", "No such thing.").Error(), "not_found: No such thing."; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
}

func TestOn_and_After_leave_the_original_alone(t *testing.T) {
	t.Parallel()
	shared := New(Invalid, "recipient_invalid", "Send a number.")
	changed := shared.On("to").After(time.Second)
	if changed.Field != "to" || changed.RetryAfter != time.Second || changed.Code != shared.Code {
		t.Errorf("changed = %+v", changed)
	}
	if shared.Field != "" || shared.RetryAfter != 0 {
		t.Errorf("the original became %+v", shared)
	}
}
