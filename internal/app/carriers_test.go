package app

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/delivery/sink"
	"github.com/countersign/countersign/internal/recipient"
)

func TestDevelopmentKeepsTheRoutesOfItsFileAndTheSinkTakesTheRest(t *testing.T) {
	t.Parallel()
	cfg, err := Load(Options{Dev: true})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Routes = []delivery.Rule{{Match: delivery.Match{Channel: delivery.SMS, Country: []string{"GB"}}, Use: []string{sinkName}}}
	d, _, err := newDispatcher(cfg, nil, sink.NewInbox(), nil, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	for channel, to := range map[delivery.Channel]string{delivery.SMS: "+12025550123", delivery.Voice: "+12025550123", delivery.Email: "ann@example.net"} {
		r, err := recipient.Parse(to, recipient.Rules{Fiction: true})
		if err != nil || !d.Routes(channel, r) {
			t.Errorf("nothing takes %s to %s (%v)", channel, to, err)
		}
	}
}

func TestCodesAreBoundToAHostOnlyWhereBrowsersHandThemOver(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"https://verify.example.net": "verify.example.net", "https://verify.example.net:8443": "verify.example.net",
		"https://192.0.2.1": "", "http://127.0.0.1:8080": "", "http://verify.example.net": "",
	} {
		if got := pagesHost(Config{PublicURL: url}); got != want {
			t.Errorf("%s: %q, want %q", url, got, want)
		}
	}
}
