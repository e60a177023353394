package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
)

// recordTime is for recording what came of a try, also when the time of the job is over.
const recordTime = 5 * time.Second

// later is when to come back for work that could not be begun.
const later = 10 * time.Second

// HandleDeliver makes one try of one delivery. What came of it commits together with the end of this job and the job of
// the next try, so that a crash before it leaves both as they were, and the try is made again with the same webhook-id.
func (s *Service) HandleDeliver(ctx context.Context, j outbox.Job) outbox.Verdict {
	w, err := s.store.Work(ctx, j.Tenant, j.Object)
	d := w.Delivery
	switch {
	case errors.Is(err, ErrNotFound):
		return outbox.Finish() // past its retention
	case err != nil:
		return outbox.Later(s.Now().Add(later), "the delivery can't be read").Unrecorded(j.Taken)
	case d.State != Pending || d.Tries != j.N-1:
		return outbox.Finish() // settled by an earlier holder
	case !w.Endpoint.Enabled:
		d.giveUp(ErrorOff, s.moment())
		return s.settle(ctx, j, d, w.Delivery.Tries, nil)
	case w.Event.ID.IsZero():
		d.giveUp(ErrorNoEvent, s.moment())
		return s.settle(ctx, j, d, w.Delivery.Tries, nil)
	}
	t, back, err := s.pass(ctx, w)
	switch {
	case err != nil:
		s.log.LogAttrs(ctx, slog.LevelWarn, "an event could not be posted and will be", slog.String("delivery", d.ID.Text(uid.WebhookSent)),
			slog.Any("error", err))
		return outbox.Later(s.Now().Add(later), "the try could not be made").Unrecorded(true)
	case !back.IsZero():
		return outbox.Later(back, "the endpoint is busy").Unrecorded(j.Taken)
	}
	d.Tried(t)
	return s.settle(ctx, j, d, w.Delivery.Tries, &t)
}

// pass makes the try if the endpoint's gate lets it through; otherwise it says when to come back. An error says that
// there was no try, or one that was cut short by us.
func (s *Service) pass(ctx context.Context, w Work) (t Try, back time.Time, err error) {
	back, in := s.gates.enter(w.Endpoint.ID, s.Now())
	if !in {
		return t, back, nil
	}
	defer func() { s.gates.leave(w.Endpoint.ID, t) }() // as t is then; zero after a panic or an error
	t, err = s.try(ctx, w)
	return t, time.Time{}, err
}

// settle records d after a try, or without one.
func (s *Service) settle(ctx context.Context, j outbox.Job, d Delivery, was int, t *Try) outbox.Verdict {
	record, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTime)
	defer cancel()
	fx := outbox.Effects{Done: []outbox.Ref{j.Ref()}}
	off := ""
	if d.State == Pending {
		fx.Jobs = []outbox.Job{d.job(s.Now())}
	}
	if t != nil && t.gone() {
		off = OffGone
		e := Endpoint{ID: d.Endpoint, Tenant: d.Tenant}
		fx.Events = []audit.Event{event(Caller{Actor: "system"}, e, disabled, s.moment(), map[string]any{"reason": OffGone})}
	}
	if err := s.store.Settle(record, d, was, off, fx); err != nil {
		return outbox.Later(s.Now().Add(later), "the try could not be recorded").Unrecorded(true)
	}
	if t != nil {
		s.meters.tried(*t)
	}
	level := slog.LevelInfo
	if d.State == Dead {
		s.meters.dead.Inc()
		level = slog.LevelWarn
	}
	s.log.LogAttrs(ctx, level, "webhook", slog.String("delivery", d.ID.Text(uid.WebhookSent)),
		slog.String("endpoint", d.Endpoint.Text(uid.Webhook)), slog.String("tenant", d.Tenant.Text()), slog.String("type", d.Type),
		slog.String("state", string(d.State)), slog.Int("tries", d.Tries), slog.Int("status", d.Status), slog.String("error", d.Error),
		slog.Duration("latency", d.Latency))
	return outbox.Done()
}

// try posts the event. What the receiver does, or fails to do, is a Try; an error is ours.
func (s *Service) try(ctx context.Context, w Work) (Try, error) {
	body, err := s.body(ctx, w.Event)
	if err != nil {
		return Try{}, err
	}
	req, err := s.request(ctx, w, body)
	if err != nil {
		return Try{}, err
	}
	begun := s.Now()
	res, err := s.client.Do(ctx, req)
	if err != nil && ctx.Err() != nil {
		return Try{}, fmt.Errorf("cut short: %w", ctx.Err()) // by a shutdown or the end of the lease
	}
	now := s.Now()
	return judge(res, err, now, now.Sub(begun)), nil
}

// judge says what an answer, or none, means.
func judge(res *egress.Response, err error, now time.Time, took time.Duration) Try {
	t := Try{At: now.Round(0).UTC().Truncate(time.Microsecond), Latency: took.Truncate(time.Microsecond)}
	switch {
	case errors.Is(err, egress.ErrRefused):
		t.Error = ErrorRefused
	case errors.Is(err, context.DeadlineExceeded):
		t.Error = ErrorTimeout
	case err != nil:
		t.Error = ErrorUnreachable
	default:
		t.Status, t.Answer = res.Status, answerText(res.Body)
		if !t.taken() {
			t.Error, t.RetryAfter = ErrorStatus, res.RetryAfter(now)
		}
	}
	return t
}

// body renders the event, with the record of the verification it is about as that is now.
func (s *Service) body(ctx context.Context, e audit.Event) ([]byte, error) {
	if t, _ := typeOf(e.Type); !t.Record {
		return render(e, nil)
	}
	r, err := s.records.Record(ctx, e.Tenant, e.Object)
	switch {
	case fault.Is(err, fault.NotFound):
		return render(e, nil)
	case err != nil:
		return nil, err
	}
	return render(e, &r)
}

// request makes the signed POST.
func (s *Service) request(ctx context.Context, w Work, body []byte) (*http.Request, error) {
	now := s.Now()
	secrets := make([]string, 0, 2)
	sealed := [][]byte{w.Endpoint.Secret}
	if now.Before(w.Endpoint.PreviousUntil) {
		sealed = append(sealed, w.Endpoint.Previous)
	}
	for _, b := range sealed {
		text, err := s.ring.Open(place(w.Endpoint), b)
		if err != nil {
			return nil, fmt.Errorf("open the secret: %w", err)
		}
		secrets = append(secrets, string(text))
	}
	keys, err := signing.New(secrets...)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.Endpoint.URL, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the endpoint's URL can't be read") // the cause would hold it
	}
	req.Header.Set("Content-Type", "application/json")
	// A key without a value is not sent. It tells the transport that the request may go twice, as its id makes it so:
	// a kept connection that the other side closed meanwhile is then replaced without a failure.
	req.Header["Idempotency-Key"] = []string{}
	keys.Sign(req.Header, messageID(w.Event), now, body)
	return req, nil
}
