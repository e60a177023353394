package sink_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/delivery/deliverytest"
	"github.com/countersign/countersign/internal/delivery/sink"
	"github.com/countersign/countersign/internal/uid"
)

func TestProvider_suite(t *testing.T) {
	t.Parallel()
	deliverytest.Run(t, func(*testing.T) deliverytest.Subject {
		inbox := sink.NewInbox()
		return deliverytest.Subject{
			Provider: sink.NewProvider("sink", inbox),
			Taken: func() (all []deliverytest.Taken) {
				for _, m := range inbox.Messages("") {
					all = append(all, deliverytest.Taken{To: m.To, Text: m.Body})
				}
				return all
			},
		}
	})
}

// put sends n messages to an address each of its own.
func put(t *testing.T, p delivery.Provider, from, n int) {
	t.Helper()
	for i := from; i < from+n; i++ {
		out := deliverytest.Outgoing(p, uid.Random(time.Now()), 1)
		out.To.Value = fmt.Sprint("to ", i)
		if _, err := p.Send(t.Context(), out); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInbox_keeps_the_last_thousand_newest_first(t *testing.T) {
	t.Parallel()
	inbox := sink.NewInbox()
	p := sink.NewProvider("sink", inbox)
	for _, n := range []int{3, sink.Kept - 3, 1, sink.Kept/2 + 7} {
		have := 0
		if all := inbox.Messages(""); len(all) > 0 {
			_, _ = fmt.Sscanf(all[0].To, "to %d", &have)
			have++
		}
		put(t, p, have, n)
		all := inbox.Messages("")
		if want := min(have+n, sink.Kept); len(all) != want {
			t.Fatalf("%d messages, want %d", len(all), want)
		}
		for i, m := range all {
			if want := fmt.Sprint("to ", have+n-1-i); m.To != want {
				t.Fatalf("message %d is %q, want %q", i, m.To, want)
			}
		}
	}
	if got := inbox.Messages("to 0"); got == nil || len(got) != 0 {
		t.Errorf("a forgotten message is %v, want an empty list", got)
	}
	if got := inbox.Messages("to 1000"); len(got) != 1 {
		t.Errorf("got %d messages to one recipient, want 1", len(got))
	}
}

func TestInbox_shows_a_message_as_it_would_leave(t *testing.T) {
	t.Parallel()
	inbox := sink.NewInbox()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := sink.NewProvider("post", inbox, delivery.Email)
	p.Now = func() time.Time { return now }
	out := deliverytest.Outgoing(p, uid.New(now, 1), 2)
	out.From = "Acme <no-reply@example.net>"
	if _, err := p.Send(t.Context(), out); err != nil {
		t.Fatal(err)
	}
	want := []sink.Message{{ID: out.ID.String(), To: "ada@example.net", Channel: delivery.Email, From: out.From,
		Subject: out.Content.Subject, Body: out.Content.Text, HTML: out.Content.HTML, Code: "918273", Provider: "post", CreatedAt: now}}
	if diff := cmp.Diff(want, inbox.Messages("ada@example.net")); diff != "" {
		t.Error(diff)
	}
}

func TestWatch_gives_each_message_until_its_context_ends(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inbox := sink.NewInbox()
		p := sink.NewProvider("sink", inbox)
		put(t, p, 0, 1) // before the watch: not part of it
		ctx, cancel := context.WithCancel(t.Context())
		news := inbox.Watch(ctx)
		put(t, p, 1, 2)
		for i := 1; i <= 2; i++ {
			if m := <-news; m.To != fmt.Sprint("to ", i) {
				t.Errorf("got %q", m.To)
			}
		}
		cancel()
		synctest.Wait()
		if _, ok := <-news; ok {
			t.Error("the channel is open after the end")
		}
		put(t, p, 3, 1)
	})
}

func TestWatch_drops_who_does_not_read(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inbox := sink.NewInbox()
		p := sink.NewProvider("sink", inbox)
		ctx, cancel := context.WithCancel(t.Context())
		news := inbox.Watch(ctx)
		put(t, p, 0, 200) // never blocks
		n := 0
		for range news { // ends, because it was dropped
			n++
		}
		if n == 0 || n >= 200 {
			t.Errorf("got %d messages before the drop", n)
		}
		cancel()
		synctest.Wait()
	})
}
