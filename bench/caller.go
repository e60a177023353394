package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
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
	client bool           // tell the server about the end user's machine, and make each POST repeatable
	next   *atomic.Uint64 // number of the next recipient; shared by all runs against one database
}

func newCaller(s *target.Server, r *relay.Relay, next *atomic.Uint64, client bool) *caller {
	return &caller{server: s, relay: r, next: next, client: client, http: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true},
	}}
}

// verify is one verification: start, the message, the right code.
func (c *caller) verify(ctx context.Context, _ int) (load.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var (
		s    load.Sample
		n    = c.next.Add(1)
		more = c.machine(n)
	)

	began := time.Now()
	var started struct{ ID string }
	if err := c.post(ctx, n, "/v1/verifications", `{"to":"`+phone(n)+`"`+more+`}`, http.StatusCreated, &started); err != nil {
		return s, err
	}
	s.Start = time.Since(began)

	began = time.Now()
	code, err := c.relay.Wait(ctx, started.ID)
	if err != nil {
		return s, err
	}
	s.HandOver = time.Since(began)

	began = time.Now()
	var checked struct{ Valid bool }
	if err := c.post(ctx, n, "/v1/verifications/"+started.ID+"/check", `{"code":"`+code+`"`+more+`}`, http.StatusOK, &checked); err != nil {
		return s, err
	}
	if !checked.Valid {
		return s, fmt.Errorf("%s: the right code was refused", started.ID)
	}
	s.Check = time.Since(began)
	return s, nil
}

// machine is the end user's machine as JSON fields, another one for each verification; empty when it is not told.
func (c *caller) machine(n uint64) string {
	if !c.client {
		return ""
	}
	ip := fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
	return `,"client":{"ip":"` + ip + `","user_agent":"bench","device_id":"device-` + strconv.FormatUint(n, 36) + `"}`
}

// post sends one request and reads its answer into out.
func (c *caller) post(ctx context.Context, n uint64, path, body string, want int, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server.URL+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+c.server.Token)
	if c.client {
		req.Header.Set("Idempotency-Key", path+strconv.FormatUint(n, 36))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode != want:
		return fmt.Errorf("POST %s: status %d, want %d: %.200s", path, resp.StatusCode, want, answer)
	}
	return json.Unmarshal(answer, out)
}
