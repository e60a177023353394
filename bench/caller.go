package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/bench/load"
	"github.com/countersign/countersign/bench/relay"
	"github.com/countersign/countersign/bench/target"
)

// patience is how long one verification may take before it counts as failed.
const patience = 20 * time.Second

// A caller does verifications against one server.
type caller struct {
	server *target.Server
	relay  *relay.Relay
	http   *http.Client
	kind   string         // of request
	wire   wire           // what that kind looks like; nil for pages
	work   load.Work      // what is measured
	next   *atomic.Uint64 // number of the next recipient; shared by all runs against one database
}

// newCaller makes what requests of a kind need. Pages need a customer for each of the callers, who waits around think between
// two of them if the kind says so.
func newCaller(ctx context.Context, s *target.Server, r *relay.Relay, next *atomic.Uint64, kind string, callers int, think time.Duration) (*caller, error) {
	c := &caller{server: s, relay: r, next: next, kind: kind, http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}}
	var err error
	if isPage(kind) {
		c.work, err = c.pages(ctx, callers, think)
		return c, err
	}
	c.work = c.verify
	c.wire, err = kinds[kind](ctx, c)
	return c, err
}

// verify is one verification: start, the message, the right code.
func (c *caller) verify(ctx context.Context, _ int) (load.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var (
		s load.Sample
		n = c.next.Add(1)
	)

	began := time.Now()
	answer, err := c.post(ctx, c.wire.start(n))
	if err != nil {
		return s, err
	}
	id, err := c.wire.started(answer)
	if err != nil {
		return s, err
	}
	s.Start = time.Since(began)

	began = time.Now()
	code, err := c.relay.Wait(ctx, id.native)
	if err != nil {
		return s, err
	}
	s.HandOver = time.Since(began)

	began = time.Now()
	if answer, err = c.post(ctx, c.wire.check(n, id, code)); err != nil {
		return s, err
	}
	if !c.wire.right(answer) {
		return s, fmt.Errorf("%s: the right code was refused: %.200s", id.native, answer)
	}
	s.Check = time.Since(began)
	return s, nil
}

// A call is one request.
type call struct {
	path, contentType, body string
	header                  http.Header
	want                    int // status
}

// post sends one request and gives the body of its answer.
func (c *caller) post(ctx context.Context, a call) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server.URL+a.path, bytes.NewReader([]byte(a.body)))
	if err != nil {
		return nil, err
	}
	req.Header = a.header.Clone()
	req.Header.Set("Content-Type", a.contentType)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != a.want:
		return nil, fmt.Errorf("POST %s: status %d, want %d: %.200s", a.path, resp.StatusCode, a.want, answer)
	}
	return answer, nil
}
