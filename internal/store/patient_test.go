package store_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// askPatient makes one change that nobody waits for; its answer comes on the channel.
func askPatient(db *store.DB, decided *int) <-chan error {
	answer := make(chan error, 1)
	target := verify.Target{Tenant: uid.Tenant{1}, ID: uid.ID{2}, Patient: true}
	go func() {
		answer <- db.Change(context.Background(), target, func(*verify.Held) (outbox.Effects, error) {
			*decided++
			return outbox.Effects{}, nil
		})
	}()
	synctest.Wait()
	return answer
}

func TestA_patient_change_is_committed_alone_after_three_milliseconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, stop := serve(&fake{})
		defer stop()
		began, decided := time.Now(), 0
		if err := <-askPatient(db, &decided); err != nil || decided != 1 {
			t.Fatalf("decided %d times, %v", decided, err)
		}
		if took := time.Since(began); took != 3*time.Millisecond {
			t.Errorf("it took %v, want 3ms", took)
		}
	})
}

func TestA_patient_change_shares_the_commit_of_the_next_one_and_neither_is_lost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		commits := 0
		db, stop := serve(&fake{commit: func([]store.Step) error { commits++; return nil }})
		defer stop()
		began, decided := time.Now(), 0
		answer := askPatient(db, &decided)
		<-time.After(time.Millisecond)
		ask1(db).check(t, "", 1)
		if err := <-answer; err != nil || decided != 1 {
			t.Fatalf("decided %d times, %v", decided, err)
		}
		if took := time.Since(began); commits != 1 || took != time.Millisecond {
			t.Errorf("%d commits after %v, want 1 after 1ms", commits, took)
		}
	})
}

func TestA_stop_commits_a_patient_change_that_was_accepted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		db, stop := serve(&fake{})
		decided := 0
		answer := askPatient(db, &decided)
		stop()
		if err := <-answer; err != nil || decided != 1 {
			t.Fatalf("decided %d times, %v", decided, err)
		}
	})
}
