package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/outbox"
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
	dialect, known := s.dialects[w.Endpoint.Dialect]
	if !known {
		return s.notTried(ctx, d, errDialect)
	}
	t, back, err := s.pass(ctx, w, &dialect)
	switch {
	case err != nil:
		return s.notTried(ctx, d, err)
	case !back.IsZero():
		return outbox.Later(back, "the endpoint is busy").Unrecorded(j.Taken)
	}
	d.Tried(t, dialect.schedule(&w.Endpoint))
	return s.settle(ctx, j, d, w.Delivery.Tries, &t)
}

// notTried puts a delivery off that could not be tried for a reason of ours.
func (s *Service) notTried(ctx context.Context, d Delivery, err error) outbox.Verdict {
	s.log.LogAttrs(ctx, slog.LevelWarn, "an event could not be posted and will be", slog.String("delivery", d.ID.Text(uid.WebhookSent)),
		slog.Any("error", err))
	return outbox.Later(s.Now().Add(later), "the try could not be made").Unrecorded(true)
}

// pass makes the try if the endpoint's gate lets it through; otherwise it says when to come back. An error says that
// there was no try, or one that was cut short by us.
func (s *Service) pass(ctx context.Context, w Work, in *Dialect) (t Try, back time.Time, err error) {
	back, entered := s.gates.enter(w.Endpoint.Tenant, w.Endpoint.ID, s.Now())
	if !entered {
		return t, back, nil
	}
	defer func() { s.gates.leave(w.Endpoint.Tenant, w.Endpoint.ID, t) }() // as t is then; zero after a panic or an error
	t, err = s.try(ctx, w, in)
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
	if t != nil && t.Gone {
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
func (s *Service) try(ctx context.Context, w Work, in *Dialect) (Try, error) {
	m, err := s.made(ctx, w, in, s.Now(), false)
	if err != nil {
		return Try{}, err
	}
	call, cancel := context.WithTimeout(ctx, in.Timeout)
	defer cancel()
	req, err := m.request(call)
	if err != nil {
		return Try{}, err
	}
	begun := s.Now()
	res, err := s.client.Do(call, req)
	if err != nil && ctx.Err() != nil {
		return Try{}, fmt.Errorf("cut short: %w", ctx.Err()) // by a shutdown or the end of the lease
	}
	now := s.Now()
	return in.judge(res, err, now, now.Sub(begun)), nil
}

// judge says what an answer, or none, means.
func (d *Dialect) judge(res *egress.Response, err error, now time.Time, took time.Duration) Try {
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
		if t.Taken, t.Gone = d.Taken(res.Status), d.Gone != 0 && res.Status == d.Gone; !t.Taken {
			t.Error, t.RetryAfter = ErrorStatus, res.RetryAfter(now)
		}
	}
	return t
}
