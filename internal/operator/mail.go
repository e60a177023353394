package operator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// The jobs of this package. The payload of one that mails is the kind of the notice, and what it tells of behind a space.
const (
	JobMail     outbox.Kind = "operator_mail"    // to the operator or the holder of the link that is its object
	JobLoosened outbox.Kind = "setting_loosened" // to all owners of the tenant, when a gate may be absent that could not be before
)

// The messages to operators (SEC-60). That of a set of codes that is used up is MailCodeUsed too.
const (
	MailInvitation   = delivery.KindTeamInvitation
	MailReset        = delivery.KindTeamReset
	MailResetDone    = delivery.KindTeamResetDone
	MailTOTPAdded    = delivery.KindTeamTOTPAdded
	MailTOTPChanged  = delivery.KindTeamTOTPChanged
	MailPassword     = delivery.KindTeamPassword
	MailCodesRenewed = delivery.KindTeamCodesRenewed
	MailCodeUsed     = delivery.KindTeamCodeUsed
	MailLoosened     = delivery.KindTeamLoosened
)

// A message is tried for a day (SEC-60), then kept as a dead letter, which is an alarm.
const (
	mailFor     = 24 * time.Hour
	mailBackoff = 2 * time.Second
	mailSlowest = 5 * time.Minute
)

func mailJob(t uid.Tenant, object uid.ID, kind string, now time.Time) outbox.Job {
	return outbox.Job{ID: uid.New(now, object.Bucket()), Kind: JobMail, Tenant: t, Object: object, N: 1, Payload: []byte(kind), Due: now}
}

// Handlers are the jobs that the worker runs for this package.
func (s *Service) Handlers() map[outbox.Kind]outbox.Handler {
	return map[outbox.Kind]outbox.Handler{JobMail: s.HandleMail, JobLoosened: s.HandleLoosened}
}

// HandleMail sends one message. One that may have been sent by an earlier holder of the job goes again under the same name, by which a
// receiver drops it. A link that was used, replaced or has ended is not sent.
func (s *Service) HandleMail(ctx context.Context, j outbox.Job) outbox.Verdict {
	n, err := s.notice(ctx, j)
	switch {
	case errors.Is(err, errNothing):
		return outbox.Finish()
	case err != nil:
		return s.again(j, "not readable now", err)
	}
	result, err := s.notifier.Notify(ctx, n)
	switch {
	case err != nil:
		return s.again(j, "no try was made", err)
	case result.Accepted:
		return outbox.Finish()
	}
	return s.again(j, "no provider took it", nil)
}

// again puts a job off, or gives it up after a day.
func (s *Service) again(j outbox.Job, why string, err error) outbox.Verdict {
	if s.Now().Sub(j.ID.Time()) >= mailFor {
		return outbox.Bury(why)
	}
	s.log.LogAttrs(context.Background(), slog.LevelWarn, "message to an operator postponed", slog.String("job", j.ID.Text(uid.Job)),
		slog.String("reason", why), slog.Any("error", err))
	return outbox.RetryAt(s.Now().Add(j.Backoff(mailBackoff, mailSlowest)), why)
}

// notice is what a job sends. It may hold a token in clear, and never leaves memory but through a provider. errNothing: nothing is
// to be sent any more.
func (s *Service) notice(ctx context.Context, j outbox.Job) (n delivery.Notice, err error) {
	var (
		who    person
		link   string
		locale string
	)
	kind, about, _ := strings.Cut(string(j.Payload), " ")
	switch kind {
	case MailInvitation, MailReset:
		who, link, locale, err = s.linkFor(ctx, j)
	default:
		var o Operator
		if o, err = s.store.Operator(ctx, j.Tenant, j.Object); err == nil {
			locale = o.Locale
			who, err = s.person(&o)
		}
	}
	if errors.Is(err, ErrNotFound) || err == nil && who.Email == devAddress {
		err = errNothing
	}
	if err != nil {
		return n, err
	}
	if kind == MailLoosened {
		if n.Loosened, err = s.loosened(ctx, j.Tenant, []byte(about)); err != nil {
			return n, err
		}
	}
	owner, err := s.tenants.Tenant(ctx, j.Tenant)
	if err != nil {
		return n, err
	}
	to, err := recipient.Parse(who.Email, s.cfg.Rules)
	if locale == "" {
		locale = "en"
	}
	return delivery.Notice{Tenant: j.Tenant, ID: j.ID, N: 1, To: to, Channel: delivery.Email, Locale: locale, Kind: kind,
		Firm: owner.Name, Name: who.Name, Loosened: n.Loosened, Link: link}, err
}

// linkFor gives what the message with a link needs.
func (s *Service) linkFor(ctx context.Context, j outbox.Job) (who person, link, locale string, err error) {
	l, err := s.store.LinkByID(ctx, j.Tenant, j.Object)
	if err != nil {
		return who, "", "", err
	}
	if stands, err := s.stands(ctx, &l); err != nil || !stands || !l.live(s.moment()) || s.cfg.PublicURL == "" {
		return who, "", "", cmp.Or(err, errNothing)
	}
	o, err := s.invited(ctx, &l)
	if err != nil {
		return who, "", "", err
	}
	if who, err = s.person(o); err != nil {
		return who, "", "", err
	}
	token, err := s.linkToken(&l)
	return who, s.url(&l, token), l.Locale, err
}

// loosened is what a job says of settings that were loosened. It names nobody: the actor is an id.
type loosened struct {
	Actor string             `json:"actor"`
	At    time.Time          `json:"at"`
	What  []policy.Loosening `json:"what"`
}

// Loosened is the job that tells all owners of a tenant that a gate may be absent now that could not be before: who did it and by which
// settings. It is committed with the change.
func Loosened(t uid.Tenant, actor string, what []policy.Loosening, now time.Time) []outbox.Job {
	text, _ := json.Marshal(loosened{actor, now, what}) // strings and a time of this age always encode
	return []outbox.Job{{ID: uid.Random(now), Kind: JobLoosened, Tenant: t, Object: uid.ID(t), N: 1, Payload: text, Due: now}}
}

// loosened reads what the message is to tell of.
func (s *Service) loosened(ctx context.Context, t uid.Tenant, payload []byte) (told delivery.Loosened, err error) {
	var l loosened
	if err := json.Unmarshal(payload, &l); err != nil {
		return told, err
	}
	told = delivery.Loosened{By: l.Actor, At: l.At, What: l.What}
	id, err := uid.Parse(uid.Operator, strings.TrimPrefix(l.Actor, actorPrefix))
	if err != nil {
		return told, nil // a key, or the machine itself
	}
	o, err := s.store.Operator(ctx, t, id)
	if errors.Is(err, ErrNotFound) {
		return told, nil
	}
	if err != nil {
		return told, err
	}
	who, err := s.person(&o)
	told.By = cmp.Or(who.Name, who.Email)
	return told, err
}

// HandleLoosened tells all owners of a tenant that a gate may be absent now that could not be before (RA-17).
func (s *Service) HandleLoosened(ctx context.Context, j outbox.Job) outbox.Verdict {
	owners, err := s.owners(ctx, j.Tenant)
	if err != nil {
		return s.again(j, "not readable now", err)
	}
	fx := outbox.Effects{Done: []outbox.Ref{j.Ref()}}
	for _, o := range owners {
		mail := mailJob(j.Tenant, o.ID, MailLoosened, s.moment())
		mail.Payload = slices.Concat(mail.Payload, []byte(" "), j.Payload)
		fx.Jobs = append(fx.Jobs, mail)
	}
	if err := s.store.ChangeOperator(ctx, Target{}, func(*Held) (outbox.Effects, error) { return fx, nil }); err != nil {
		return s.again(j, "not writable now", err)
	}
	return outbox.Done()
}
