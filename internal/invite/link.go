package invite

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// JobLink is the job that sends link N by the channel that is its payload.
const JobLink outbox.Kind = "invitation_link"

// A link is tried for so many rounds over the providers, so far apart.
const (
	linkRounds  = 8
	linkBackoff = 2 * time.Second
	linkSlowest = 5 * time.Minute
)

// Handlers are the jobs that the worker runs for this package.
func (s *Service) Handlers() map[outbox.Kind]outbox.Handler {
	return map[outbox.Kind]outbox.Handler{
		JobLink: s.HandleLink, JobRemind: s.HandleRemind, JobFormer: s.HandleFormer, JobImport: s.HandleImport,
	}
}

// linkJobs put the link of now on its way, by each of its channels.
func (s *Service) linkJobs(v *Invitation) (jobs []outbox.Job) {
	now := s.Now()
	for _, ch := range v.Channels {
		v.post(v.linkDispatch(v.Link.N, Carried{Channel: ch, State: delivery.Sending}), s.moment())
		jobs = append(jobs, outbox.Job{
			ID: uid.New(now, v.ID.Bucket()), Kind: JobLink, Tenant: v.Tenant, Object: v.ID, N: v.Link.N, Payload: []byte(ch), Due: now.Round(0).UTC(),
		})
	}
	return jobs
}

// HandleLink sends a link by one channel. A link that was replaced, or whose invitation has ended, is not sent, and none to who has opted
// out. When an earlier holder of the job may have sent it, that is recorded as unknown, and it is not sent again: the firm sees it, and may ask for a new link.
func (s *Service) HandleLink(ctx context.Context, j outbox.Job) outbox.Verdict {
	v, err := s.store.Invitation(ctx, j.Tenant, j.Object)
	if errors.Is(err, ErrNotFound) {
		return outbox.Finish()
	}
	if err != nil {
		return s.later(j, err)
	}
	ch := delivery.Channel(j.Payload)
	if j.Taken {
		return s.record(ctx, &v, j, Carried{Channel: ch, State: delivery.Unknown})
	}
	if v.Link.N != j.N || v.Status.Terminal() || v.Over(s.moment()) {
		return s.withdraw(ctx, &v, j, Dispatch{N: j.N, Channel: ch})
	}
	n, err := s.notice(ctx, &v, ch)
	if err != nil {
		return s.later(j, err)
	}
	word, err := s.barred(ctx, &n)
	if err != nil {
		return s.later(j, err)
	}
	if word != "" {
		return s.record(ctx, &v, j, Carried{Channel: ch, State: delivery.Failed, Error: word})
	}
	result, err := s.notifier.Notify(ctx, n)
	switch {
	case result.Accepted:
		return s.record(context.WithoutCancel(ctx), &v, j, carriedBy(ch, result.Tries))
	case err != nil && ctx.Err() != nil:
		return s.record(context.WithoutCancel(ctx), &v, j, Carried{Channel: ch, State: delivery.Unknown}) // interrupted in the middle
	case err != nil:
		return s.record(ctx, &v, j, Carried{Channel: ch, State: delivery.Failed, Error: s.unasked(&n, err)})
	case result.Retry && j.Attempt+1 < linkRounds:
		return outbox.RetryAt(s.Now().Add(max(result.Wait, j.Backoff(linkBackoff, linkSlowest))), "no provider took it")
	}
	c := carriedBy(ch, result.Tries)
	c.State, c.Error = delivery.Failed, refusal(&result)
	return s.record(context.WithoutCancel(ctx), &v, j, c)
}

// unasked is the word for why no provider was asked to take a message. What is a fault of ours is told to the log.
func (s *Service) unasked(n *Notice, err error) string {
	switch {
	case errors.Is(err, delivery.ErrNoRoute):
		return "no_route"
	case errors.Is(err, delivery.ErrSuspended):
		return "suspended"
	}
	s.log.Error("a message of an invitation could not be written", "invitation", n.ID.Text(uid.Invitation), "kind", n.Kind, "channel", string(n.Channel), "error", err)
	return "internal"
}

// refusal is the word of the last provider that did not take a message.
func refusal(r *delivery.Result) string {
	if k := len(r.Tries); k > 0 && r.Tries[k-1].Error != "" {
		return r.Tries[k-1].Error
	}
	return "refused"
}

// carriedBy is what the last of the tries has come to.
func carriedBy(ch delivery.Channel, tries []delivery.Try) Carried {
	c := Carried{Channel: ch, State: delivery.Sent}
	if k := len(tries); k > 0 {
		last := tries[k-1]
		c.Provider, c.State, c.Error = last.Provider, last.State, last.Error
		if !last.Echoes {
			c.Reference = last.Reference
		}
	}
	return c
}

// notice is the message with the link. It holds the token in clear and never leaves memory but through a provider.
func (s *Service) notice(ctx context.Context, v *Invitation, ch delivery.Channel) (Notice, error) {
	name, _, err := s.brand(ctx, v.Tenant)
	if err != nil {
		return Notice{}, err
	}
	p, err := s.person(v)
	if err != nil {
		return Notice{}, err
	}
	token, err := s.token(v)
	if err != nil {
		return Notice{}, err
	}
	value := p.Mobile
	if ch == delivery.Email {
		value = p.Email
	}
	to, err := recipient.Parse(value, s.cfg.Rules)
	if err != nil {
		return Notice{}, err
	}
	return Notice{
		Tenant: v.Tenant, ID: v.ID, N: v.Link.N, To: to, Channel: ch, Locale: v.Locale, Kind: NoticeInvitation,
		Firm: name, Name: strings.TrimSpace(p.FirstName + " " + p.LastName), Link: s.LinkOf(token),
	}, nil
}

// record takes down what came of a link, together with the end of its job.
func (s *Service) record(ctx context.Context, v *Invitation, j outbox.Job, c Carried) outbox.Verdict {
	c.At = s.moment()
	err := s.store.ChangeInvitation(ctx, v.Tenant, v.ID, func(v *Invitation) (fx outbox.Effects, err error) {
		fx.Done = []outbox.Ref{j.Ref()}
		v.post(v.linkDispatch(j.N, c), c.At)
		before := v.SentAt
		if fx.Events, err = v.carried(j.N, c); err == nil && v.SentAt != before {
			fx.Jobs = s.nextReminder(v)
		}
		return fx, err
	})
	if err != nil {
		return s.later(j, err).Unrecorded(true)
	}
	return outbox.Done()
}

// withdraw takes a message back that was not sent and will not be, together with the end of its job.
func (s *Service) withdraw(ctx context.Context, v *Invitation, j outbox.Job, m Dispatch) outbox.Verdict {
	now := s.moment()
	err := s.store.ChangeInvitation(ctx, v.Tenant, v.ID, func(v *Invitation) (fx outbox.Effects, err error) {
		v.post(m, now)
		fx.Done = []outbox.Ref{j.Ref()}
		return fx, nil
	})
	if err != nil {
		return s.later(j, err)
	}
	return outbox.Done()
}

// later is the verdict when what a job needs can't be read or written now.
func (s *Service) later(j outbox.Job, err error) outbox.Verdict {
	s.log.LogAttrs(context.Background(), slog.LevelWarn, "job postponed", slog.String("kind", string(j.Kind)),
		slog.String("job", j.ID.Text(uid.Job)), slog.Any("error", err))
	return outbox.RetryAt(s.Now().Add(j.Backoff(linkBackoff, linkSlowest)), "not readable now").Unrecorded(j.Taken)
}
