// Package deliverytest is the suite that every provider passes: the contract of delivery.Provider, run against the
// provider and the peer it talks to. Test code only.
package deliverytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Behaviour is what a peer does with the next messages.
type Behaviour int

// The behaviours.
const (
	Take     Behaviour = iota // takes them
	Hang                      // reads them and says nothing until the connection or the test ends
	Overload                  // says: not now
	Refuse                    // says: never
	Lie                       // answers what nobody agreed on, at length
	Break                     // hangs up on them
)

// Taken is one message that a peer took.
type Taken struct {
	To   string
	Text string // with "\n" as line end
	Key  string // what names the send; "" when the provider has no place for it
}

// Subject is a provider under test.
type Subject struct {
	Provider delivery.Provider
	Secrets  []string        // of its configuration: no error may hold one
	Taken    func() []Taken  // so far, in any order
	Behave   func(Behaviour) // nil for a provider without a peer
}

// patience is more than any provider needs on a busy machine, and far less than its own time-outs.
const patience = 3 * time.Second

// Run runs the suite. open makes a fresh subject whose peer takes messages, and cleans up by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for name, test := range map[string]func(*testing.T, Subject){
		"takes_a_message_on_each_channel":          takesEachChannel,
		"takes_a_notice_on_each_channel":           takesNotices,
		"names_a_send_the_same_on_every_try":       namesSends,
		"an_ended_context_sends_nothing":           endedContext,
		"64_at_once_are_each_taken_once":           concurrent,
		"hostile_text_arrives_as_it_is":            hostileText,
		"keeps_its_name_and_channels":              stable,
		"cancelling_returns_promptly":              withPeer(cancelled),
		"a_hanging_peer_is_a_temporary_timeout":    withPeer(hanging),
		"overload_is_temporary_and_passes":         withPeer(overload),
		"a_refusal_is_final":                       withPeer(refusal),
		"a_lying_or_broken_peer_is_never_final":    withPeer(lying),
		"errors_hold_no_secret_recipient_or_code":  withPeer(silentErrors),
		"64_at_once_at_a_hanging_peer_all_return":  withPeer(concurrentHang),
		"a_peer_that_comes_back_is_used_again":     withPeer(healed),
		"an_overloaded_peer_did_not_get_a_message": withPeer(nothingTaken),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// withPeer passes for a subject without a peer: nothing can go wrong there.
func withPeer(test func(*testing.T, Subject)) func(*testing.T, Subject) {
	return func(t *testing.T, s Subject) {
		if s.Behave != nil {
			test(t, s)
		}
	}
}

// Outgoing makes the n-th delivery of a send, fit for the provider.
func Outgoing(p delivery.Provider, send uid.ID, n int) delivery.Outgoing {
	out := delivery.Outgoing{
		ID:      delivery.ID{Verification: send, N: n},
		SendKey: delivery.Message{Verification: send, Send: 1}.SendKey(),
		Channel: p.Channels()[0],
		Code:    seal.CodeFrom("918273"),
		Content: delivery.Content{Locale: "en", Text: "Acme: 918273 is your code.", Segments: 1},
	}
	address(&out)
	return out
}

// Notice makes the n-th notice of an invitation, fit for the provider.
func Notice(p delivery.Provider, invitation uid.ID, n int) delivery.Outgoing {
	const link = "https://verify.example.net/v/3nq8ZkT0vYbR5mLx1cWd7HsJpA9eGfUyKo2iBt4QwMz"
	out := delivery.Outgoing{
		ID:      delivery.ID{Invitation: invitation, N: n, Channel: p.Channels()[0]},
		Channel: p.Channels()[0],
		Link:    link,
		Content: delivery.Content{Locale: "en", Text: "Acme asks you to confirm your details: " + link, Segments: 1},
	}
	out.SendKey = out.ID.String()
	address(&out)
	if out.Channel == delivery.Email {
		out.Content.Subject, out.Content.HTML = "Acme asks you to confirm your details", `<a href="`+link+`">Continue</a>`
	}
	return out
}

// address gives out a recipient that fits its channel.
func address(out *delivery.Outgoing) {
	out.To = recipient.Recipient{Kind: recipient.Phone, Value: "+12025550123", Country: "US"}
	if out.Channel == delivery.Email {
		out.To = recipient.Recipient{Kind: recipient.Email, Value: "ada@example.net"}
		out.Content.Subject, out.Content.HTML = "918273 is your code", "<p>Acme: 918273</p>"
	}
}

func newSend() uid.ID { return uid.Random(time.Now()) }

// send hands over and fails the test when it takes too long.
func send(ctx context.Context, t *testing.T, s Subject, out delivery.Outgoing) (delivery.Accepted, error) {
	t.Helper()
	began := time.Now()
	accepted, err := s.Provider.Send(ctx, out)
	if took := time.Since(began); took > patience {
		t.Errorf("Send took %v", took)
	}
	return accepted, err
}

func mustSend(t *testing.T, s Subject, out delivery.Outgoing) {
	t.Helper()
	if _, err := send(t.Context(), t, s, out); err != nil {
		t.Fatalf("Send: %v", err)
	}
}

func isTemporary(err error) bool {
	_, ok := errors.AsType[*delivery.Temporary](err)
	return ok
}

func isFinal(err error) bool {
	_, ok := errors.AsType[*delivery.Final](err)
	return ok
}

func takesEachChannel(t *testing.T, s Subject) {
	for i, ch := range s.Provider.Channels() {
		out := Outgoing(s.Provider, newSend(), 1)
		out.Channel = ch
		address(&out)
		mustSend(t, s, out)
		taken := s.Taken()
		if len(taken) != i+1 || !slices.ContainsFunc(taken, func(m Taken) bool {
			return m.To == out.To.Value && strings.Contains(m.Text, "918273")
		}) {
			t.Errorf("%s: the peer has %+v", ch, taken)
		}
	}
}

func takesNotices(t *testing.T, s Subject) {
	for _, ch := range s.Provider.Channels() {
		if ch == delivery.Voice {
			continue // nobody can note down a link
		}
		out := Notice(s.Provider, newSend(), 1)
		out.Channel, out.ID.Channel = ch, ch
		address(&out)
		mustSend(t, s, out)
		if !slices.ContainsFunc(s.Taken(), func(m Taken) bool {
			return m.To == out.To.Value && strings.Contains(m.Text, out.Link.Reveal()) && (m.Key == "" || strings.Contains(m.Key, out.SendKey))
		}) {
			t.Errorf("%s: the peer has %+v", ch, s.Taken())
		}
	}
}

func namesSends(t *testing.T, s Subject) {
	first, second := newSend(), newSend()
	for _, out := range []delivery.Outgoing{Outgoing(s.Provider, first, 1), Outgoing(s.Provider, first, 2), Outgoing(s.Provider, second, 1)} {
		mustSend(t, s, out)
	}
	count := map[string]int{}
	for _, m := range s.Taken() {
		count[m.Key]++
	}
	if _, none := count[""]; none && len(count) == 1 {
		return // no place for it
	}
	if len(count) != 2 {
		t.Errorf("two sends have the names %v", count)
	}
}

func endedContext(t *testing.T, s Subject) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := send(ctx, t, s, Outgoing(s.Provider, newSend(), 1)); !isTemporary(err) {
		t.Errorf("got %v, want a *Temporary", err)
	}
	if n := len(s.Taken()); n != 0 {
		t.Errorf("%d messages left", n)
	}
}

// all runs f n times at once and gives the errors.
func all(n int, f func(i int) error) []error {
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- f(i) }()
	}
	out := make([]error, n)
	for i := range out {
		out[i] = <-errs
	}
	return out
}

func concurrent(t *testing.T, s Subject) {
	for _, err := range all(64, func(i int) error {
		out := Outgoing(s.Provider, newSend(), 1)
		out.Content.Text = fmt.Sprintf("code 918273, message %02d.", i)
		_, err := s.Provider.Send(t.Context(), out)
		return err
	}) {
		if err != nil {
			t.Errorf("Send: %v", err)
		}
	}
	seen := map[string]int{}
	for _, m := range s.Taken() {
		seen[strings.TrimSpace(m.Text)]++
	}
	for i := range 64 {
		if text := fmt.Sprintf("code 918273, message %02d.", i); seen[text] != 1 {
			t.Errorf("%q was taken %d times", text, seen[text])
		}
	}
}

func hostileText(t *testing.T, s Subject) {
	for _, text := range []string{
		"\"quoted\" \\ <b>bold</b> &amp; {code} %s %n $(id) ' OR 1=1",
		"dots at line starts\n.\n..\n.hidden\nQUIT\nDATA",
		"日本語 العربية ไทย Ω 😀👩‍👩‍👧 e\u0301",
		"a line that is long: " + strings.Repeat("0123456789", 200),
		"end=3D =20 soft=\n=?utf-8?q?no?=",
	} {
		out := Outgoing(s.Provider, newSend(), 1)
		out.Content.Text = text
		mustSend(t, s, out)
		if !slices.ContainsFunc(s.Taken(), func(m Taken) bool {
			return strings.TrimRight(m.Text, "\n") == strings.TrimRight(text, "\n")
		}) {
			t.Errorf("%q did not arrive as it is: %+q", text, s.Taken()[len(s.Taken())-1].Text)
		}
	}
}

func stable(t *testing.T, s Subject) {
	if s.Provider.Name() == "" || len(s.Provider.Channels()) == 0 {
		t.Errorf("name %q, channels %v", s.Provider.Name(), s.Provider.Channels())
	}
	for _, ch := range s.Provider.Channels() {
		if !slices.Contains(delivery.Channels, ch) {
			t.Errorf("unknown channel %q", ch)
		}
	}
}

func cancelled(t *testing.T, s Subject) {
	s.Behave(Hang)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := send(ctx, t, s, Outgoing(s.Provider, newSend(), 1)); !isTemporary(err) {
		t.Errorf("got %v, want a *Temporary", err)
	}
}

func hanging(t *testing.T, s Subject) {
	s.Behave(Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := send(ctx, t, s, Outgoing(s.Provider, newSend(), 1))
	if tmp, ok := errors.AsType[*delivery.Temporary](err); !ok || tmp.Word != delivery.ErrorTimeout {
		t.Errorf("got %v, want a *Temporary of %s", err, delivery.ErrorTimeout)
	}
}

func concurrentHang(t *testing.T, s Subject) {
	s.Behave(Hang)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	for _, err := range all(64, func(int) error {
		_, err := s.Provider.Send(ctx, Outgoing(s.Provider, newSend(), 1))
		return err
	}) {
		if !isTemporary(err) {
			t.Errorf("got %v, want a *Temporary", err)
		}
	}
	if took := time.Since(began); took > patience {
		t.Errorf("all returned only after %v", took)
	}
}

func overload(t *testing.T, s Subject) {
	s.Behave(Overload)
	if _, err := send(t.Context(), t, s, Outgoing(s.Provider, newSend(), 1)); !isTemporary(err) {
		t.Errorf("got %v, want a *Temporary", err)
	}
}

func nothingTaken(t *testing.T, s Subject) {
	s.Behave(Overload)
	_, err := send(t.Context(), t, s, Outgoing(s.Provider, newSend(), 1))
	if tmp, ok := errors.AsType[*delivery.Temporary](err); !ok || tmp.Unsure {
		t.Errorf("got %v: a clear answer leaves no doubt", err)
	}
	if n := len(s.Taken()); n != 0 {
		t.Errorf("%d messages left", n)
	}
}

func refusal(t *testing.T, s Subject) {
	s.Behave(Refuse)
	if _, err := send(t.Context(), t, s, Outgoing(s.Provider, newSend(), 1)); !isFinal(err) {
		t.Errorf("got %v, want a *Final", err)
	}
}

func lying(t *testing.T, s Subject) {
	for _, b := range []Behaviour{Lie, Break} {
		s.Behave(b)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := send(ctx, t, s, Outgoing(s.Provider, newSend(), 1)); isFinal(err) {
			t.Errorf("behaviour %d: got %v, which nobody said", b, err)
		}
		cancel()
	}
}

func healed(t *testing.T, s Subject) {
	for _, b := range []Behaviour{Overload, Break, Lie, Hang, Refuse} {
		mustSend(t, s, Outgoing(s.Provider, newSend(), 1))
		s.Behave(b)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, _ = send(ctx, t, s, Outgoing(s.Provider, newSend(), 1)) // other cases look at the error
		cancel()
		s.Behave(Take)
	}
	before := len(s.Taken())
	mustSend(t, s, Outgoing(s.Provider, newSend(), 1))
	if got := len(s.Taken()); got != before+1 {
		t.Errorf("%d messages were taken, want 1", got-before)
	}
}

func silentErrors(t *testing.T, s Subject) {
	for _, b := range []Behaviour{Hang, Overload, Refuse, Lie, Break} {
		s.Behave(b)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		out := Outgoing(s.Provider, newSend(), 1)
		_, err := send(ctx, t, s, out)
		cancel()
		silent(t, s, b, err, out.To.Value, out.Code.Reveal(), out.Content.Text)
		ctx, cancel = context.WithTimeout(t.Context(), 100*time.Millisecond)
		notice := Notice(s.Provider, newSend(), 1)
		_, err = send(ctx, t, s, notice)
		cancel()
		silent(t, s, b, err, notice.Link.Reveal(), notice.Content.Text)
	}
}

// silent fails for an error that holds one of the secrets, or one of the subject's.
func silent(t *testing.T, s Subject, b Behaviour, err error, secrets ...string) {
	t.Helper()
	if err == nil {
		return
	}
	text := fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err))
	for _, secret := range append(secrets, s.Secrets...) {
		if strings.Contains(text, secret) {
			t.Errorf("behaviour %d: the error holds %q: %s", b, secret, text)
		}
	}
}
