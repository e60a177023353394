package invite

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// JobFormer is the job that tells the e-mail address from before correction N, which is its payload, sealed, that contacts were corrected
// (RA-56).
const JobFormer outbox.Kind = "invitation_former"

// formerN is the number of the notice of the first correction: those of links and reminders are below it.
const formerN = 5000

// sealedFormer names the address from before the link of now in its seal.
func (v *Invitation) sealedFormer(link int) string { return sealFormer + strconv.Itoa(link) }

// formerJob puts word of a correction on its way to the address as it was before; none when there was none.
func (s *Service) formerJob(v *Invitation, email string) []outbox.Job {
	if email == "" {
		return nil
	}
	now := s.Now()
	v.post(Dispatch{
		N: formerN + v.Link.N, Kind: NoticeContactChanged, Channel: delivery.Email, To: recipient.MaskForOwner(recipient.Email, email),
		Index: s.ring.BlindIndex(v.Tenant, email), State: delivery.Sending,
	}, s.moment())
	return []outbox.Job{{
		ID: uid.New(now, v.ID.Bucket()), Kind: JobFormer, Tenant: v.Tenant, Object: v.ID, N: v.Link.N, Due: now.Round(0).UTC(),
		Payload: s.seal(v, v.sealedFormer(v.Link.N), email),
	}}
}

// HandleFormer sends it, whatever has become of the invitation since, unless the person was erased. When an earlier holder of the job may
// have sent it, that is recorded, and it is sent under the same name: word of a change must not get lost with a server, and who has it
// already can tell by the name.
func (s *Service) HandleFormer(ctx context.Context, j outbox.Job) outbox.Verdict {
	v, err := s.store.Invitation(ctx, j.Tenant, j.Object)
	if errors.Is(err, ErrNotFound) {
		return outbox.Finish()
	}
	if err != nil {
		return s.later(j, err)
	}
	if v.Sealed == nil {
		return s.withdraw(ctx, &v, j, Dispatch{N: formerN + j.N, Channel: delivery.Email})
	}
	n, err := s.formerNotice(ctx, &v, j)
	if err != nil {
		return s.later(j, err)
	}
	result, err := s.notifier.Notify(ctx, n)
	switch {
	case err != nil && ctx.Err() != nil && !result.Accepted:
		return s.later(j, err).Unrecorded(true) // interrupted in the middle
	case err == nil && !result.Accepted && result.Retry && j.Attempt+1 < linkRounds:
		return outbox.RetryAt(s.Now().Add(max(result.Wait, j.Backoff(linkBackoff, linkSlowest))), "no provider took it").Unrecorded(j.Taken)
	}
	return s.toldFormer(context.WithoutCancel(ctx), &v, j, s.handed(&n, &result, err))
}

// formerNotice is the message: it names the firm and nobody else, for the address may be a stranger's.
func (s *Service) formerNotice(ctx context.Context, v *Invitation, j outbox.Job) (Notice, error) {
	name, _, err := s.brand(ctx, v.Tenant)
	if err != nil {
		return Notice{}, err
	}
	var email string
	if err := s.open(v, v.sealedFormer(j.N), j.Payload, &email); err != nil {
		return Notice{}, err
	}
	to, err := recipient.Parse(email, s.cfg.Rules)
	return Notice{
		Tenant: v.Tenant, ID: v.ID, N: formerN + j.N, To: to, Channel: delivery.Email, Locale: v.Locale, Kind: NoticeContactChanged,
		Firm: name,
	}, err
}

// toldFormer takes down what came of it, together with the end of its job.
func (s *Service) toldFormer(ctx context.Context, v *Invitation, j outbox.Job, m Dispatch) outbox.Verdict {
	now := s.moment()
	err := s.store.ChangeInvitation(ctx, v.Tenant, v.ID, func(v *Invitation) (fx outbox.Effects, err error) {
		v.post(m, now)
		fx.Done = []outbox.Ref{j.Ref()}
		if j.Taken {
			fx.Events = append(fx.Events, v.formerTold(data{Channel: m.Channel, State: delivery.Unknown}, now))
		}
		fx.Events = append(fx.Events, v.formerTold(data{Channel: m.Channel, State: m.State, Reason: m.Error}, now))
		return fx, nil
	})
	if err != nil {
		return s.later(j, err).Unrecorded(true)
	}
	return outbox.Done()
}

func (v *Invitation) formerTold(d data, now time.Time) audit.Event {
	d.Status = v.Status
	return v.event(EventFormerTold, system(), now, d)
}
