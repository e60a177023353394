package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
	"github.com/countersign/countersign/internal/store/storetest"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// nodes gives two stores over one database, each with connections of its own, and an engine to look with.
func nodes(t *testing.T) ([2]*store.DB, store.Engine) {
	t.Helper()
	url := postgrestest.Migrated(t)
	return [2]*store.DB{storetest.Start(t, connect(t, url), nil), storetest.Start(t, connect(t, url), nil)}, direct(t, url)
}

// create makes v on the node.
func create(t *testing.T, db *store.DB, v *verify.Verification) {
	t.Helper()
	err := db.Change(t.Context(), storetest.Place(v), func(h *verify.Held) (outbox.Effects, error) {
		h.Create = v.Copy()
		return outbox.Effects{}, nil
	})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
}

func TestTwo_nodes_let_one_of_64_right_checks_win(t *testing.T) {
	t.Parallel()
	dbs, e := nodes(t)
	v := storetest.Sample()
	create(t, dbs[0], v)
	var won atomic.Int64
	storetest.Parallel(64, func(i int) {
		var mine bool
		err := dbs[i%2].Change(context.Background(), verify.Target{Tenant: v.Tenant, ID: v.ID}, func(h *verify.Held) (outbox.Effects, error) {
			h.V.Checks++
			if mine = h.V.Status == verify.Pending; mine {
				h.V.Status, h.V.EndedAt = verify.Approved, storetest.Now()
			}
			return outbox.Effects{}, nil
		})
		if err != nil {
			t.Errorf("change: %v", err)
		}
		if mine {
			won.Add(1)
		}
	})
	got, _, err := dbs[1].Verification(t.Context(), v.Tenant, v.ID)
	if err != nil || won.Load() != 1 || got.Checks != 64 {
		t.Errorf("%d won, %+v, %v; want 1 and 64 checks", won.Load(), got, err)
	}
	if n := storetest.Count(t, e, "open_verification"); n != 0 {
		t.Errorf("%d open, want 0", n)
	}
}

func TestTwo_nodes_count_client_limits_together(t *testing.T) {
	t.Parallel()
	dbs, _ := nodes(t)
	// The two name the meters in opposite orders.
	meters := []verify.Meter{{Bucket: 7, Key: [16]byte{1}}, {Bucket: 4000, Key: [16]byte{2}}}
	storetest.Parallel(64, func(i int) {
		mine := []verify.Meter{meters[i%2], meters[1-i%2]}
		err := dbs[i%2].Count(context.Background(), uid.Tenant{}, mine, func(s []ratelimit.TAT) error {
			s[0]++
			s[1]++
			return nil
		})
		if err != nil {
			t.Errorf("count: %v", err)
		}
	})
	err := dbs[0].Count(t.Context(), uid.Tenant{}, meters, func(s []ratelimit.TAT) error {
		if s[0] != 64 || s[1] != 64 {
			t.Errorf("counted %v, want 64 each", s)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A request that is refused takes back the row that stood for its key, under the hands of the other node.
func TestTwo_nodes_keep_one_answer_of_an_idempotency_key(t *testing.T) {
	t.Parallel()
	dbs, _ := nodes(t)
	refused := fault.New(fault.Limited, "test", "no")
	var recipients [16]*verify.Verification
	for i := range recipients {
		recipients[i] = storetest.Sample()
	}
	for round := range 30 {
		var kept atomic.Int64
		storetest.Parallel(len(recipients), func(i int) {
			target := storetest.Place(recipients[i]) // the same key about other recipients: nothing else orders them
			target.Answer = &verify.Answer{Bucket: 99, Key: [16]byte{byte(round)}, Body: [32]byte{6}}
			keeps := false
			err := dbs[i%2].Change(context.Background(), target, func(h *verify.Held) (outbox.Effects, error) {
				if keeps = h.Kept == nil && i > 11; keeps {
					h.Keep = fmt.Appendf(nil, "answer %d", i)
				} else if h.Kept == nil {
					return outbox.Effects{}, refused
				}
				return outbox.Effects{}, nil
			})
			if err != nil && !errors.Is(err, refused) {
				t.Errorf("change: %v", err)
			}
			if err == nil && keeps {
				kept.Add(1)
			}
		})
		if kept.Load() != 1 {
			t.Errorf("round %d: %d answers kept, want 1", round, kept.Load())
		}
	}
}

func TestTwo_nodes_claim_each_job_once(t *testing.T) {
	t.Parallel()
	dbs, e := nodes(t)
	var l storetest.Ledger
	l.Work(dbs[0], 16, 10)
	jobs := storetest.Count(t, e, "job")
	var mu sync.Mutex
	claimed := map[uid.ID]int{} // under mu
	at := storetest.Now().Add(time.Hour)
	storetest.Parallel(8, func(i int) {
		for {
			list, err := dbs[i%2].Claim(context.Background(), uid.Random(at), at, at.Add(time.Minute), 7, 1, 0)
			if err != nil {
				t.Errorf("claim: %v", err)
			}
			mu.Lock()
			for _, j := range list {
				claimed[j.ID]++
			}
			mine := len(claimed)
			mu.Unlock()
			if mine >= jobs || err != nil {
				return
			}
		}
	})
	for id, n := range claimed {
		if n != 1 {
			t.Errorf("%s was claimed %d times", id, n)
		}
	}
}

// Retention removes the rows of recipients who have nothing open while both nodes open and end verifications of the
// same few recipients: there is never more than one open verification of a recipient.
func TestTwo_nodes_and_retention_leave_one_open_place_for_each_recipient(t *testing.T) {
	t.Parallel()
	dbs, e := nodes(t)
	var recipients [3]*verify.Verification
	for i := range recipients {
		recipients[i] = storetest.Sample()
	}
	stop, swept := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(swept)
		for {
			select {
			case <-stop:
				return
			default:
			}
			err := e.Write(context.Background(), func(tx *sql.Tx) error {
				_, err := tx.Exec(`DELETE FROM recipient_state r WHERE NOT EXISTS (SELECT 1 FROM open_verification o
					WHERE o.bucket = r.bucket AND o.tenant = r.tenant AND o.blind_index = r.blind_index)`)
				return err
			})
			if err != nil {
				t.Errorf("sweep: %v", err)
			}
		}
	}()
	var created, ended atomic.Int64
	storetest.Parallel(32, func(i int) {
		for n := range 25 {
			of := recipients[(i+n)%len(recipients)]
			begun, over := false, false
			err := dbs[i%2].Change(context.Background(), storetest.Place(of), func(h *verify.Held) (outbox.Effects, error) {
				if begun, over = h.V == nil, h.V != nil; over {
					h.V.Status, h.V.EndedAt = verify.Approved, storetest.Now()
					return outbox.Effects{}, nil
				}
				h.Create = of.Copy()
				h.Create.ID = uid.New(storetest.Now(), of.ID.Bucket())
				return outbox.Effects{}, nil
			})
			switch {
			case err != nil:
				t.Errorf("change: %v", err)
			case begun:
				created.Add(1)
			case over:
				ended.Add(1)
			}
		}
	})
	close(stop)
	<-swept
	var rows, pending, places int64
	err := e.Reader().QueryRow(`SELECT count(*), count(*) FILTER (WHERE status = 'pending'), (SELECT count(*) FROM open_verification)
		FROM verification`).Scan(&rows, &pending, &places)
	if err != nil || rows != created.Load() || pending != places || pending != created.Load()-ended.Load() {
		t.Errorf("%d rows, %d pending, %d places (%v); created %d, ended %d", rows, pending, places, err, created.Load(), ended.Load())
	}
}

func TestTwo_nodes_under_random_load_deadlock_nowhere_and_lose_nothing(t *testing.T) {
	t.Parallel()
	dbs, e := nodes(t)
	var before, after int64
	const deadlocks = `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`
	if err := e.Reader().QueryRow(deadlocks).Scan(&before); err != nil {
		t.Fatal(err)
	}
	var l storetest.Ledger // its checks go to the other node's verifications too
	storetest.Parallel(2, func(i int) { l.Work(dbs[i], 24, 30) })
	if got := l.Compare(t, e); got.Refused+got.Unknown != 0 {
		t.Errorf("%+v", got)
	}
	if _, err := e.Reader().Exec(`SELECT pg_stat_force_next_flush()`); err != nil {
		t.Fatal(err)
	}
	if err := e.Reader().QueryRow(deadlocks).Scan(&after); err != nil || after != before {
		t.Errorf("%d deadlocks, %v", after-before, err)
	}
}

func TestTwo_nodes_remember_nothing_that_the_other_has_changed(t *testing.T) {
	t.Parallel()
	dbs, _ := nodes(t)
	storetest.Apart(t, dbs)
}

func TestTwo_lanes_leave_what_one_lane_would(t *testing.T) {
	t.Parallel()
	url := postgrestest.Migrated(t)
	e := connect(t, url)
	wide := storetest.Wide(t, e)
	var l storetest.Ledger
	l.Work(wide, 32, 20)
	if got := l.Compare(t, e); got.Refused+got.Unknown != 0 {
		t.Errorf("%+v", got)
	}
	storetest.Apart(t, [2]*store.DB{wide, storetest.Start(t, connect(t, url), nil)})
}

func TestCommitTime_measures_a_commit(t *testing.T) {
	t.Parallel()
	took, err := connect(t, postgrestest.Migrated(t)).CommitTime(t.Context())
	if err != nil || took <= 0 || took > 10*time.Second {
		t.Errorf("%v %v", took, err)
	}
}
