package idenfy_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/compat/idenfy"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

// hookBench is webhooks at work, and a door whose sessions they tell.
type hookBench struct {
	*webhooktest.Stage
	*fake
	t *testing.T
}

// bubble runs a test on a bench, in a bubble.
func bubble(t *testing.T, run func(t *testing.T, b *hookBench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		run(t, &hookBench{Stage: webhooktest.NewStage(t, account, webhooktest.NoRecords{}, idenfy.Dialects(f)...), fake: f, t: t})
	})
}

// wait lets time pass in the bubble.
func (*hookBench) wait(d time.Duration) { time.Sleep(d) }

// forEvents is a webhook of the account for events.
func forEvents(events ...string) webhook.Endpoint {
	return webhook.Endpoint{Dialect: "idenfy", URL: "https://example.com/account", Events: events}
}

// session makes one with both gates, by a body's members.
func (b *hookBench) session(members string) uid.ID {
	b.t.Helper()
	if members != "" {
		members = "," + members
	}
	scanRef, _ := b.token(b.t, `"verifyPhone":true,"verifyEmail":true,"externalRef":"order-7"`+members).object["scanRef"].(string)
	id, err := uid.ParseUUID(scanRef)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// happen has events of one session happen: pairs of a type and its data.
func (b *hookBench) happen(of uid.ID, pairs ...string) {
	b.t.Helper()
	b.Happen(of, 20*time.Second, pairs...)
}
