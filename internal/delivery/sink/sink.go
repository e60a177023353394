// Package sink keeps messages instead of sending them: the provider of development mode.
//
// An Inbox holds the last messages in memory, newest first, and tells watchers of each one as it comes. Providers put
// messages in; any number of them can share an inbox, each under its own name. Nothing is written anywhere, and all is
// gone with the process. It holds codes and links in clear, so no production configuration can name it.
package sink

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/delivery"
)

// Kept is how many messages an inbox holds.
const Kept = 1000

// behind is how many messages a watcher may fall behind before it is dropped.
const behind = 64

// Message is one message as it would have left.
type Message struct {
	ID        string           `json:"id"` // of the delivery
	To        string           `json:"to"`
	Channel   delivery.Channel `json:"channel"`
	From      string           `json:"from"`
	Subject   string           `json:"subject,omitempty"` // e-mail only
	Body      string           `json:"body"`
	HTML      string           `json:"html,omitempty"` // e-mail only
	Code      string           `json:"code"`           // empty in a notice
	Link      string           `json:"link,omitempty"` // of a notice
	Provider  string           `json:"provider"`       // who would have carried it
	CreatedAt time.Time        `json:"created_at"`
}

// Inbox keeps messages. It may be used concurrently.
type Inbox struct {
	mu       sync.Mutex
	ring     []Message // at most Kept; guarded by mu, as all below
	next     int       // where the next one goes once the ring is full
	watchers map[chan Message]struct{}
}

// NewInbox makes an empty one.
func NewInbox() *Inbox { return &Inbox{watchers: map[chan Message]struct{}{}} }

// Messages lists what was sent to a recipient in its normal form, or everything for "", newest first.
func (in *Inbox) Messages(to string) []Message {
	in.mu.Lock()
	defer in.mu.Unlock()
	out := []Message{}
	for i := range in.ring {
		m := in.ring[(in.next+i)%len(in.ring)]
		if to == "" || m.To == to {
			out = append(out, m)
		}
	}
	slices.Reverse(out)
	return out
}

// Watch gives every message from now on until ctx ends. The channel is closed then, and also when the watcher falls
// too far behind: it should ask Messages and watch anew.
func (in *Inbox) Watch(ctx context.Context) <-chan Message {
	ch := make(chan Message, behind)
	in.mu.Lock()
	in.watchers[ch] = struct{}{}
	in.mu.Unlock()
	context.AfterFunc(ctx, func() {
		in.mu.Lock()
		defer in.mu.Unlock()
		in.drop(ch)
	})
	return ch
}

// drop ends a watcher, once. mu is held.
func (in *Inbox) drop(ch chan Message) {
	if _, ok := in.watchers[ch]; ok {
		delete(in.watchers, ch)
		close(ch)
	}
}

func (in *Inbox) put(m Message) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.ring) < Kept {
		in.ring = append(in.ring, m)
	} else {
		in.ring[in.next] = m
		in.next = (in.next + 1) % Kept
	}
	for ch := range in.watchers {
		select {
		case ch <- m:
		default:
			in.drop(ch)
		}
	}
}

// Provider puts messages into an inbox.
type Provider struct {
	Now func() time.Time

	name     string
	channels []delivery.Channel
	inbox    *Inbox
}

var _ delivery.Provider = (*Provider)(nil)

// NewProvider makes one under a name. Without channels it carries all.
func NewProvider(name string, inbox *Inbox, channels ...delivery.Channel) *Provider {
	if len(channels) == 0 {
		channels = delivery.Channels
	}
	return &Provider{Now: time.Now, name: name, channels: slices.Clone(channels), inbox: inbox}
}

// Name is the name it was made under.
func (p *Provider) Name() string { return p.name }

// Channels are those it was made with.
func (p *Provider) Channels() []delivery.Channel { return p.channels }

// Send keeps the message. It fails only when ctx has ended.
func (p *Provider) Send(ctx context.Context, out delivery.Outgoing) (delivery.Accepted, error) {
	if err := ctx.Err(); err != nil {
		return delivery.Accepted{}, &delivery.Temporary{Word: delivery.ErrorCanceled, Err: err}
	}
	id := out.ID.String()
	p.inbox.put(Message{
		ID:        id,
		To:        out.To.Value,
		Channel:   out.Channel,
		From:      out.From,
		Subject:   out.Content.Subject,
		Body:      out.Content.Text,
		HTML:      out.Content.HTML,
		Code:      out.Code.Reveal(),
		Link:      out.Link.Reveal(),
		Provider:  p.name,
		CreatedAt: p.Now().UTC(),
	})
	return delivery.Accepted{Reference: id, Echoes: true}, nil
}
