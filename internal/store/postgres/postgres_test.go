package postgres_test

import (
	"testing"

	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/postgres"
	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
	"github.com/countersign/countersign/internal/store/storetest"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

func open(t testing.TB) store.Engine {
	t.Helper()
	e, err := postgres.Open(t.Context(), postgrestest.Migrated(t))
	if err != nil {
		t.Fatalf("open: %v", err)
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
