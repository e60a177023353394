package delivery

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// ErrNoRoute means that no route is for the message: nothing was tried, and later will not help.
var ErrNoRoute = errors.New("no route for the message")

// The defaults of Config. A code that is not there within ten seconds is asked for again (SEC-35, SP-115).
const (
	defaultTryTimeout  = 5 * time.Second
	defaultSendTimeout = 10 * time.Second
	defaultFailures    = 5
)

// Config is what a Dispatcher is made of. Standing is required.
type Config struct {
	// Standing says what may become of a tenant's messages. While it can't say, nothing is sent.
	Standing func(ctx context.Context, t uid.Tenant) (Standing, error)

	Files     fs.FS // nil: as Files gives them; else these, with other texts in them
	Providers []Provider
	Routes    []Rule // empty: see RoutesFor

	TryTimeout  time.Duration // the longest one provider may take; 0: 5 s
	SendTimeout time.Duration // the longest one send may take over all providers; 0: 10 s
	Failures    int           // temporary failures in a row that open a provider's circuit; 0: 5
}

// Dispatcher carries messages down their routes. It may be used concurrently.
type Dispatcher struct {
	Now func() time.Time

	routes      []route
	accounts    map[string]*account
	renderer    *renderer
	standing    func(ctx context.Context, t uid.Tenant) (Standing, error)
	tryTimeout  time.Duration
	sendTimeout time.Duration
	log         *slog.Logger
	metrics     *metrics
}

var _ Carrier = (*Dispatcher)(nil)

// account is a provider as the dispatcher keeps it.
type account struct {
	Provider
	circuit *circuit
	meters  meters
}

// New makes a Dispatcher, or says everything that is wrong with the routes.
func New(cfg Config, log *slog.Logger, reg prometheus.Registerer) (*Dispatcher, error) {
	if cfg.Standing == nil {
		return nil, errors.New("delivery: Standing is required")
	}
	offers := make([]Offer, len(cfg.Providers))
	for i, p := range cfg.Providers {
		offers[i] = Offer{Name: p.Name(), Channels: p.Channels()}
	}
	rules := cfg.Routes
	if len(rules) == 0 {
		rules = RoutesFor(offers)
	}
	if faults := CheckRoutes(rules, offers); len(faults) > 0 {
		return nil, errors.New(strings.Join(faults, "\n"))
	}
	if cfg.Files == nil {
		cfg.Files = files
	}
	renderer, err := rendererOf(cfg.Files)
	if err != nil {
		return nil, fmt.Errorf("read the texts: %w", err)
	}
	d := &Dispatcher{
		Now:         time.Now,
		accounts:    make(map[string]*account, len(cfg.Providers)),
		renderer:    renderer,
		standing:    cfg.Standing,
		tryTimeout:  positive(cfg.TryTimeout, defaultTryTimeout),
		sendTimeout: positive(cfg.SendTimeout, defaultSendTimeout),
		log:         log,
	}
	if d.metrics, err = newMetrics(reg); err != nil {
		return nil, err
	}
	for _, p := range cfg.Providers {
		a := &account{Provider: p, circuit: &circuit{limit: positive(cfg.Failures, defaultFailures)}}
		a.meters = d.metrics.of(p.Name())
		if err := d.metrics.watch(reg, p.Name(), func() phase { return a.circuit.phase(d.Now()) }); err != nil {
			return nil, err
		}
		d.accounts[p.Name()] = a
	}
	d.resolve(rules)
	return d, nil
}

// positive is v, or the default when v is not set.
func positive[T time.Duration | int](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}

// resolve turns rules that CheckRoutes found no fault with into routes.
func (d *Dispatcher) resolve(rules []Rule) {
	for _, r := range rules {
		rt := route{Match: r.Match, sender: r.Sender}
		rt.tenant, _ = uid.ParseTenant(r.Match.Tenant) // checked; empty is the zero tenant
		for _, name := range r.Use {
			rt.use = append(rt.use, d.accounts[name])
		}
		d.routes = append(d.routes, rt)
	}
}

// Routes reports whether any route could carry the channel to the recipient, for some tenant at least.
func (d *Dispatcher) Routes(ch Channel, to recipient.Recipient) bool {
	return find(d.routes, ch, to, uid.Tenant{}) != nil
}

// Carry tries the providers of the message's route in order until one takes it or one refuses it for good. It ends
// within the send time-out. The error is ErrNoRoute, ErrSuspended, or ctx's own when ctx ended; the Result then still tells
// the tries that were made. The messages of a sandbox go down no route and to no provider.
func (d *Dispatcher) Carry(ctx context.Context, m Message) (Result, error) {
	return d.carry(ctx, letter{n: m.FirstN, write: func() (Content, error) { return d.renderer.render(m) }, out: Outgoing{
		ID:      ID{Verification: m.Verification, N: m.FirstN},
		SendKey: m.SendKey(),
		Tenant:  m.Tenant,
		Channel: m.Channel,
		To:      m.To,
		Name:    clean(m.ServiceName, maxServiceName),
		Code:    m.Code,
	}})
}

// letter is what is to be carried, whatever it says.
type letter struct {
	n     int      // of the first try
	out   Outgoing // without its sender and its content
	write func() (Content, error)
}

func (d *Dispatcher) carry(ctx context.Context, l letter) (Result, error) {
	switch standing, err := d.standing(ctx, l.out.Tenant); {
	case err != nil: // it must not be taken for a live one
		d.log.Warn("a message waits: it can't be told whether its tenant is a sandbox or suspended", "error", err)
		return Result{Retry: true}, ctx.Err()
	case standing == Suspended:
		return Result{}, ErrSuspended
	case standing == Sandbox:
		return d.rehearse(l)
	}
	r := find(d.routes, l.out.Channel, l.out.To, l.out.Tenant)
	if r == nil {
		return Result{}, ErrNoRoute
	}
	content, err := l.write()
	if err != nil {
		return Result{}, fmt.Errorf("render: %w", err)
	}
	if content.Origin == OriginLeftOut {
		d.metrics.originLeftOut.Inc()
	}
	l.out.From, l.out.Content = r.sender, content
	s := send{d: d, until: d.Now().Add(d.sendTimeout), n: l.n, out: l.out}
	s.walk(ctx, r.use)
	return s.result, ctx.Err()
}

// send is one walk down a route.
type send struct {
	d      *Dispatcher
	until  time.Time // the whole send must be over by then
	n      int       // of the next try
	out    Outgoing  // of the next try
	result Result
}

// walk asks one provider after the other and sums up in s.result.
func (s *send) walk(ctx context.Context, use []*account) {
	queue := line(use, s.d.Now())
	for i, a := range queue {
		now := s.d.Now()
		left := s.until.Sub(now)
		if left <= 0 {
			break
		}
		t, ok := a.circuit.ask(now)
		if !ok && (i+1 < len(queue) || a.circuit.held(now) > 0) {
			continue // somebody else can be asked, or the provider wants none of it now
		}
		if n := len(s.result.Tries); n > 0 {
			s.d.accounts[s.result.Tries[n-1].Provider].meters.failovers.Inc()
		}
		// Every provider in the line has its share of the time, so that two that hang don't starve a third.
		if end := s.try(ctx, a, t, min(s.d.tryTimeout, left/time.Duration(len(queue)-i))); end || ctx.Err() != nil {
			return
		}
	}
	s.result.Retry = true
	s.result.Wait = leastWait(use, s.d.Now())
}

// line is the order in which to ask: those whose circuit is not open, as the route has them, and then, so that nobody
// is left without a message, the one of the others that is nearest to its next probe. A provider that asked to be
// left alone is not in the line.
func line(use []*account, now time.Time) []*account {
	queue := make([]*account, 0, len(use))
	var last *account
	for _, a := range use {
		switch {
		case a.circuit.held(now) > 0:
		case a.circuit.phase(now) != open:
			queue = append(queue, a)
		case last == nil || a.circuit.opens().Before(last.circuit.opens()):
			last = a
		}
	}
	if last != nil {
		queue = append(queue, last)
	}
	return queue
}

// leastWait is when the first of the providers may be asked again.
func leastWait(use []*account, now time.Time) time.Duration {
	waits := make([]time.Duration, len(use))
	for i, a := range use {
		waits[i] = a.circuit.held(now)
	}
	return slices.Min(waits)
}

// try asks one provider and notes what came of it. It reports whether the send is over: taken, or refused for good.
func (s *send) try(ctx context.Context, a *account, t ticket, limit time.Duration) (end bool) {
	settled := false
	defer func() {
		if !settled { // the provider panicked: its probe must not stay taken
			a.circuit.abandoned(t)
		}
	}()
	tryCtx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := s.d.Now()
	accepted, err := a.Send(tryCtx, s.out)
	now := s.d.Now()
	try := Try{
		N:        s.n,
		Provider: a.Name(),
		Channel:  s.out.Channel,
		Latency:  now.Sub(began),
		Segments: s.out.Content.Segments,
		At:       began,
	}
	switch temporary, final := refusal(tryCtx, err); {
	case err == nil:
		try.State, try.Reference, try.Echoes, try.Price = Sent, accepted.Reference, accepted.Echoes, accepted.Price
		s.result.Accepted, end = true, true
		s.d.closed(a, a.circuit.taken(t))
	case final != nil:
		try.State, try.Error, end = Failed, final.Word, true
		s.d.closed(a, a.circuit.taken(t))
	case ctx.Err() != nil: // we were stopped: that is no fault of the provider's
		try.State, try.Error = temporary.state(), ErrorCanceled
		a.circuit.abandoned(t)
	default:
		try.State, try.Error = temporary.state(), temporary.Word
		s.d.opened(a, a.circuit.failed(t, now, temporary.RetryAfter))
	}
	settled = true
	s.d.note(a, try, s.out.ID, err)
	s.result.Tries = append(s.result.Tries, try)
	s.n, s.out.ID = s.n+1, s.out.ID.next()
	return end
}

// note counts a try and logs one that failed.
func (d *Dispatcher) note(a *account, try Try, id ID, err error) {
	a.meters.tried(try)
	if err == nil {
		return
	}
	d.log.Warn("delivery not taken", "delivery", id.String(), "provider", try.Provider, "channel", string(try.Channel),
		"state", string(try.State), "error", try.Error, "latency", try.Latency, "cause", err)
}

func (d *Dispatcher) opened(a *account, yes bool) {
	if yes {
		d.log.Error("provider keeps failing and is left out for now; look at its account and its network", "provider", a.Name())
	}
}

func (d *Dispatcher) closed(a *account, yes bool) {
	if yes {
		d.log.Info("provider is back", "provider", a.Name())
	}
}
