package invite

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// JobRemind is the job that reminds of link N.
const JobRemind outbox.Kind = "invitation_remind"

// reminderN is the number of the first notice of reminder k, from 1: those of links are below it.
const reminderN = 100

// waiting reports whether the customer may be reminded: the link is with them, and the gate or what follows is still before them (RA-61).
func (v *Invitation) waiting() bool {
	return slices.Contains([]Status{Sent, Opened, MobilePending}, v.Status)
}

// reminds is when the next reminder is due; false after the last one.
func (v *Invitation) reminds() (due time.Time, more bool) {
	if v.Link.Reminded >= len(v.Reminders) || v.SentAt.IsZero() {
		return due, false
	}
	return v.SentAt.Add(time.Duration(v.Reminders[v.Link.Reminded]) * 24 * time.Hour), true
}

// nextReminder is the job of the reminder that comes next; none when the last one was sent.
func (s *Service) nextReminder(v *Invitation) []outbox.Job {
	due, more := v.reminds()
	if !more {
		return nil
	}
	return []outbox.Job{{ID: uid.New(s.Now(), v.ID.Bucket()), Kind: JobRemind, Tenant: v.Tenant, Object: v.ID, N: v.Link.N, Due: due}}
}

// HandleRemind sends a reminder by the channels that had taken the link, outside the quiet hours of the number. It is counted, and the
// next one planned, before it is sent: after a crash one may be missing, and none comes twice. Of several whose days went by meanwhile, as
// in an outage, one is sent.
func (s *Service) HandleRemind(ctx context.Context, j outbox.Job) outbox.Verdict {
	v, err := s.store.Invitation(ctx, j.Tenant, j.Object)
	if errors.Is(err, ErrNotFound) {
		return outbox.Finish()
	}
	if err != nil {
		return s.later(j, err)
	}
	now := s.moment()
	if v.Link.N != j.N || !v.waiting() || v.Over(now) {
		return outbox.Finish()
	}
	notices, quiet, err := s.reminder(ctx, &v, now)
	if err != nil {
		return s.later(j, err)
	}
	if len(notices) == 0 { // who has opted out is reminded no more
		return outbox.Finish()
	}
	if quiet.After(now) {
		return outbox.Later(quiet, "quiet hours")
	}
	var early time.Time // another holder of the job was faster, or the clock was set back
	err = s.store.ChangeInvitation(ctx, v.Tenant, v.ID, func(v *Invitation) (fx outbox.Effects, err error) {
		due, more := v.reminds()
		if early = due; v.Link.N != j.N || !v.waiting() || !more || now.Before(due) {
			return fx, errNothing
		}
		v.Link.Reminded++
		fx.Events = []audit.Event{v.event(EventReminded, system(), now, data{Status: v.Status, Link: v.Link.N, Send: v.Link.Reminded})}
		for due, more = v.reminds(); more && !now.Before(due); due, more = v.reminds() {
			v.Link.Reminded++
		}
		fx.Done, fx.Jobs = []outbox.Ref{j.Ref()}, s.nextReminder(v)
		for i := range notices { // unknown for as long as nobody has said what came of it: also after a crash
			v.post(s.message(&notices[i], delivery.Unknown), now)
		}
		return fx, nil
	})
	switch {
	case errors.Is(err, errNothing) && early.After(now):
		return outbox.Later(early, "not yet due")
	case errors.Is(err, errNothing):
		return outbox.Finish()
	case err != nil:
		return s.later(j, err)
	}
	for i := range notices {
		if err := s.remind(ctx, &v, &notices[i]); err != nil {
			s.log.Warn("it was not taken down what came of a reminder", "invitation", v.ID.Text(uid.Invitation), "channel", string(notices[i].Channel), "error", err)
		}
	}
	return outbox.Done()
}

// remind sends a reminder by one channel and takes down what came of it, unless that is not known.
func (s *Service) remind(ctx context.Context, v *Invitation, n *Notice) error {
	result, err := s.notifier.Notify(ctx, *n)
	if err != nil && ctx.Err() != nil && !result.Accepted {
		return err
	}
	m := s.handed(n, &result, err)
	d := data{Link: v.Link.N, Send: n.N / reminderN, Channel: m.Channel, State: m.State, Reason: m.Error}
	return s.store.ChangeInvitation(context.WithoutCancel(ctx), v.Tenant, v.ID, func(v *Invitation) (fx outbox.Effects, err error) {
		now := s.moment()
		v.post(m, now)
		d.Status = v.Status
		fx.Events = []audit.Event{v.event(EventReminderCarried, system(), now, d)}
		return fx, nil
	})
}

// reminder is the next reminder, by each channel that had taken the link and whose contact has not opted out since, and when it is day for all of them.
func (s *Service) reminder(ctx context.Context, v *Invitation, now time.Time) (list []Notice, day time.Time, err error) {
	day = now
	for _, c := range v.Link.Carried {
		if c.State == delivery.Failed {
			continue
		}
		n, err := s.notice(ctx, v, c.Channel)
		if err != nil {
			return nil, day, err
		}
		word, err := s.barred(ctx, &n)
		if err != nil {
			return nil, day, err
		}
		if word != "" {
			continue
		}
		if at := n.To.Awake(now); at.After(day) {
			day = at
		}
		n.Kind, n.N = NoticeReminder, reminderN*(v.Link.Reminded+1)+v.Link.N
		list = append(list, n)
	}
	return list, day, nil
}
