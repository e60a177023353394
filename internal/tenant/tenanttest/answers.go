package tenanttest

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// Ring is a key ring with its index key, the same keys for nobody else.
func Ring(t testing.TB) *seal.Ring {
	t.Helper()
	ring, err := seal.Parse([]byte(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))))
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := ring.NewIndexKey()
	if err == nil {
		_, err = ring.UseIndexKey(wrapped)
	}
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

// answer is one to keep at a time.
func answer(at time.Time) tenant.Answer {
	return tenant.Answer{Bucket: 4095, Key: [16]byte{1, 15: 0xff}, Body: [32]byte{2, 31: 0xfe}, Sealed: []byte{0, 3, 0xfd}, At: at}
}

// create makes a service of the tenant and keeps an answer with it.
func (b *bench) create(t uid.Tenant, name string, keep tenant.Answer) error {
	s := profile(t, name)
	return b.Store.CreateService(b.Context(), s, &keep, event(t, s.ID))
}

func (b *bench) kept(of tenant.Answer) tenant.Answer {
	b.Helper()
	return must[tenant.Answer](b)(b.Store.KeptAnswer(b.Context(), tenant.Answer{Bucket: of.Bucket, Key: of.Key, At: of.At}))
}

func (b *bench) noAnswer(of tenant.Answer, what string) {
	b.Helper()
	_, err := b.Store.KeptAnswer(b.Context(), of)
	b.is(err, tenant.ErrNotFound, what)
}

func (b *bench) answerRoundTrip() {
	t, _ := b.tenant(Noon)
	a := answer(Noon)
	b.noAnswer(a, "before")
	b.ok(b.create(t.ID, "Second", a))
	b.same(b.kept(a), a, "the answer")
	key, bucket := a, a
	key.Key[0]++
	bucket.Bucket--
	b.noAnswer(key, "under another key")
	b.noAnswer(bucket, "in another bucket")
	b.ok(b.create(t.ID, "Third", key))
	b.same(b.kept(a), a, "the answer beside another")
}

func (b *bench) answerAge() {
	t, _ := b.tenant(Noon)
	first := answer(Noon)
	b.ok(b.create(t.ID, "Second", first))
	late, over := answer(Noon.Add(24*time.Hour-time.Microsecond)), answer(Noon.Add(24*time.Hour))
	late.Body, over.Body = [32]byte{8}, [32]byte{9}
	late.Sealed, over.Sealed = []byte{8}, []byte{9}
	b.is(b.create(t.ID, "Third", late), tenant.ErrAnswered, "before 24 hours are over")
	b.same(b.kept(late), first, "the answer until then")
	b.noAnswer(over, "the answer after 24 hours")
	b.ok(b.create(t.ID, "Third", over))
	b.same(b.kept(over), over, "the answer that took its place")
}

func (b *bench) answerRollback() {
	t, first := b.tenant(Noon)
	a := answer(Noon)
	b.is(b.create(t.ID, first.Name, a), tenant.ErrNameTaken, "a name that is taken")
	b.noAnswer(a, "of a service that was refused")
	b.ok(b.create(t.ID, "Second", a))
	version := must[int64](b)(b.Store.Version(b.Context()))

	again := profile(t.ID, "Second")
	again.Default = true
	err := b.Store.CreateService(b.Context(), again, &a, event(t.ID, again.ID))
	b.is(err, tenant.ErrAnswered, "again, where the name is taken too")
	b.same(b.read(first).Default, true, "the default is as it was")
	b.same(len(must[[]audit.Event](b)(b.Events(b.Context()))), 2, "events: of the tenant and of one service")
	b.same(must[int64](b)(b.Store.Version(b.Context())), version, "version")
}

func (b *bench) answerRace() {
	t, _ := b.tenant(Noon)
	var won, answered atomic.Int32
	parallel(func(i int) {
		mine := answer(Noon)
		mine.Sealed = []byte{byte(i)}
		switch err := b.create(t.ID, string(rune('a'+i)), mine); err {
		case nil:
			won.Add(1)
		case tenant.ErrAnswered:
			if got, err := b.Store.KeptAnswer(b.Context(), mine); err != nil || got.Body != mine.Body {
				b.Errorf("who was not the first finds %v, %v", got, err)
			}
			answered.Add(1)
		default:
			b.Error(err)
		}
	})
	b.same([]int32{won.Load(), answered.Load()}, []int32{1, equals - 1}, "creations that were done, and that were answered")
	b.same(len(must[[]tenant.Service](b)(b.Store.Services(b.Context(), t.ID))), 2, "services: the default and one more")
}

// directory is a Directory over the store.
func (b *bench) directory() *tenant.Directory {
	b.Helper()
	d, err := tenant.New(tenant.Config{
		Hash: func(key string) [32]byte { return sha256.Sum256([]byte(key)) }, Once: Ring(b.T).Once, Showable: func(string, int) bool { return true },
		Channels: []string{"sms"}, Limits: tenant.DefaultLimits(), Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
	}, b.Store)
	b.ok(err)
	d.Now = func() time.Time { return Noon }
	return d
}

// requestRace is about a Directory over the store: what a caller sees of equal requests.
func (b *bench) requestRace() {
	t, _ := b.tenant(Noon)
	d := b.directory()
	made := make([]tenant.Service, equals)
	parallel(func(i int) {
		var err error
		made[i], err = d.CreateService(b.Context(), tenant.Caller{Actor: "command"}, tenant.Service{Tenant: t.ID, Name: "Shop"},
			&tenant.Idempotency{Key: "k", Body: []byte("a")})
		if err != nil {
			b.Error(err)
		}
	})
	for _, one := range made {
		b.same(one, made[0], "an answer beside another")
	}
	b.same(b.read(made[0]), &made[0], "the service")
	b.same(len(must[[]tenant.Service](b)(b.Store.Services(b.Context(), t.ID))), 2, "services: the default and one more")
	created := slices.DeleteFunc(must[[]audit.Event](b)(b.Events(b.Context())), func(e audit.Event) bool { return e.Type != "service.created" })
	b.same(len(created), 1, "events of the creation")
}

// equals is how many equal requests come at once.
const equals = 16

// parallel runs that many at once and waits.
func parallel(do func(i int)) {
	var wg sync.WaitGroup
	for i := range equals {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// keyRace is about a Directory over the store: of equal requests for a key one makes it and has its secret.
func (b *bench) keyRace() {
	t, _ := b.tenant(Noon)
	d := b.directory()
	made, secrets := make([]tenant.Key, equals), make([]string, equals)
	parallel(func(i int) {
		k, secret, err := d.CreateKey(b.Context(), tenant.Caller{Actor: "command"}, t.ID, tenant.KeyRequest{
			Name: "Till", Scopes: []string{tenant.ScopeAll}, Idempotency: &tenant.Idempotency{Key: "k", Body: []byte("a")},
		})
		if err != nil {
			b.Error(err)
		}
		made[i], secrets[i] = k, secret.Reveal()
	})
	for _, one := range made {
		b.same(one, made[0], "an answer beside another")
	}
	b.same(len(slices.DeleteFunc(secrets, func(s string) bool { return s == "" })), 1, "secrets that were given")
	b.same(must[[]tenant.Key](b)(b.Store.Keys(b.Context(), t.ID)), made[:1], "keys")
	_, _, err := d.CreateKey(b.Context(), tenant.Caller{Actor: "command"}, t.ID, tenant.KeyRequest{
		Name: "Till", Scopes: []string{tenant.ScopeAll}, Idempotency: &tenant.Idempotency{Key: "k", Body: []byte("b")},
	})
	b.same(fault.As(err).Code, "idempotency_mismatch", "another request with the key of the first")
}
