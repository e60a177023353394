package app

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/delivery/relay"
	"github.com/countersign/countersign/internal/delivery/sink"
	"github.com/countersign/countersign/internal/delivery/smtp"
	"github.com/countersign/countersign/internal/devphone"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// sinkName is the name of the provider of development mode.
const sinkName = "sink"

// newDispatcher builds every provider of the configuration. In development mode the sink takes what no rule of the
// configuration is for. The closers are of providers that keep connections.
func newDispatcher(cfg Config, directory *tenant.Directory, inbox *sink.Inbox, client *egress.Client, log *slog.Logger, reg prometheus.Registerer) (d *delivery.Dispatcher, closers []io.Closer, err error) {
	var providers []delivery.Provider
	for _, p := range cfg.AllProviders() {
		built, err := newProvider(p, client)
		if err != nil {
			return nil, closers, fmt.Errorf("provider: %w", err)
		}
		providers = append(providers, built)
		if c, ok := built.(io.Closer); ok {
			closers = append(closers, c)
		}
	}
	routes := cfg.Routes
	if inbox != nil {
		providers = append(providers, sink.NewProvider(sinkName, inbox))
		if len(routes) > 0 {
			routes = slices.Clone(routes)
			for _, channel := range delivery.Channels {
				routes = append(routes, delivery.Rule{Match: delivery.Match{Channel: channel}, Use: []string{sinkName}})
			}
		}
	}
	_, messages, faults := texts(cfg.MessagesDir)
	if len(faults) > 0 {
		return nil, closers, faults
	}
	d, err = delivery.New(delivery.Config{Standing: standing(directory), Files: messages, Providers: providers, Routes: routes}, log, reg)
	return d, closers, err
}

// standing is what the directory says about a tenant's messages.
func standing(d *tenant.Directory) func(context.Context, uid.Tenant) (delivery.Standing, error) {
	return func(ctx context.Context, id uid.Tenant) (delivery.Standing, error) {
		switch t, err := d.Tenant(ctx, id); {
		case err != nil:
			return 0, err
		case !t.SuspendedAt.IsZero():
			return delivery.Suspended, nil
		case t.Sandbox:
			return delivery.Sandbox, nil
		}
		return delivery.Live, nil
	}
}

func newProvider(p Provider, client *egress.Client) (delivery.Provider, error) {
	switch {
	case p.Relay != nil:
		return relay.New(*p.Relay, client)
	case p.SMTP != nil:
		return smtp.New(*p.SMTP, client)
	}
	return nil, fmt.Errorf("no settings")
}

// phoneInbox shows the sink's messages to the development phone.
type phoneInbox struct{ inbox *sink.Inbox }

func (p phoneInbox) Messages(to string) []devphone.Message {
	messages := p.inbox.Messages(to)
	shown := make([]devphone.Message, len(messages))
	for i, m := range messages {
		shown[i] = devphone.Message(m)
	}
	return shown
}

func (p phoneInbox) Watch(ctx context.Context) iter.Seq[devphone.Message] {
	messages := p.inbox.Watch(ctx)
	return func(yield func(devphone.Message) bool) {
		for m := range messages {
			if !yield(devphone.Message(m)) {
				return
			}
		}
	}
}
