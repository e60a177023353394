package delivery

import (
	"context"
	"errors"
	"fmt"

	"github.com/countersign/countersign/internal/sandbox"
	"github.com/countersign/countersign/internal/uid"
)

// Standing is what may become of a tenant's messages. The zero value is no standing.
type Standing uint8

// The standings.
const (
	Live      Standing = iota + 1
	Sandbox            // they go to no provider
	Suspended          // they are not sent
)

// ErrSuspended means that the tenant is suspended: nothing was tried, and later will not help.
var ErrSuspended = errors.New("the tenant is suspended")

// ErrLive is the refusal to show a message whose tenant is no sandbox: it is for its recipient alone.
var ErrLive = errors.New("the tenant is no sandbox")

// ends are the states of messages that came to an end of the sandbox's table, and whether they were taken.
var ends = map[sandbox.End]struct {
	state State
	word  string
	taken bool
}{
	sandbox.Delivered:     {state: Delivered, taken: true},
	sandbox.Sent:          {state: Sent, taken: true},
	sandbox.Undelivered:   {state: ExpiredAt, taken: true},
	sandbox.Unknown:       {state: Unknown, taken: true},
	sandbox.Undeliverable: {state: Failed, word: ErrorInvalidRecipient},
	sandbox.Rejected:      {state: Failed, word: ErrorRefused},
}

// rehearse does all that carry does but for the carrying: the message is written, and comes to the end that its recipient
// stands for.
func (d *Dispatcher) rehearse(l letter) (Result, error) {
	content, err := l.write()
	if err != nil {
		return Result{}, fmt.Errorf("render: %w", err)
	}
	end := ends[sandbox.Of(l.out.To.Value).End]
	return Result{Accepted: end.taken, Tries: []Try{{
		N: l.n, Provider: sandbox.Provider, Channel: l.out.Channel, State: end.state, Error: end.word, Segments: content.Segments, At: d.Now(),
	}}}, nil
}

// Preview implements Carrier.
func (d *Dispatcher) Preview(ctx context.Context, m Message) (Content, error) {
	return d.show(ctx, m.Tenant, func() (Content, error) { return d.renderer.render(m) })
}

// PreviewNotice writes a notice of a sandbox as Notify does. For any other tenant it is refused with ErrLive.
func (d *Dispatcher) PreviewNotice(ctx context.Context, n Notice) (Content, error) {
	return d.show(ctx, n.Tenant, func() (Content, error) { return d.renderer.notice(n) })
}

// show writes what is for no eye but the recipient's, unless its tenant is a sandbox.
func (d *Dispatcher) show(ctx context.Context, of uid.Tenant, write func() (Content, error)) (Content, error) {
	switch standing, err := d.standing(ctx, of); {
	case err != nil:
		return Content{}, err
	case standing != Sandbox:
		return Content{}, ErrLive
	}
	return write()
}
