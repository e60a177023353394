package handover

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// kids are the names of the published keys.
func kids(t *testing.T, document []byte) (all []string) {
	t.Helper()
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(document, &set); err != nil {
		t.Fatal(err)
	}
	for _, k := range set.Keys {
		all = append(all, k.KeyID)
	}
	return all
}

func mustTurn(t *testing.T, s *Signer) {
	t.Helper()
	if err := s.Turn(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestRA_48_a_change_of_keys_breaks_no_token walks through a change with two servers, one of which read the keys right before it,
// and a firm that asks that one and keeps what it got for as long as it may, from every moment on.
func TestRA_48_a_change_of_keys_breaks_no_token(t *testing.T) {
	t.Parallel()
	const step = 20 * time.Second
	for offset := time.Duration(0); offset < CacheFor; offset += step {
		w := &walk{t: t, m: &memory{}, c: &clock{began}, signedBy: map[string]bool{}}
		w.busy, w.idle = open(t, w.m, ring(t, 1), w.c), open(t, w.m, ring(t, 1), w.c)
		w.held = mustPublish(t, w.busy)
		change := began.Add(term)
		w.heldAt = change.Add(offset - 3*CacheFor)
		for w.c.now = change.Add(-2 * CacheFor); w.c.now.Before(change.Add(time.Hour)); w.c.now = w.c.now.Add(step) {
			if w.c.now.Sub(change)%time.Minute == step { // right after both have read the keys
				mustTurn(t, w.busy)
			}
			w.minute()
			if t.Failed() {
				t.Fatalf("%v after the change, with an offset of %v", w.c.now.Sub(change), offset)
			}
		}
		if len(w.signedBy) != 2 || w.most != 2 || len(kids(t, w.held)) != 1 {
			t.Errorf("%d keys signed, %d were published at most and %d at the end", len(w.signedBy), w.most, len(kids(t, w.held)))
		}
	}
}

// walk is a firm and two servers over time.
type walk struct {
	t          *testing.T
	m          *memory
	c          *clock
	busy, idle *Signer
	held       []byte // what the firm keeps
	heldAt     time.Time
	live       []string // tokens whose time is not over, newest last
	ends       []time.Time
	signedBy   map[string]bool
	most       int // keys that were published at once
}

// minute signs a token and holds all that live to the keys that the firm has.
func (w *walk) minute() {
	fresh := w.c.now.Sub(w.heldAt) >= CacheFor
	if fresh {
		w.held, w.heldAt = mustPublish(w.t, w.idle), w.c.now
	} else {
		mustPublish(w.t, w.idle) // for somebody else, so that its copy is as old as it gets
	}
	w.most = max(w.most, len(kids(w.t, w.held)))
	token := mustSign(w.t, w.busy)
	header, _ := parts(w.t, token)
	w.signedBy[header["kid"].(string)] = true
	w.live, w.ends = append(w.live, token), append(w.ends, w.c.now.Add(Life))
	for len(w.ends) > 0 && !w.ends[0].After(w.c.now) {
		w.live, w.ends = w.live[1:], w.ends[1:]
	}
	again := w.live[len(w.live)-1:]
	if fresh {
		again = w.live
	}
	for _, token := range again {
		if _, err := Verify(token, w.held, issuer, tenant, w.c.now); err != nil {
			w.t.Errorf("a token that lives: %v", err)
		}
	}
}

func TestTurn_makes_no_first_key_and_no_key_too_many(t *testing.T) {
	t.Parallel()
	m, c := &memory{}, &clock{began}
	s := open(t, m, ring(t, 1), c)
	mustTurn(t, s)
	if m.value != nil {
		t.Error("a key was made where none was used")
	}
	mustSign(t, s)
	was := m.value
	c.now = began.Add(term - time.Second)
	mustTurn(t, s)
	if !bytes.Equal(was, m.value) {
		t.Error("the keys were changed before their time")
	}
	c.now = began.Add(term)
	for range 3 {
		mustTurn(t, s)
		if n := len(kids(t, mustPublish(t, open(t, m, ring(t, 1), c)))); n != 2 {
			t.Errorf("%d keys", n)
		}
	}
	c.now = began.Add(5 * term) // the server stood still
	mustTurn(t, s)
	if n := len(kids(t, mustPublish(t, open(t, m, ring(t, 1), c)))); n != 2 {
		t.Errorf("%d keys after a long time", n)
	}
	m.away = true
	if err := s.Turn(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("while the store is away: %v", err)
	}
}

func TestTurn_seals_the_keys_anew_after_a_change_of_the_master_key(t *testing.T) {
	t.Parallel()
	m, c := &memory{}, &clock{began}
	document := mustPublish(t, open(t, m, ring(t, 1), c))
	both := open(t, m, ring(t, 1, 2), c)
	was := m.value
	mustTurn(t, both)
	if bytes.Equal(was, m.value) || both.ring.Outdated(m.value) {
		t.Error("they are still sealed by the older version")
	}
	was = m.value
	mustTurn(t, both)
	old := ring(t, 1) // a server that has only learned the newer version seals by the older one, and leaves well alone
	if _, err := old.Learn(ring(t, 1, 2)); err != nil {
		t.Fatal(err)
	}
	mustTurn(t, open(t, m, old, c))
	if !bytes.Equal(was, m.value) {
		t.Error("they were sealed again without need")
	}
	if got := mustPublish(t, open(t, m, ring(t, 1, 2), c)); !bytes.Equal(got, document) {
		t.Error("the keys are others")
	}
}

func TestKeys_that_can_not_be_read_are_told_and_left_alone(t *testing.T) {
	t.Parallel()
	c := &clock{began}
	for what, value := range map[string][]byte{
		"of another ring": ring(t, 9).Seal(keysPlace, []byte(`[]`)),
		"empty":           ring(t, 1).Seal(keysPlace, []byte(`[]`)),
		"no JSON":         ring(t, 1).Seal(keysPlace, []byte(`x`)),
		"no key":          ring(t, 1).Seal(keysPlace, []byte(`[{"made_us":1,"pkcs8":"eA=="}]`)),
		"too short":       []byte("x"),
	} {
		m := &memory{value: value}
		s := open(t, m, ring(t, 1), c)
		_, err := s.Sign(t.Context(), result())
		_, published := s.JWKS(t.Context())
		if err == nil || published == nil || s.Turn(t.Context()) == nil || !bytes.Equal(m.value, value) {
			t.Errorf("%s: %v, %v", what, err, published)
		}
	}
}

func TestNew_wants_all_its_parts(t *testing.T) {
	t.Parallel()
	if _, err := New("", ring(t, 1), &memory{}); err == nil {
		t.Error("a signer without an issuer was made")
	}
	if _, err := New(issuer, nil, &memory{}); err == nil {
		t.Error("a signer without a ring was made")
	}
	if _, err := New(issuer, ring(t, 1), nil); err == nil {
		t.Error("a signer without a store was made")
	}
}

// late is a store whose first read comes before another server's write.
type late struct {
	*memory
	read bool
}

func (l *late) Meta(ctx context.Context, name string) ([]byte, error) {
	if !l.read {
		l.read = true
		return nil, nil
	}
	return l.memory.Meta(ctx, name)
}

func TestAServerThatComesLateUsesTheKeyThatStands(t *testing.T) {
	t.Parallel()
	m, c := &memory{}, &clock{began}
	document := mustPublish(t, open(t, m, ring(t, 1), c))
	second, err := New(issuer, ring(t, 1), &late{memory: m})
	if err != nil {
		t.Fatal(err)
	}
	second.Now = func() time.Time { return c.now }
	if _, err := Verify(mustSign(t, second), document, issuer, tenant, c.now); err != nil {
		t.Errorf("its token: %v", err)
	}
	if got := mustPublish(t, second); !bytes.Equal(got, document) {
		t.Errorf("it publishes %s, and the first %s", got, document)
	}
}
