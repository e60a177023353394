// Package relay is the provider of the benchmark: the HTTP endpoint to which a server hands its messages.
//
// It reads the code or the link out of the message text, as a person would, and hands it to the caller that waits for it. It
// checks no signature: that work would be the customer's, not the server's, and both servers measured are spared it.
package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// shards keep 64 callers from waiting for one lock.
const shards = 64

// Relay hands codes and links over. The zero value is ready.
type Relay struct {
	// Delay is how long the answer to a hand-over takes. The code is with its caller before that.
	Delay time.Duration

	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	waiting map[string]chan string // guarded by mu; by the id of a verification or an invitation
}

// seat is the place where the message and the caller of one verification meet, whoever comes first.
func (r *Relay) seat(id string) (*shard, chan string) {
	var h uint32 = 2166136261 // FNV-1a
	for i := range len(id) {
		h = (h ^ uint32(id[i])) * 16777619
	}
	s := &r.shards[h%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	ch, ok := s.waiting[id]
	if !ok {
		if s.waiting == nil {
			s.waiting = map[string]chan string{}
		}
		ch = make(chan string, 1)
		s.waiting[id] = ch
	}
	return s, ch
}

// Wait gives the code of a verification, or the path of an invitation's link, as soon as its message came. It may be called once
// for each id.
func (r *Relay) Wait(ctx context.Context, id string) (string, error) {
	s, ch := r.seat(id)
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.waiting, id)
	}()
	select {
	case code := <-ch:
		return code, nil
	case <-ctx.Done():
		return "", fmt.Errorf("no message for %s: %w", id, context.Cause(ctx))
	}
}

// Message is what a server posts to a relay provider; the fields that the benchmark reads.
type Message struct {
	Delivery     string `json:"delivery_id"`
	Verification string `json:"verification_id"`
	Invitation   string `json:"invitation_id"` // of a notice with a link, which has no verification
	Body         string `json:"body"`
}

// ServeHTTP takes one message.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, 64<<10))
	var m Message
	if err != nil || json.Unmarshal(body, &m) != nil || m.Verification+m.Invitation == "" {
		http.Error(w, "not a message", http.StatusBadRequest)
		return
	}
	secret := Code(m.Body)
	if m.Invitation != "" {
		secret = Link(m.Body)
	}
	if secret == "" {
		http.Error(w, "no code and no link in the message", http.StatusUnprocessableEntity)
		return
	}
	_, ch := r.seat(m.Verification + m.Invitation)
	select {
	case ch <- secret:
	default: // a message of this verification or invitation is there already
	}
	if r.Delay > 0 {
		select {
		case <-time.After(r.Delay):
		case <-req.Context().Done():
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"reference":"`+m.Delivery+`"}`) // the server notices a broken connection itself
}

// Code is the first run of exactly six digits in text, empty when there is none.
func Code(text string) string {
	for i := 0; i < len(text); {
		j := i
		for j < len(text) && text[j] >= '0' && text[j] <= '9' {
			j++
		}
		if j-i == 6 {
			return text[i:j]
		}
		i = j + 1
	}
	return ""
}

// Link is the path of the invitation's link in text, empty when there is none.
func Link(text string) string {
	_, rest, found := strings.Cut(text, "/v/")
	if token := strings.Fields(rest); found && len(token) > 0 {
		return "/v/" + token[0]
	}
	return ""
}
