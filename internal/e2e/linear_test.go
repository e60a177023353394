package e2e

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// historian takes a history of operations on a few recipients, by several clients at once.
type historian struct {
	*installation
	t     *testing.T
	began time.Time

	mu      sync.Mutex
	history []porcupine.Operation // under mu
	ids     map[string][]string   // under mu: recipient -> verifications that were made known, newest last
	unsure  int                   // under mu: operations without an answer
}

// TestLinearizable_AnswersAgreeWithOneOrder takes histories of start, resend, check and cancel through the API, with
// kills in between, and asks porcupine whether one order of the operations explains every answer.
func TestLinearizable_AnswersAgreeWithOneOrder(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		const (
			rounds  = 6 // each with recipients of its own and one kill
			numbers = 3
			clients = 4 // for each recipient
			calls   = 14
		)
		h := &historian{installation: install(t, database, settings{wire: true}), t: t, began: time.Now(), ids: map[string][]string{}}
		h.up()
		k := &killer{in: h.installation, database: database}
		moments := momentsOf(database)
		for round := range rounds {
			var working sync.WaitGroup
			for range numbers {
				to := h.number()
				for client := range clients {
					working.Go(func() { h.client(client, to, calls) })
				}
			}
			k.next(moments[round%len(moments)])
			working.Wait()
		}
		h.resolve()
		codes := h.codes()
		result, info := porcupine.CheckOperationsVerbose(model(codes), h.history, 90*time.Second)
		tallyLine(t, "linearizability on %s: %s; operations %d, without an answer %d, recipients %d, kills %d",
			database, result, len(h.history), h.unsure, rounds*numbers, k.killed)
		if result != porcupine.Ok {
			file := t.ArtifactDir() + "/history.html"
			if err := porcupine.VisualizePath(model(codes), info, file); err != nil {
				t.Error(err)
			}
			t.Errorf("no order of the operations explains the answers: see %s (go test -artifacts keeps it)", file)
		}
	})
}

// client makes calls on one recipient, one after another.
func (h *historian) client(n int, to string, calls int) {
	for range calls {
		in := h.choose(to)
		call := time.Since(h.began).Nanoseconds()
		mark := unique()
		out := h.do(in, mark)
		end := time.Since(h.began).Nanoseconds()
		if out.unsure {
			end = math.MaxInt64
			out.id = mark // until resolve says what it stands for
		}
		h.mu.Lock()
		if out.unsure {
			h.unsure++
		} else if out.id != "" {
			h.ids[to] = append(h.ids[to], out.id)
		}
		h.history = append(h.history, porcupine.Operation{ClientId: n, Input: in, Call: call, Output: out, Return: end})
		h.mu.Unlock()
		if out.unsure { // the server is gone: wait for the next one, or all calls end without an answer
			h.away()
		}
	}
}

// away waits until a server answers.
func (h *historian) away() {
	ctx := context.WithoutCancel(h.t.Context())
	until(h.t, time.Minute, "no server answers", func() bool {
		return h.call(ctx, http.MethodGet, "/healthz", "", nil).ok()
	})
}

// choose picks an operation that means something at the moment.
func (h *historian) choose(to string) asked {
	h.mu.Lock()
	known := h.ids[to]
	h.mu.Unlock()
	if len(known) == 0 {
		return asked{op: opStart, to: to}
	}
	id := known[len(known)-1]
	if rand.IntN(5) == 0 {
		id = known[rand.IntN(len(known))]
	}
	switch n := rand.IntN(20); {
	case n < 5:
		return asked{op: opStart, to: to}
	case n < 6:
		return asked{op: opSupersede, to: to}
	case n < 9:
		return asked{op: opResend, to: to, id: id}
	case n < 11:
		return asked{op: opCancel, to: to, id: id}
	}
	code := "000000"
	if got := h.relay.messages(id); len(got) > 0 {
		code = got[0].Code
		if rand.IntN(2) == 0 {
			code = otherCode(code, rand.IntN(1000))
		}
	}
	return asked{op: opCheck, to: to, id: id, code: code}
}

// do makes the call. Half of them have a key, and are repeated until there is an answer.
func (h *historian) do(in asked, mark string) told {
	ctx := context.WithoutCancel(h.t.Context())
	key := ""
	if rand.IntN(2) == 0 {
		key = unique()
	}
	deadline := time.Now().Add(time.Minute)
	for {
		var a answer
		switch in.op {
		case opResend:
			a = h.resend(ctx, key, in.id)
		case opCancel:
			a = h.cancel(ctx, key, in.id)
		case opCheck:
			a = h.check(ctx, key, in.id, in.code)
		default:
			a = h.start(ctx, key, body{"to": in.to, "external_id": mark, "supersede": in.op == opSupersede})
		}
		if a.unsure() && key != "" && time.Now().Before(deadline) {
			h.away()
			continue
		}
		return h.read(in.op, a)
	}
}

func (h *historian) read(op string, a answer) told {
	if a.unsure() {
		return told{unsure: true}
	}
	out := told{status: a.status, created: a.status == http.StatusCreated}
	if !a.ok() {
		return out
	}
	v := a.view(h.t)
	switch op {
	case opCheck:
		out.valid, out.left = v.Valid, v.ChecksLeft
	case opResend:
		out.sends = v.Sends.N
	case opStart, opSupersede:
		out.id, out.sends = v.ID, v.Sends.N
	}
	return out
}

// resolve finds out which verification a start without an answer made, if any: it would have the start's mark.
func (h *historian) resolve() {
	for i, o := range h.history {
		out := o.Output.(told)
		if !out.unsure {
			continue
		}
		mark := out.id
		out.id = ""
		if op := o.Input.(asked).op; op == opStart || op == opSupersede {
			out.id = h.marked(mark)
		}
		h.history[i].Output = out
	}
}

// marked is the verification with an external id, or empty.
func (h *historian) marked(mark string) string {
	a := h.call(h.t.Context(), http.MethodGet, "/v1/verifications?external_id="+mark, "", nil)
	var page struct{ Data []view }
	if err := json.Unmarshal(a.body, &page); err != nil || !a.ok() {
		h.t.Fatalf("a list: %v", a)
	}
	if len(page.Data) == 0 {
		return ""
	}
	return page.Data[0].ID
}

// codes are those of all verifications, as they arrived.
func (h *historian) codes() map[string]string {
	h.relay.mu.Lock()
	defer h.relay.mu.Unlock()
	codes := map[string]string{}
	for id, got := range h.relay.of {
		codes[id] = got[0].Code
	}
	return codes
}
