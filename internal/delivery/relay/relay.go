package relay

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
)

// Relay is a provider. It may be used concurrently.
type Relay struct {
	Now func() time.Time

	cfg    Config
	url    *url.URL
	keys   signing.Keys
	client *egress.Client
}

var (
	_ delivery.Provider      = (*Relay)(nil)
	_ delivery.ReceiptParser = (*Relay)(nil)
)

// New makes a relay of a configuration that Validate finds no fault with.
func New(cfg Config, client *egress.Client) (*Relay, error) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, errors.New(strings.Join(faults, "\n"))
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, errors.New("url: not a URL") // the cause would hold it
	}
	keys, err := signing.New(cfg.Secret.Reveal(), cfg.PreviousSecret.Reveal())
	if err != nil {
		return nil, err
	}
	return &Relay{Now: time.Now, cfg: cfg, url: u, keys: keys, client: client}, nil
}

// Name is the name in the configuration.
func (r *Relay) Name() string { return r.cfg.Name }

// Channels are those of the configuration.
func (r *Relay) Channels() []delivery.Channel { return r.cfg.Channels }

// post is what is sent. The names are public.
type post struct {
	DeliveryID     string           `json:"delivery_id"`
	VerificationID string           `json:"verification_id,omitempty"`
	InvitationID   string           `json:"invitation_id,omitempty"` // in its place, of a notice
	Channel        delivery.Channel `json:"channel"`
	To             string           `json:"to"`
	From           string           `json:"from"`
	Body           string           `json:"body"`
	Locale         string           `json:"locale"`
	Segments       int              `json:"segments"` // 0 where a channel has none
}

// Send posts one message.
func (r *Relay) Send(ctx context.Context, out delivery.Outgoing) (delivery.Accepted, error) {
	body, err := encode(out)
	if err != nil {
		return delivery.Accepted{}, &delivery.Final{Word: delivery.ErrorInternal, Err: err}
	}
	res, err := r.client.Do(ctx, r.request(ctx, out.SendKey, body))
	if err != nil {
		return delivery.Accepted{}, unanswered(err)
	}
	return r.answer(res)
}

// encode makes the body.
func encode(out delivery.Outgoing) ([]byte, error) {
	p := post{
		DeliveryID: out.ID.String(),
		Channel:    out.Channel,
		To:         out.To.Value,
		From:       out.From,
		Body:       out.Content.Text,
		Locale:     out.Content.Locale,
		Segments:   out.Content.Segments,
	}
	if out.ID.OfNotice() {
		p.InvitationID = out.ID.Invitation.Text(uid.Invitation)
	} else {
		p.VerificationID = out.ID.Verification.Text(uid.Verification)
	}
	return json.Marshal(p)
}

// request makes the signed POST. The body must not be reused: the transport may read it after the answer.
func (r *Relay) request(ctx context.Context, id string, body []byte) *http.Request {
	h := make(http.Header, 8)
	h["Content-Type"] = []string{"application/json"}
	// A key without a value is not sent. It tells the transport that the request may go twice, as its id makes it so:
	// a kept connection that the other side closed meanwhile is then replaced without a failure.
	h["Idempotency-Key"] = []string{}
	r.keys.Sign(h, id, r.Now(), body)
	req := &http.Request{
		Method:        http.MethodPost,
		URL:           r.url,
		Host:          r.url.Host,
		Header:        h,
		ContentLength: int64(len(body)),
		GetBody:       func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil },
		Body:          io.NopCloser(bytes.NewReader(body)),
	}
	return req.WithContext(ctx)
}

// unanswered tells what a call without an answer means.
func unanswered(err error) error {
	t := &delivery.Temporary{Word: delivery.ErrorUnreachable, Unsure: true, Err: err}
	if call, ok := errors.AsType[*egress.CallError](err); ok {
		t.Unsure = call.Sent
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		t.Word = delivery.ErrorTimeout
	case errors.Is(err, context.Canceled):
		t.Word = delivery.ErrorCanceled
	}
	return t
}

// answer tells what an answer means.
func (r *Relay) answer(res *egress.Response) (delivery.Accepted, error) {
	told := fmt.Errorf("status %d", res.Status)
	switch {
	case res.Status >= 200 && res.Status < 300:
		return r.taken(res), nil
	case res.Status == http.StatusTooManyRequests:
		return delivery.Accepted{}, &delivery.Temporary{Word: delivery.ErrorRateLimited, RetryAfter: res.RetryAfter(r.Now()), Err: told}
	case res.Status >= 500:
		return delivery.Accepted{}, &delivery.Temporary{Word: delivery.ErrorProvider, RetryAfter: res.RetryAfter(r.Now()), Err: told}
	case res.Status >= 400:
		return delivery.Accepted{}, &delivery.Final{Word: delivery.ErrorRefused, Err: told}
	}
	return delivery.Accepted{}, &delivery.Temporary{Word: delivery.ErrorUnexpected, Err: told}
}

// maxReference bounds what is kept of a receiver's own id.
const maxReference = 200

// taken reads what came with a 2xx. The status is the receiver's word; a body that can't be used takes nothing back,
// because the message is on its way and must not be sent twice for a missing reference.
func (r *Relay) taken(res *egress.Response) delivery.Accepted {
	accepted := delivery.Accepted{Echoes: r.cfg.Receipts != ByReference}
	var told struct {
		Reference string `json:"reference"`
		Price     *price `json:"price"`
	}
	if len(res.Body) == 0 || res.Truncated || json.Unmarshal(res.Body, &told) != nil {
		return accepted
	}
	if isReference(told.Reference) {
		accepted.Reference = told.Reference
	}
	accepted.Price = told.Price.valid()
	return accepted
}

// isReference reports whether s can be kept and looked up: 1 to maxReference printable ASCII characters.
func isReference(s string) bool {
	return s != "" && len(s) <= maxReference &&
		!strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c > '~' })
}
