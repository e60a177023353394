package sqlite_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/store/storetest"
)

func open(t testing.TB) store.Engine {
	t.Helper()
	e, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if m, err := e.Schema(t.Context(), true); err != nil || !m.Current() {
		t.Fatalf("migrate: %+v %v", m, err)
	}
	return e
}

func TestSuite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, open)
}

func BenchmarkVerification(b *testing.B) { storetest.Bench(b, storetest.Start(b, open(b), nil)) }

func BenchmarkInvitation(b *testing.B) {
	storetest.BenchInvitation(b, storetest.Start(b, open(b), nil))
}

func BenchmarkCount(b *testing.B) { storetest.BenchCount(b, storetest.Start(b, open(b), nil)) }

func TestWrite_waits_for_another_process_no_longer_than_its_caller(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, other := engine(t, dir), engine(t, dir)
	defer e.Close()
	defer other.Close()
	nothing := func(*sql.Tx) error { return nil }
	err := other.Write(t.Context(), func(*sql.Tx) error {
		for _, most := range []time.Duration{300 * time.Millisecond, 100 * time.Millisecond} {
			ctx, stop := context.WithTimeout(t.Context(), most)
			defer stop()
			began := time.Now()
			err := e.Write(ctx, nothing)
			if took := time.Since(began); err == nil || took > 2*time.Second {
				t.Errorf("a caller with %s is answered after %s: %v", most, took, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Write(t.Context(), nothing); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}
