package webhooktest_test

import (
	"context"
	"testing"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox/outboxtest"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	webhooktest.Run(t, func(*testing.T) webhooktest.Bench {
		m := webhooktest.NewMemory()
		return webhooktest.Bench{
			Store: m, Write: m.Write,
			Events: func(ctx context.Context) ([]audit.Event, error) { return m.Events(ctx, uid.ID{}, uid.ID{0xff}, 10_000) },
			Jobs:   func(ctx context.Context) ([]outboxtest.Row, error) { return m.Jobs.Rows(ctx) },
		}
	})
}
