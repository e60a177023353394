package tenanttest_test

import (
	"testing"

	"github.com/countersign/countersign/internal/tenant/tenanttest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	tenanttest.Run(t, func(*testing.T) tenanttest.Bench {
		m := &tenanttest.Memory{}
		return tenanttest.Bench{Store: m, Events: m.Events}
	})
}
