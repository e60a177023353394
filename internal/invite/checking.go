package invite

import (
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// sightings are the verifications of gates, as package verify knows them, by the gate's channel.
type sightings map[delivery.Channel]sighting

type sighting struct {
	verify.View
	taken bool // by a provider, as far as was looked
}

// look reads what is known of the verifications that gates wait for; and, for a send of which it is not known whether it was started,
// of the one that was. It starts nothing.
func (s *Service) look(ctx context.Context, v *Invitation) (sightings, error) {
	seen := sightings{}
	for i := range v.Gates {
		g := &v.Gates[i]
		if v.Status.Terminal() || g.Verified.IsZero() && !g.Starting {
			continue
		}
		got, err := s.sight(ctx, v, g)
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return nil, err
		case !g.Starting || got.ExternalID == v.key(g):
			seen[g.Channel] = got
		}
	}
	return seen, nil
}

func (s *Service) sight(ctx context.Context, v *Invitation, g *Gate) (sighting, error) {
	if !g.Starting {
		r, err := s.verify.Get(ctx, v.asVerify(""), g.Verified, false)
		return sighting{r.View, slices.ContainsFunc(r.Deliveries, func(d verify.Delivery) bool {
			return d.State == delivery.Sent || d.State == delivery.Delivered
		})}, err
	}
	to, err := s.contact(v, g)
	if err != nil {
		return sighting{}, err
	}
	view, err := s.verify.Open(ctx, v.asVerify(""), to, "", verify.ForContact)
	return sighting{View: view}, err
}

// heal takes down what was seen of the verifications that gates wait for: one that was started, one that nobody could carry, one whose
// code was right, one whose checks are used up. Each is taken down at once as a rule, and here after a crash. What is taken down here
// alone is that the last code ended by its time.
func (s *Service) heal(v *Invitation, seen sightings, visit *Visit, now time.Time) (events []audit.Event, err error) {
	for i := range v.Gates {
		g := &v.Gates[i]
		view, ok := seen[g.Channel]
		if !ok || g.Kept && !g.provenAt(now).IsZero() { // while a proof is kept nobody needs a code
			continue
		}
		var more []audit.Event
		switch {
		case g.Starting && view.ExternalID == v.key(g):
			more = v.adopted(g, g.N, &view.View, visit, now)
		case g.Starting || g.Verified.IsZero() || g.Verified != view.ID:
		case view.Status == verify.Failed:
			d := data{Status: v.Status, Gate: g.Channel, Cycle: g.Cycle, Send: g.Sends, Reason: string(view.Status)}
			if g.refund(g.N, now) { // RA-40
				g.Unsent = true
				more = []audit.Event{v.event(EventCodeRefused, system(), now, d)}
			}
		case view.Status == verify.Approved && g.Checked:
			more, err = s.prove(v, g, visit, now)
		case view.Status == verify.Exhausted:
			more, err = v.ended(g, view.ID, visit.by(), now)
		case v.spent(g, now):
			more, err = v.useUp(g, visit.by(), now)
		}
		if err != nil {
			return nil, err
		}
		events = append(events, more...)
	}
	return events, nil
}

// prove passes a gate whose code was right, and keeps who handed it in (RA-42).
func (s *Service) prove(v *Invitation, g *Gate, visit *Visit, now time.Time) ([]audit.Event, error) {
	contact, err := s.contact(v, g)
	if err != nil {
		return nil, err
	}
	client := visit.Client
	if s.sessionHash(v, visit.Cookie) != g.Asker { // it is only found out on the way of another browser
		client = nil
	}
	g.Evidence = s.evidence(v, string(g.Channel), client)
	return v.pass(g, data{ContactHash: s.hashed(contactLabel, v, contact), ClientHash: s.client(v, client)}, visit.by(), now)
}

// Check hands in a code for a gate. Every outcome is an answer; a gate that is not there is Conflict with gate_closed, one whose turn has
// not come step_not_reached, and one that this session has passed is CheckRight.
func (s *Service) Check(ctx context.Context, visit Visit, gate delivery.Channel, code string) (CheckOutcome, Page, error) {
	v, hash, err := s.admitted(ctx, &visit)
	if err != nil {
		return "", Page{}, err
	}
	c := &checking{Service: s, visit: &visit, channel: gate}
	if v, err = c.mark(ctx, v, hash); err != nil {
		return "", Page{}, err
	}
	if c.outcome == "" {
		if v, err = c.compare(ctx, v, hash, code); err != nil {
			return "", Page{}, err
		}
	}
	page, err := s.page(ctx, v, hash, c.seen)
	return c.outcome, page, err
}

// checking is one code on its way.
type checking struct {
	*Service
	visit   *Visit
	channel delivery.Channel
	id      uid.ID // the verification
	seen    sightings
	outcome CheckOutcome
}

// mark notes, before the code is compared, that one was handed in by the session that asked for it. Without the mark no gate is
// passed, whatever became of its verification (RA-33).
func (c *checking) mark(ctx context.Context, v *Invitation, hash [32]byte) (*Invitation, error) {
	ready := func(v *Invitation, session [32]byte, now time.Time) (marked bool, err error) {
		c.outcome, c.id = "", uid.ID{}
		g := v.Gate(c.channel)
		switch {
		case v.Status.Terminal():
			c.outcome = CheckDead
		case g != nil && g.PassedIn(session, now):
			c.outcome = CheckRight
		case v.turn(g, session, now) != nil:
			return false, v.turn(g, session, now)
		case g.Asker != session || g.Verified.IsZero() || g.Locked(now):
			c.outcome = CheckDead
		default:
			c.id, marked = g.Verified, g.Checked
		}
		return marked, nil
	}
	now := c.moment()
	if marked, err := ready(v, hash, now); err != nil || !v.Over(now) && (marked || c.outcome != "") {
		return v, err
	}
	v, err := c.changed(ctx, v, c.visit, func(v *Invitation, session [32]byte, now time.Time) (fx outbox.Effects, err error) {
		marked, err := ready(v, session, now)
		if err == nil && (marked || c.outcome != "") {
			err = errNothing
		}
		if err == nil {
			v.Gate(c.channel).Checked = true
		}
		return fx, err
	})
	if err == nil && v.Status.Terminal() {
		c.outcome = CheckDead
	}
	return v, err
}

// compare spends a check of the verification, and takes down what came of it.
func (c *checking) compare(ctx context.Context, v *Invitation, hash [32]byte, code string) (*Invitation, error) {
	answer, err := c.verify.Check(ctx, verify.CheckRequest{Caller: v.asVerify(c.visit.RequestID), ID: c.id, Code: code, Client: c.visit.Client})
	switch {
	case err == nil:
		c.seen = sightings{c.channel: {View: answer.View}}
	case fault.Is(err, fault.Limited):
		c.outcome = CheckPaused
	case fault.Is(err, fault.Invalid):
		c.outcome = CheckMalformed
	case !fault.Is(err, fault.NotFound):
		return nil, err
	}
	if c.seen == nil { // nothing was compared; an earlier right code may have been, and the server stopped before the gate was passed
		if c.seen, err = c.look(ctx, v); err != nil || c.outcome != "" {
			return v, err
		}
	}
	v, err = c.changed(ctx, v, c.visit, func(v *Invitation, _ [32]byte, now time.Time) (fx outbox.Effects, err error) {
		if v.Status.Terminal() {
			return fx, errNothing
		}
		if fx.Events, err = c.heal(v, c.seen, c.visit, now); err == nil && len(fx.Events) == 0 {
			err = errNothing
		}
		return fx, err
	})
	if err != nil {
		return nil, err
	}
	c.outcome = CheckDead
	switch g := v.Gate(c.channel); {
	case g != nil && g.PassedIn(hash, c.moment()):
		c.outcome = CheckRight
	case answer.ID == c.id && !answer.Valid:
		c.outcome = CheckWrong
	}
	return v, nil
}
