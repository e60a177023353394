package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// keepAnswers is how long an idempotency key gives its first answer.
const keepAnswers = 24 * time.Hour

type contactKey struct {
	bucket uint16
	tenant uid.Tenant
	blind  [16]byte
}

type openKey struct {
	contactKey
	service uid.ID
	purpose verify.Purpose
}

type answerKey struct {
	bucket uint16
	key    [16]byte
}

type contactState struct {
	contact verify.Contact
	version int64 // moves with every change to anything of the recipient, where others write too
	dirty   bool
}

type verificationState struct {
	v            *verify.Verification
	fresh, dirty bool
	recalled     bool // and not read
}

// place is who holds the one open place of a recipient, service and purpose.
type place struct {
	id     uid.ID // zero: nobody
	ends   time.Time
	before uid.ID // who held it when it was read, whose row is to go when nobody holds it any more
	dirty  bool
}

type answerState struct {
	answer verify.Answer // Sealed is nil when there is none
	dirty  bool
}

type written struct {
	tenant uid.Tenant
	fresh  bool // the rows must be new: nothing was read that would tell
	rows   []verify.Delivery
}

type meterState struct {
	state ratelimit.TAT
	dirty bool
}

// scene is the working set of one batch: what was read, and what the decisions have made of it so far. A decision sees
// what the decisions before it in the same batch have done.
type scene struct {
	now time.Time

	contacts      map[contactKey]*contactState
	verifications map[uid.ID]*verificationState
	places        map[openKey]*place
	deliveries    map[uid.ID][]verify.Delivery
	answers       map[answerKey]*answerState
	meters        map[verify.Meter]*meterState

	written map[uid.ID]*written // deliveries to insert or replace, by verification
	effects outbox.Effects
}

func newScene(now time.Time) *scene {
	return &scene{
		now:           now,
		contacts:      map[contactKey]*contactState{},
		verifications: map[uid.ID]*verificationState{},
		places:        map[openKey]*place{},
		deliveries:    map[uid.ID][]verify.Delivery{},
		answers:       map[answerKey]*answerState{},
		meters:        map[verify.Meter]*meterState{},
		written:       map[uid.ID]*written{},
	}
}

func contactOf(v *verify.Verification) contactKey {
	return contactKey{bucket: v.ID.Bucket(), tenant: v.Tenant, blind: v.BlindIndex}
}

func placeOf(v *verify.Verification) openKey {
	return openKey{contactKey: contactOf(v), service: v.Service, purpose: v.Purpose}
}

func targetPlace(t *verify.Target) openKey {
	return openKey{
		contactKey: contactKey{bucket: t.Bucket, tenant: t.Tenant, blind: t.BlindIndex},
		service:    t.Service, purpose: t.Purpose,
	}
}

// apply runs one request against the scene. What it changes is adopted only when its decision returns nil.
func (s *scene) apply(r *request) error {
	switch {
	case r.decide != nil:
		return s.change(&r.target, r.decide)
	case r.count != nil:
		return s.count(r.meters, r.count)
	default:
		s.write(r.target.Tenant, r.rows, true)
		s.follow(r.effects)
		return nil
	}
}

func (s *scene) change(t *verify.Target, decide verify.Decide) error {
	held := s.hold(t)
	key, known := contactKey{}, false
	if held.V != nil {
		key, known = contactOf(held.V), true
	} else if t.ID.IsZero() {
		key, known = targetPlace(t).contactKey, true
	}
	if known {
		held.Contact = s.contact(key).contact
	}
	effects, err := decide(held)
	if err != nil {
		return err
	}
	if known {
		s.adoptContact(key, held.Contact)
	}
	if held.V != nil {
		s.adopt(held.V)
	}
	if held.Create != nil {
		s.create(held.Create)
	}
	s.write(t.Tenant, held.Write, false)
	if t.Answer != nil && held.Keep != nil {
		kept := s.answers[answerKey{t.Answer.Bucket, t.Answer.Key}]
		kept.answer = *t.Answer
		kept.answer.Sealed, kept.answer.At, kept.dirty = held.Keep, s.now, true
	}
	s.follow(effects)
	return nil
}

// hold gathers copies of what the target names.
func (s *scene) hold(t *verify.Target) *verify.Held {
	held := &verify.Held{}
	id := t.ID
	if id.IsZero() {
		if p := s.places[targetPlace(t)]; p != nil {
			id = p.id
		}
	}
	if st := s.verifications[id]; st != nil && st.v.Tenant == t.Tenant {
		held.V = st.v.Copy()
		if t.Deliveries {
			held.Deliveries = slices.Clone(s.deliveries[id])
		}
	}
	if t.Answer != nil {
		kept := s.answers[answerKey{t.Answer.Bucket, t.Answer.Key}].answer
		if kept.Sealed != nil && s.now.Sub(kept.At) < keepAnswers {
			held.Kept = &kept
		}
	}
	return held
}

func (s *scene) contact(key contactKey) *contactState {
	c := s.contacts[key]
	if c == nil {
		c = &contactState{}
		s.contacts[key] = c
	}
	return c
}

func (s *scene) adoptContact(key contactKey, c verify.Contact) {
	was := s.contact(key)
	same := was.contact.ProvenAt.Equal(c.ProvenAt) && was.contact.Sends.Equal(c.Sends) && was.contact.Wrong.Equal(c.Wrong)
	if !same {
		was.contact, was.dirty = c, true
	}
}

func (s *scene) adopt(v *verify.Verification) {
	st := s.verifications[v.ID]
	was := st.v
	if changed(was, v) {
		st.v, st.dirty = v, true
	}
	p := s.place(placeOf(v))
	mine := p.id == v.ID || p.id.IsZero() && !p.dirty && (was.Status != v.Status || !was.ExpiresAt.Equal(v.ExpiresAt))
	switch {
	case !mine:
	case !v.HoldsPlace(s.now):
		p.id, p.dirty = uid.ID{}, true
		if p.before.IsZero() { // it was not read, or nobody held it
			p.before = v.ID
		}
	case !p.ends.Equal(v.ExpiresAt):
		p.id, p.ends, p.dirty = v.ID, v.ExpiresAt, true
	}
}

func (s *scene) create(v *verify.Verification) {
	s.verifications[v.ID] = &verificationState{v: v, fresh: true}
	s.deliveries[v.ID] = nil
	if v.HoldsPlace(s.now) {
		p := s.place(placeOf(v))
		p.id, p.ends, p.dirty = v.ID, v.ExpiresAt, true
	}
}

func (s *scene) place(key openKey) *place {
	p := s.places[key]
	if p == nil {
		p = &place{}
		s.places[key] = p
	}
	return p
}

func (s *scene) count(meters []verify.Meter, decide func([]ratelimit.TAT) error) error {
	states := make([]ratelimit.TAT, len(meters))
	for i, m := range meters {
		states[i] = s.meters[m].state
	}
	if err := decide(states); err != nil {
		return err
	}
	for i, m := range meters {
		if was := s.meters[m]; was.state != states[i] {
			was.state, was.dirty = states[i], true
		}
	}
	return nil
}

func (s *scene) write(tenant uid.Tenant, rows []verify.Delivery, fresh bool) {
	for _, d := range rows {
		w := s.written[d.Verification]
		if w == nil {
			w = &written{tenant: tenant}
			s.written[d.Verification] = w
		}
		w.fresh = w.fresh || fresh
		w.rows = upsert(w.rows, d)
		if list, read := s.deliveries[d.Verification]; read {
			s.deliveries[d.Verification] = upsert(list, d)
		}
	}
}

// follow takes in what a change leaves behind.
func (s *scene) follow(e outbox.Effects) {
	audit.InOrder(e.Events)
	s.effects.Jobs = append(s.effects.Jobs, e.Jobs...)
	s.effects.Done = append(s.effects.Done, e.Done...)
	s.effects.Events = append(s.effects.Events, e.Events...)
}

func upsert(list []verify.Delivery, d verify.Delivery) []verify.Delivery {
	i := slices.IndexFunc(list, func(o verify.Delivery) bool { return o.N == d.N })
	if i < 0 {
		return append(list, d)
	}
	list[i] = d
	return list
}

// errVanished tells that a row which was there, so that it needed no making, was removed before it could be locked: by
// retention, by an erasure, or by a batch that kept no answer. Nothing was locked in its place.
var errVanished = errors.New("a row went away before it was locked")

// read fills the scene with what the requests name, from memory or from the database. Where others write too, it locks in
// one fixed order: answers, meters, recipients, each by key; only then are the verifications read, by a statement of their
// own, and what was remembered is read again where a recipient's row tells that somebody else has changed something.
func (s *scene) read(ctx context.Context, tx Batch, locks bool, m *memory, requests []*request) error {
	w := s.wants(requests)
	w.recall(s, m)
	if !locks {
		if err := tx.Run(ctx, w.answers(s), w.meters(s), w.byID(s), w.byPlace(s), w.deliveries(s)); err != nil {
			return err
		}
		for _, st := range s.verifications {
			w.contact(contactOf(st.v))
		}
		w.recallContacts(s, m)
		return tx.Run(ctx, w.contacts(s))
	}
	if err := tx.Run(ctx, w.identities()); err != nil {
		return err
	}
	if err := tx.Run(ctx, w.ensureAnswers(s), w.answers(s), w.ensureMeters(), w.meters(s), w.ensureContacts(s), w.contacts(s),
		w.byID(s), w.byPlace(s), w.deliveries(s)); err != nil {
		return err
	}
	if w.locked != len(w.answerKeys)+len(w.meterKeys)+len(w.contactKeys) {
		return errVanished
	}
	if w.doubt(s) {
		return tx.Run(ctx, w.byID(s), w.byPlace(s))
	}
	return nil
}
