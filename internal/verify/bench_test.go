package verify

import (
	"context"
	"testing"

	"github.com/countersign/countersign/internal/tenant"
)

// BenchmarkVerification is a start, the hand-over and a right check, without a database: what this package costs.
func BenchmarkVerification(b *testing.B) {
	f := setup(b)
	f.store.once = true
	f.tenants.tenant.Limits = tenant.DevLimits()
	ctx := context.Background()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		to := []byte("+12025550100")
		for i, v := len(to)-1, n%100; i > len(to)-3; i, v = i-1, v/10 {
			to[i] = '0' + byte(v%10)
		}
		a, err := f.Start(ctx, StartRequest{Caller: f.caller, To: string(to), Supersede: true})
		if err != nil {
			b.Fatal(err)
		}
		f.HandleSend(ctx, f.store.effects.Jobs[0])
		code := f.carrier.messages[0].Code.Reveal()
		if c, err := f.Check(ctx, CheckRequest{Caller: f.caller, ID: a.View.ID, Code: code}); err != nil || !c.Valid {
			b.Fatal(c, err)
		}
		f.carrier.messages = f.carrier.messages[:0]
		f.store.effects.Events, f.store.effects.Jobs = f.store.effects.Events[:0], f.store.effects.Jobs[:0]
		if n%1024 == 0 {
			clear(f.store.verifications)
			clear(f.store.deliveries)
			clear(f.store.contacts)
		}
	}
}
