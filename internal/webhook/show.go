package webhook

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// Shown is a delivery as its tenant may look at it.
type Shown struct {
	Delivery Delivery
	Request  *Request // nil: it can't be made, and Lack says why
	Lack     string   // ErrorNoEvent or ErrorUnmade
}

// ErrorUnmade says that the request of a delivery can't be made, so that nothing is posted as long as that is so.
const ErrorUnmade = "unmade"

// Request is what a try of a delivery posts, made anew from the event and from what is there now, as each try makes it. It may
// differ from what was posted in all that has changed since: the record that the event is about, the endpoint's URL, its words, its
// dialect. Contacts are masked, also where they are posted in full, and the signature is left out.
type Request struct {
	Method string
	URL    string
	At     time.Time // what it is dated: the beginning of the last try; before any, now
	Header []Field   // all that this server sets, by name; the connection adds Host and Content-Length
	Body   []byte
}

// Field is a header with its value.
type Field struct{ Name, Value string }

// hidden stands for a signature.
const hidden = "[not shown]"

// Show reads a delivery of an endpoint with its tries on record and its request. NotFound when either is not there.
func (s *Service) Show(ctx context.Context, t uid.Tenant, endpoint, id uid.ID) (Shown, error) {
	w, err := s.store.Work(ctx, t, id)
	if err == nil && w.Endpoint.ID != endpoint { // it is another's, or that is gone
		err = ErrNotFound
	}
	if errors.Is(err, ErrNotFound) {
		err = noDelivery(err)
	}
	if err != nil {
		return Shown{}, err
	}
	out := Shown{Delivery: w.Delivery}
	if w.Event.ID.IsZero() {
		out.Lack = ErrorNoEvent
		return out, nil
	}
	at := s.Now()
	if last, found := w.Delivery.last(); found {
		at = last.At.Add(-last.Latency)
	}
	switch out.Request, err = s.anew(ctx, w, at); {
	case fault.Is(err, fault.Unavailable):
		return Shown{}, err
	case err != nil:
		s.log.LogAttrs(ctx, slog.LevelWarn, "the request of a delivery can't be made", slog.String("delivery", id.Text(uid.WebhookSent)), slog.Any("error", err))
		out.Lack = ErrorUnmade
	}
	return out, nil
}

// anew makes the request of a delivery for people to look at.
func (s *Service) anew(ctx context.Context, w Work, at time.Time) (*Request, error) {
	in, known := s.dialects[w.Endpoint.Dialect]
	if !known {
		return nil, errDialect
	}
	p, err := s.made(ctx, w, &in, at, true)
	if err != nil {
		return nil, err
	}
	p.header.Set("User-Agent", s.client.UserAgent())
	p.header.Set(in.Signature, hidden)
	out := &Request{Method: http.MethodPost, URL: p.url, At: at, Body: p.body}
	for _, name := range slices.Sorted(maps.Keys(p.header)) {
		out.Header = append(out.Header, Field{name, p.header.Get(name)})
	}
	return out, nil
}

func noDelivery(err error) error {
	return fault.Wrap(fault.NotFound, "delivery_not_found", "There is no such delivery, or its time is over.", err)
}
