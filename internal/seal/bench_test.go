package seal

import (
	"testing"

	"github.com/countersign/countersign/internal/uid"
)

func BenchmarkCode(b *testing.B) {
	r := ring(b, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Code(1, uid.ID{1}, 0, [16]byte{}, 6, ""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	r := ring(b, 1)
	p := Place{Purpose: "recipient", Tenant: tenant(), Row: make([]byte, 16)}
	plain := make([]byte, 20)
	b.ReportAllocs()
	for b.Loop() {
		r.Seal(p, plain)
	}
}

func BenchmarkOpen(b *testing.B) {
	r := ring(b, 1)
	p := Place{Purpose: "recipient", Tenant: tenant(), Row: make([]byte, 16)}
	sealed := r.Seal(p, make([]byte, 20))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Open(p, sealed); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpenNewTenant(b *testing.B) {
	r := ring(b, 1)
	p := Place{Purpose: "recipient", Row: make([]byte, 16)}
	plain := make([]byte, 20)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		p.Tenant = uid.Tenant{byte(n >> 16), byte(n >> 8), byte(n)}
		r.Seal(p, plain)
	}
}

func BenchmarkHash(b *testing.B) {
	r := ring(b, 1)
	tn, part := tenant(), make([]byte, 20)
	b.ReportAllocs()
	for b.Loop() {
		r.Hash("label", tn, part)
	}
}

func BenchmarkBlindIndexParallel(b *testing.B) {
	r := ring(b, 1)
	tn := tenant()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.BlindIndex(tn, "+12025550100")
		}
	})
}
