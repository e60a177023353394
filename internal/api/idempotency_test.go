package api_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/api"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/tenant/tenanttest"
	"github.com/countersign/countersign/internal/uid"
)

// repeats are requests one after another. "{id}" stands for the service that the first one made.
var repeats = []struct {
	name   string
	method string // POST when empty
	target string // /v1/services when empty
	body   string
	key    string // Idempotency-Key
	caller string // keyNamed when empty

	status int
	want   string // part of the answer
	first  bool   // the answer is that of the first request
}{
	{name: "first", body: `{"name":"Shop","max_sends":3}`, key: "k-1", status: 201, want: `"name":"Shop"`, first: true},
	{name: "again", body: `{"name":"Shop","max_sends":3}`, key: "k-1", status: 201, first: true},
	{name: "again in another form", body: "{ \"max_sends\": 3,\n\"name\": \"\\u0053hop\" }", key: "k-1", status: 201, first: true},
	{name: "another name", body: `{"name":"Store","max_sends":3}`, key: "k-1", status: 422, want: `"code":"idempotency_mismatch"`},
	{name: "a field less", body: `{"name":"Shop"}`, key: "k-1", status: 422, want: `"code":"idempotency_mismatch"`},
	{name: "no key", body: `{"name":"Shop","max_sends":3}`, status: 409, want: `"code":"name_taken"`},
	{name: "another key", body: `{"name":"Shop","max_sends":3}`, key: "k-2", status: 409, want: `"code":"name_taken"`},
	{name: "key with a space", body: `{"name":"Shop","max_sends":3}`, key: "k 1", status: 422, want: `"field":"Idempotency-Key"`},
	{name: "key of another tenant", body: `{"name":"Shop","max_sends":3}`, key: "k-1", caller: keyOther, status: 201, want: `"name":"Shop"`},
	{name: "the name becomes free", method: "PATCH", target: "/v1/services/{id}", body: `{"name":"Store"}`, status: 200, want: `"version":2`},
	{name: "again after a change", body: `{"name":"Shop","max_sends":3}`, key: "k-1", status: 201, first: true},
	{name: "the key that was refused", body: `{"name":"Shop","max_sends":3}`, key: "k-2", status: 201, want: `"name":"Shop"`},
	{name: "it is gone", method: "DELETE", target: "/v1/services/{id}", status: 204},
	{name: "again when it is gone", body: `{"name":"Shop","max_sends":3}`, key: "k-1", status: 201, first: true},
}

func TestSEC_81_a_service_asked_for_again_with_one_key_gets_the_first_answer(t *testing.T) {
	t.Parallel()
	stored := &tenanttest.Memory{}
	for _, of := range []uid.Tenant{acme, other} {
		s := tenant.Service{ID: uid.Random(began), Tenant: of, Name: "Acme", Default: true, Version: 1}
		if err := stored.CreateTenant(t.Context(), tenant.Tenant{ID: of, Name: "Acme"}, s, outbox.Effects{}); err != nil {
			t.Fatal(err)
		}
	}
	directory, err := tenant.New(tenant.Config{
		Hash: func(string) [32]byte { return [32]byte{} }, Once: tenanttest.Ring(t).Once, Showable: delivery.Showable,
		Channels: []string{"sms"}, Limits: tenant.DefaultLimits(), Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
	}, stored)
	if err != nil {
		t.Fatal(err)
	}
	fake := newServices()
	h := chained(t, api.Config{Keys: fake, Verifications: fake, Profiles: directory, Receipts: fake.receipts}, io.Discard)
	var first []byte
	var made struct{ ID string }
	for _, r := range repeats {
		header := map[string]string{"Idempotency-Key": r.key}
		if r.caller != "" {
			header["Authorization"] = "Bearer " + r.caller
		}
		target := strings.ReplaceAll(cmp.Or(r.target, "/v1/services"), "{id}", made.ID)
		w := call(h, cmp.Or(r.method, "POST"), target, r.body, header)
		if w.Code != r.status || !strings.Contains(w.Body.String(), r.want) {
			t.Errorf("%s: %d %s, want %d with %s", r.name, w.Code, w.Body, r.status, r.want)
		}
		if first == nil {
			if first = w.Body.Bytes(); json.Unmarshal(first, &made) != nil {
				t.Fatalf("%s: %s", r.name, first)
			}
		}
		if same := bytes.Equal(w.Body.Bytes(), first); same != r.first {
			t.Errorf("%s: %s; is the first answer: %v", r.name, w.Body, same)
		}
	}
	events, err := stored.Events(t.Context())
	created := 0
	for _, e := range events {
		if e.Type == "service.created" && e.Tenant == acme {
			created++
		}
	}
	if err != nil || created != 2 {
		t.Errorf("%d events tell of a creation, %v; want 2", created, err)
	}
}
