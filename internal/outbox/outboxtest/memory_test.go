package outboxtest_test

import (
	"context"
	"testing"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/outbox/outboxtest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	outboxtest.Run(t, func(*testing.T) outboxtest.Bench {
		m := &outboxtest.Memory{}
		return outboxtest.Bench{
			Store: m,
			Commit: func(ctx context.Context, queue *outbox.Queue, e outbox.Effects) error {
				m.Queue = queue
				return m.Commit(ctx, e)
			},
			Rows: m.Rows,
		}
	})
}
