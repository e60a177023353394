package store_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/postgres"
	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/store/storetest"
	"github.com/countersign/countersign/internal/uid"
)

// TestSEC_76_a_session_of_nobody_is_read_like_any_other: it stands for a wrong password, and whoever has it can ask as often as they like.
func TestSEC_76_a_session_of_nobody_is_read_like_any_other(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func() (store.Engine, error){
		"sqlite":   func() (store.Engine, error) { return sqlite.Open(t.Context(), t.TempDir()) },
		"postgres": func() (store.Engine, error) { return postgres.Open(t.Context(), postgrestest.Migrated(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			e, err := open()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := e.Schema(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			at := storetest.Now()
			o := operator.Operator{ID: uid.Random(at), Tenant: uid.NewTenant(at), Role: operator.Owner, State: operator.Active, CreatedAt: at, UpdatedAt: at, Version: 1}
			somebodys := operator.Session{Hash: [32]byte{1}, ID: uid.Random(at), Tenant: o.Tenant, Operator: o.ID, Stage: operator.StageSecond, ExpiresAt: at.Add(time.Hour)}
			nobodys := operator.Session{Hash: [32]byte{2}, ID: uid.Random(at), Stage: operator.StageSecond, ExpiresAt: at.Add(time.Hour)}
			db := storetest.Start(t, e, nil)
			for _, s := range []operator.Session{somebodys, nobodys} {
				if err := db.ChangeOperator(t.Context(), operator.Target{}, func(h *operator.Held) (outbox.Effects, error) {
					h.Open = &s
					if s.Operator == o.ID {
						h.Create = &o
					}
					return outbox.Effects{}, nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			h := hear(t, e)
			heard := store.New(store.Config{}, h, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
			statements := map[[32]byte]int{}
			for _, s := range []operator.Session{somebodys, nobodys} {
				h.list = nil
				v, whose, err := heard.SessionByHash(t.Context(), s.Hash)
				if err != nil || v.ID != s.ID || whose.ID != s.Operator {
					t.Errorf("session %s of %s: %v", v.ID, whose.ID, err)
				}
				statements[s.Hash] = len(h.list)
			}
			if err := h.reader.Close(); err != nil {
				t.Fatal(err)
			}
			if a, b := statements[somebodys.Hash], statements[nobodys.Hash]; a != 1 || b != 1 {
				t.Errorf("%d statements for somebody's, %d for nobody's", a, b)
			}
		})
	}
}
