package verify

import (
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
)

func TestClock_set_back_by_an_hour_accepts_nothing_it_should_not(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	code := f.code()
	f.pass(10*time.Minute - time.Hour) // ten minutes later, by a clock that was set back meanwhile
	_, err := f.check(v.View.ID, code)
	wantFault(t, err, fault.Unavailable, "clock_behind")
	if got := f.store.get(v.View.ID); got.Checks != 0 || got.Status != Pending {
		t.Fatalf("%d checks spent, status %s", got.Checks, got.Status)
	}
	again := f.mustStart()
	if again.View.ID == v.View.ID || !again.Created {
		t.Fatal("a start must not send the doubtful code again")
	}
	if a := f.mustCheck(again.View.ID, f.code()); !a.Valid {
		t.Fatal("what is started by the new clock must work")
	}
	sends := 2
	for range 20 {
		if a, err := f.start(func(r *StartRequest) { r.Supersede = true }); err == nil && a.Sent {
			sends++
		}
	}
	if sends > 5 {
		t.Fatalf("%d sends in ten minutes: the clock opened the limit", sends)
	}
}
