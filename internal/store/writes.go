package store

import (
	"maps"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// writes is what the decisions of a batch have left to write: each table once, its rows in the order of the key.
func (s *scene) writes(node uid.ID, locks bool) ([]Step, error) {
	if locks {
		s.touch()
	}
	created, updated, err := s.verificationRows()
	if err != nil {
		return nil, err
	}
	kept, unused := s.answerRows()
	open, dropped := s.placeRows()
	fresh, deliveries, references := s.deliveryRows()
	steps := []Step{
		{Stmt: putAnswer, Rows: kept},
		{Stmt: putMeter, Rows: s.meterRows()},
		{Stmt: putContact, Rows: s.contactRows()},
		{Stmt: insertVerification, Rows: created},
		{Stmt: updateVerification, Rows: updated},
		{Stmt: dropOpen, Rows: dropped},
		{Stmt: putOpen, Rows: open},
		{Stmt: insertDelivery, Rows: fresh},
		{Stmt: putDelivery, Rows: deliveries},
		{Stmt: putReference, Rows: references},
		{Stmt: insertJob, Rows: jobRows(s.effects.Jobs, node)},
		{Stmt: deleteJob, Rows: doneRows(s.effects.Done)},
		{Stmt: insertEvent, Rows: keyRows(s.effects.Events, eventRow)},
		{Stmt: insertPending, Rows: pendingRows(s.effects.Events, s.now)},
	}
	if locks {
		steps = append(steps, Step{Stmt: dropAnswer, Rows: unused})
	}
	return slices.DeleteFunc(steps, func(st Step) bool { return len(st.Rows) == 0 }), nil
}

func (s *scene) verificationRows() (created, updated [][]any, err error) {
	for _, id := range slices.SortedFunc(maps.Keys(s.verifications), compareIDs) {
		st := s.verifications[id]
		switch {
		case st.fresh:
			row, err := verificationRow(st.v)
			if err != nil {
				return nil, nil, err
			}
			created = append(created, row)
		case st.dirty:
			updated = append(updated, changedRow(st.v))
		}
	}
	return created, updated, nil
}

func (s *scene) contactRows() (rows [][]any) {
	for _, k := range slices.SortedFunc(maps.Keys(s.contacts), compareContacts) {
		if c := s.contacts[k]; c.dirty {
			c.version = max(c.version+1, micros(s.now)) // never one that it had, even after the row was removed and made again
			rows = append(rows, append(contactRow(k), encodeWindow(c.contact.Sends), encodeWindow(c.contact.Wrong),
				micros(c.contact.ProvenAt), c.version))
		}
	}
	return rows
}

// touch sees to it that the recipient's row changes with whatever of the recipient's changes: by that, other servers that
// remember it learn of it.
func (s *scene) touch() {
	for _, st := range s.verifications {
		if st.fresh || st.dirty {
			s.contact(contactOf(st.v)).dirty = true
		}
	}
	for k, p := range s.places {
		if p.dirty {
			s.contact(k.contactKey).dirty = true
		}
	}
}

func (s *scene) placeRows() (put, drop [][]any) {
	for _, k := range slices.SortedFunc(maps.Keys(s.places), comparePlaces) {
		p := s.places[k]
		switch {
		case !p.dirty:
		case p.id.IsZero():
			drop = append(drop, append(placeRow(k), p.before[:]))
		default:
			put = append(put, append(placeRow(k), p.id[:], micros(p.ends)))
		}
	}
	return put, drop
}

func (s *scene) meterRows() (rows [][]any) {
	for _, m := range slices.SortedFunc(maps.Keys(s.meters), compareMeters) {
		if st := s.meters[m]; st.dirty {
			rows = append(rows, append(meterRow(m), int64(st.state)))
		}
	}
	return rows
}

func (s *scene) answerRows() (kept, unused [][]any) {
	for _, k := range slices.SortedFunc(maps.Keys(s.answers), compareAnswers) {
		switch st := s.answers[k]; {
		case st.dirty:
			kept = append(kept, append(answerRow(k), st.answer.Body[:], st.answer.Sealed, micros(st.answer.At)))
		case st.answer.Sealed == nil:
			unused = append(unused, answerRow(k))
		}
	}
	return kept, unused
}

func (s *scene) deliveryRows() (fresh, rows, references [][]any) {
	for _, id := range slices.SortedFunc(maps.Keys(s.written), compareIDs) {
		w := s.written[id]
		for _, d := range w.rows {
			if w.fresh {
				fresh = append(fresh, deliveryRow(w.tenant, d))
			} else {
				rows = append(rows, deliveryRow(w.tenant, d))
			}
			if d.Reference != "" && !d.Echoes {
				references = append(references, []any{int64(referenceBucket(d.Provider, d.Reference)), d.Provider, d.Reference,
					w.tenant[:], id[:], int64(d.N), micros(d.CreatedAt)})
			}
		}
	}
	return fresh, rows, references
}

func deliveryRow(tenant uid.Tenant, d verify.Delivery) []any {
	amount, currency := "", ""
	if d.Price != nil {
		amount, currency = d.Price.Amount, d.Price.Currency
	}
	return []any{
		int64(d.Verification.Bucket()), d.Verification[:], int64(d.N), tenant[:], int64(d.Send), d.Provider, string(d.Channel),
		string(d.State), d.Error, d.Reference, d.Echoes, d.Latency.Microseconds(), amount, currency, int64(d.Segments),
		micros(d.CreatedAt), micros(d.UpdatedAt),
	}
}

func jobRows(jobs []outbox.Job, node uid.ID) [][]any {
	return keyRows(jobs, func(j outbox.Job) []any {
		owner, claim := []byte(nil), micros(j.Due)
		if !j.LeaseUntil.IsZero() {
			owner, claim = node[:], micros(j.LeaseUntil)
		}
		return []any{int64(j.ID.Bucket()), j.ID[:], string(j.Kind), j.Tenant[:], j.Object[:], int64(j.N), j.Payload,
			micros(j.Due), int64(j.Attempt), owner, claim}
	})
}

func doneRows(done []outbox.Ref) [][]any {
	return keyRows(done, func(r outbox.Ref) []any { return idRow(r.ID) })
}

func eventRow(e audit.Event) []any {
	var salt, digest []byte
	if e.Subject.Digest != [32]byte{} {
		salt, digest = e.Subject.Salt[:], e.Subject.Digest[:]
	}
	return []any{int64(e.ID.Bucket()), e.ID[:], e.Tenant[:], e.Type, e.Object[:], micros(e.At), e.Actor, e.RequestID,
		e.Subject.Sealed, salt, digest, string(e.Data)}
}

// pendingRows is the one row that tells the sealer of a commit's events.
func pendingRows(events []audit.Event, now time.Time) [][]any {
	if len(events) == 0 {
		return nil
	}
	entries := make([]byte, 0, len(events)*entrySize)
	for i := range events {
		entries = appendEntry(entries, events[i].Entry())
	}
	batch := uid.New(now, events[0].ID.Bucket())
	return [][]any{append(idRow(batch), entries)}
}
