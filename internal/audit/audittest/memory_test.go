package audittest_test

import (
	"testing"

	"github.com/countersign/countersign/internal/audit/audittest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	audittest.Run(t, func(*testing.T) audittest.Log { return audittest.NewMemory() })
}
