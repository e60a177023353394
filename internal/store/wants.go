package store

import (
	"slices"

	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// wants is what the requests of one batch name, each once and in the order of its key.
type wants struct {
	ids         []uid.ID
	withDetails []uid.ID // ids whose deliveries are read too
	places      []openKey
	contactKeys []contactKey
	answerKeys  []answerKey
	meterKeys   []verify.Meter
	recalled    []recollection
	now         int64
	locked      int // rows of answerKeys, meterKeys and contactKeys that were read
}

func (s *scene) wants(requests []*request) *wants {
	w := &wants{now: micros(s.now)}
	for _, r := range requests {
		w.meterKeys = append(w.meterKeys, r.meters...)
		if r.decide == nil {
			continue
		}
		if r.target.Answer != nil {
			w.answerKeys = append(w.answerKeys, answerKey{r.target.Answer.Bucket, r.target.Answer.Key})
		}
		if r.target.ID.IsZero() {
			w.places = append(w.places, targetPlace(&r.target))
			w.contact(targetPlace(&r.target).contactKey)
			continue
		}
		w.ids = append(w.ids, r.target.ID)
		if r.target.Deliveries {
			w.withDetails = append(w.withDetails, r.target.ID)
		}
	}
	w.ids, w.withDetails = once(w.ids, compareIDs), once(w.withDetails, compareIDs)
	w.places, w.meterKeys = once(w.places, comparePlaces), once(w.meterKeys, compareMeters)
	w.answerKeys = once(w.answerKeys, compareAnswers)
	return w
}

func (w *wants) contact(k contactKey) { w.contactKeys = append(w.contactKeys, k) }

// once sorts and drops what stands twice.
func once[T comparable](list []T, compare func(a, b T) int) []T {
	slices.SortFunc(list, compare)
	return slices.Compact(list)
}

func keyRows[T any](keys []T, row func(T) []any) [][]any {
	rows := make([][]any, len(keys))
	for i, k := range keys {
		rows[i] = row(k)
	}
	return rows
}

func idRow(id uid.ID) []any { return []any{int64(id.Bucket()), id[:]} }

func answerRow(k answerKey) []any { return []any{int64(k.bucket), k.key[:]} }

func meterRow(m verify.Meter) []any { return []any{int64(m.Bucket), m.Key[:]} }

func contactRow(k contactKey) []any { return []any{int64(k.bucket), k.tenant[:], k.blind[:]} }

func placeRow(k openKey) []any {
	return []any{int64(k.bucket), k.tenant[:], k.blind[:], k.service[:], string(k.purpose)}
}

// identities finds out whose recipients the ids name, before anything is locked. What it reads never changes.
func (w *wants) identities() Step {
	return Step{Stmt: selectIdentity, Rows: keyRows(w.ids, idRow), Scan: func(scan func(...any) error) error {
		var id, tenant, blind []byte
		if err := scan(&id, &tenant, &blind); err != nil {
			return err
		}
		k := contactKey{bucket: uid.ID(id).Bucket()}
		copy(k.tenant[:], tenant)
		copy(k.blind[:], blind)
		w.contact(k)
		return nil
	}}
}

func (w *wants) ensureAnswers(*scene) Step {
	return Step{Stmt: ensureAnswer, Rows: keyRows(w.answerKeys, func(k answerKey) []any {
		return append(answerRow(k), w.now)
	})}
}

func (w *wants) answers(s *scene) Step {
	for _, k := range w.answerKeys {
		s.answers[k] = &answerState{answer: verify.Answer{Bucket: k.bucket, Key: k.key}}
	}
	return Step{Stmt: selectAnswer, Rows: keyRows(w.answerKeys, answerRow), Scan: func(scan func(...any) error) error {
		var (
			bucket, at        int64
			key, body, answer []byte
		)
		if err := scan(&bucket, &key, &body, &answer, &at); err != nil {
			return err
		}
		w.locked++
		k := answerKey{bucket: uint16(bucket), key: [16]byte(key)}
		a := &s.answers[k].answer
		copy(a.Body[:], body)
		a.Sealed, a.At = answer, fromMicros(at)
		return nil
	}}
}

func (w *wants) ensureMeters() Step {
	return Step{Stmt: ensureMeter, Rows: keyRows(w.meterKeys, meterRow)}
}

func (w *wants) meters(s *scene) Step {
	for _, m := range w.meterKeys {
		s.meters[m] = &meterState{}
	}
	return Step{Stmt: selectMeter, Rows: keyRows(w.meterKeys, meterRow), Scan: func(scan func(...any) error) error {
		var (
			bucket, state int64
			key           []byte
		)
		if err := scan(&bucket, &key, &state); err != nil {
			return err
		}
		w.locked++
		s.meters[verify.Meter{Bucket: uint16(bucket), Key: [16]byte(key)}].state = ratelimit.TAT(state)
		return nil
	}}
}

func (w *wants) ensureContacts(*scene) Step {
	w.contactKeys = once(w.contactKeys, compareContacts)
	return Step{Stmt: ensureContact, Rows: keyRows(w.contactKeys, func(k contactKey) []any {
		return append(contactRow(k), w.now)
	})}
}

func (w *wants) contacts(s *scene) Step {
	w.contactKeys = once(w.contactKeys, compareContacts)
	return Step{Stmt: selectContact, Rows: keyRows(w.contactKeys, contactRow), Scan: func(scan func(...any) error) error {
		k, c, err := scanContact(scan)
		if err == nil {
			w.locked++
			s.contacts[k] = &c
		}
		return err
	}}
}

func (w *wants) byID(s *scene) Step {
	return Step{Stmt: selectVerification, Rows: keyRows(w.ids, idRow), Scan: func(scan func(...any) error) error {
		_, err := s.take(scan)
		return err
	}}
}

func (w *wants) byPlace(s *scene) Step {
	for _, k := range w.places {
		s.places[k] = &place{}
	}
	return Step{Stmt: selectOpen, Rows: keyRows(w.places, placeRow), Scan: func(scan func(...any) error) error {
		v, err := s.take(scan)
		if err == nil {
			s.places[placeOf(v)] = &place{id: v.ID, ends: v.ExpiresAt, before: v.ID}
		}
		return err
	}}
}

func (s *scene) take(scan func(...any) error) (*verify.Verification, error) {
	v, err := scanVerification(scan)
	if err == nil {
		s.verifications[v.ID] = &verificationState{v: v}
	}
	return v, err
}

func (w *wants) deliveries(s *scene) Step {
	for _, id := range w.withDetails {
		s.deliveries[id] = nil
	}
	return Step{Stmt: selectDeliveries, Rows: keyRows(w.withDetails, idRow), Scan: func(scan func(...any) error) error {
		d, err := scanDelivery(scan)
		if err == nil {
			s.deliveries[d.Verification] = append(s.deliveries[d.Verification], d)
		}
		return err
	}}
}
