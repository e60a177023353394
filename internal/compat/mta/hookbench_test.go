package mta_test

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/compat/mta"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

var _ mta.Webhooks = (*webhook.Service)(nil)

var loopbacks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// secret is one that a client brings, as the vendor's are.
const secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd9f"

// records has one verification for all ids, as it is long after its events.
type records struct {
	webhooktest.NoRecords
	gone bool
}

func (r records) Record(ctx context.Context, t uid.Tenant, id uid.ID) (webhook.Record, error) {
	if r.gone {
		return r.NoRecords.Record(ctx, t, id)
	}
	return webhook.Record{ID: id, Status: "superseded", To: "+44 ••• ••• ••23", Channel: "sms", ExternalID: "order-7",
		Metadata: map[string]string{"team": "a"}, Outcome: "deny", Reasons: []string{"landline"}}, nil
}

// hooksOn is the service of webhooks on a store in memory.
func hooksOn(store webhook.Store, client webhook.Client, loopback bool) *webhook.Service {
	return webhooktest.NewService(store, client, records{}, loopback, mta.Dialect())
}

// hookBench is webhooks at work.
type hookBench struct{ *webhooktest.Stage }

// bubble runs a test on a bench, in a bubble.
func bubble(t *testing.T, of records, run func(t *testing.T, b *hookBench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		run(t, &hookBench{webhooktest.NewStage(t, uid.NewTenant(time.Now()), of, mta.Dialect())})
	})
}

// register makes a webhook for an event at the URL of that name.
func (b *hookBench) register(event string, change ...func(*webhook.Endpoint)) webhook.Endpoint {
	draft := webhook.Endpoint{Dialect: "mta", URL: "https://example.com/" + event, Events: []string{event}, Own: secret}
	for _, f := range change {
		f(&draft)
	}
	e, _ := b.Register(draft)
	return e
}

// happen has events of one verification happen: pairs of a type and its data.
func (b *hookBench) happen(of uid.ID, pairs ...string) { b.Happen(of, 10*time.Second, pairs...) }
