package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"math/big"
	"sync"
	"testing"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// The types of the events that a Ledger leaves: one with each start, one with each check.
const (
	started = "verification.started"
	checked = "verification.checked"
)

// Ledger asks stores for changes and remembers what they answered, so that it can be held against what is there.
// The zero value is an empty one. It may be used concurrently.
type Ledger struct {
	mu      sync.Mutex
	entries []*entry // under mu
}

// entry is one verification that was asked for.
type entry struct {
	v       *verify.Verification
	err     error // what the start was answered
	checks  int   // checks that were acknowledged
	unknown int   // checks whose fate the store did not know
}

// Work starts verifications and checks those that were started before, each worker so many times.
func (l *Ledger) Work(db *store.DB, workers, each int) {
	parallel(workers, func(int) {
		for range each {
			if e := l.some(); e != nil && below(2) == 0 {
				l.check(db, e)
			} else {
				l.Start(db)
			}
		}
	})
}

// Start asks for one new verification with an event, a job and a counted send. It answers its id and what db said.
func (l *Ledger) Start(db *store.DB) (uid.ID, error) {
	v := sample(uid.Tenant{1})
	work := job(v)
	err := db.Change(context.Background(), place(v), func(h *verify.Held) (outbox.Effects, error) {
		h.Create = v.Copy()
		h.Contact.Sends.Add(now())
		return outbox.Effects{Events: []audit.Event{event(v, started)}, Jobs: []outbox.Job{work}}, nil
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, &entry{v: v, err: err})
	return v.ID, err
}

func (l *Ledger) check(db *store.DB, e *entry) {
	err := db.Change(context.Background(), byID(e.v), func(h *verify.Held) (outbox.Effects, error) {
		h.V.Checks++
		h.Contact.Wrong.Add(now())
		return outbox.Effects{Events: []audit.Event{event(e.v, checked)}}, nil
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err == nil:
		e.checks++
	case errors.Is(err, store.ErrUnknown):
		e.unknown++
	}
}

// some gives one that was started for certain, nil when there is none.
func (l *Ledger) some() *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range min(8, len(l.entries)) {
		if e := l.entries[below(len(l.entries))]; e.err == nil {
			return e
		}
	}
	return nil
}

// below gives a random number from 0 to n-1.
func below(n int) int {
	i, _ := rand.Int(rand.Reader, big.NewInt(int64(n))) // never fails since Go 1.24
	return int(i.Int64())
}

// Tally is how many starts got which answer.
type Tally struct{ Acknowledged, Refused, Unknown int }

// Compare holds the answers against the database: what was acknowledged is there once, what was refused is not there,
// and what is there is there with all that belongs to it.
func (l *Ledger) Compare(t testing.TB, e store.Engine) (sum Tally) {
	t.Helper()
	there := Whole(t, e)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, entry := range l.entries {
		checks, found := there[entry.v.ID]
		switch {
		case entry.err == nil:
			sum.Acknowledged++
			if !found {
				t.Errorf("%s was acknowledged and is not there", entry.v.ID)
			}
		case errors.Is(entry.err, store.ErrUnknown):
			sum.Unknown++
		default:
			sum.Refused++
			if found {
				t.Errorf("%s was refused and is there: %v", entry.v.ID, entry.err)
			}
		}
		if checks < entry.checks || checks > entry.checks+entry.unknown {
			t.Errorf("%s has %d checks; acknowledged %d, unknown %d", entry.v.ID, checks, entry.checks, entry.unknown)
		}
	}
	return sum
}

// Whole asks that every verification of Ledgers in the database is there with its one event of the start, its one job,
// and an event for each check, and that nothing is there without its verification. It answers the checks of each.
func Whole(t testing.TB, e store.Engine) map[uid.ID]int {
	t.Helper()
	checks := counts(t, e, `SELECT id, checks FROM verification`)
	for name, of := range map[string]map[uid.ID]int{
		"started events": counts(t, e, `SELECT object, count(*) FROM event WHERE type = '`+started+`' GROUP BY object`),
		"jobs":           counts(t, e, `SELECT object, count(*) FROM job GROUP BY object`),
	} {
		for id := range checks {
			if of[id] != 1 {
				t.Errorf("%s has %d %s, want 1", id, of[id], name)
			}
		}
		for id, n := range of {
			if _, there := checks[id]; !there {
				t.Errorf("%d %s without their verification %s", n, name, id)
			}
		}
	}
	events := counts(t, e, `SELECT object, count(*) FROM event WHERE type = '`+checked+`' GROUP BY object`)
	for id, n := range checks {
		if events[id] != n {
			t.Errorf("%s has %d checks and %d events of them", id, n, events[id])
		}
	}
	return checks
}

func counts(t testing.TB, e store.Engine, text string) map[uid.ID]int {
	t.Helper()
	rows, err := e.Reader().QueryContext(context.Background(), text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	all := map[uid.ID]int{}
	for rows.Next() {
		var id uid.ID
		var n int
		if err := rows.Scan(&id, &n); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		all[id] += n
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return all
}
