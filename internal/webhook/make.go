package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// post is what a try posts.
type post struct {
	url    string
	header http.Header
	body   []byte
}

// made makes the post of a delivery, signed for the given time. Masked, no contact is read in full: it is for people to look at.
func (s *Service) made(ctx context.Context, w Work, in *Dialect, at time.Time, masked bool) (p post, err error) {
	n, err := s.news(ctx, w, in, masked)
	if err != nil {
		return p, err
	}
	if p.body, err = in.Body(n); err != nil {
		return p, err
	}
	p.url = target(w, in, n)
	secrets, err := s.secrets(w.Endpoint, at)
	if err != nil {
		return p, err
	}
	p.header = http.Header{"Content-Type": {"application/json"}}
	return p, in.Sign(p.header, Message{
		ID: messageID(w.Event), Delivery: w.Delivery.ID, Type: w.Event.Type, Words: w.Endpoint.Events, At: at, Body: p.body, Secrets: secrets,
	})
}

// news is the event with what it is about, as that is now.
func (s *Service) news(ctx context.Context, w Work, in *Dialect, masked bool) (n News, err error) {
	e := w.Event
	n = News{Event: e, Words: w.Endpoint.Events}
	switch t, _ := typeOf(e.Type); {
	case in.Load != nil && e.Type != Tested:
		var own any
		if own, err = in.Load(ctx, e, masked); err == nil {
			n.Own = own
		}
	case t.Record:
		var r Record
		if r, err = s.records.Record(ctx, e.Tenant, e.Object); err == nil {
			n.Record = &r
		}
	case t.Of == uid.Invitation:
		var r InvitationRecord
		if r, err = s.records.Invitation(ctx, e.Tenant, e.Object); err == nil {
			n.Invitation = &r
		}
	case t.Of == uid.Factor || t.Of == uid.Challenge:
		var r FactorRecord
		if r, err = s.records.Factor(ctx, e.Tenant, t.Of, e.Object); err == nil {
			n.Factor = &r
		}
	}
	if fault.Is(err, fault.NotFound) {
		err = nil
	}
	return n, err
}

// target is where a try goes.
func target(w Work, in *Dialect, n News) string {
	if in.Target != nil {
		if url := in.Target(n); url != "" {
			return url
		}
	}
	return w.Endpoint.URL
}

// secrets are those that sign for e at a time, the newest first.
func (s *Service) secrets(e Endpoint, at time.Time) ([]string, error) {
	sealed := [][]byte{e.Secret}
	if at.Before(e.PreviousUntil) {
		sealed = append(sealed, e.Previous)
	}
	texts := make([]string, 0, len(sealed))
	for _, b := range sealed {
		text, err := s.ring.Open(place(e), b)
		if err != nil {
			return nil, fmt.Errorf("open the secret: %w", err)
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

// request is p on its way.
func (p post) request(ctx context.Context) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(p.body))
	if err != nil {
		return nil, errors.New("the endpoint's URL can't be read") // the cause would hold it
	}
	req.Header = p.header
	// A key without a value is not sent. It tells the transport that the request may go twice, as its id makes it so:
	// a kept connection that the other side closed meanwhile is then replaced without a failure.
	req.Header["Idempotency-Key"] = []string{}
	return req, nil
}
