package sqlite_test

import (
	"testing"

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

func BenchmarkCount(b *testing.B) { storetest.BenchCount(b, storetest.Start(b, open(b), nil)) }
