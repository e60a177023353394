package store

import (
	"slices"
	"time"

	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// memorySize is how many verifications a lane remembers, twice: those that are open now, on all but the busiest server.
// One takes about a kilobyte.
const memorySize = 16384

// memory is what a lane's batches have left of what is open, so that a check need not read again what its start wrote. It
// is owned by the lane.
//
// It is believed only as long as nobody else can have written since. On an engine with one writer, a batch that finds
// that somebody else has written forgets everything. Where others write too, what is remembered of a recipient holds
// for one version of its row, which is read under the lock: whoever changes anything about a recipient changes that.
type memory struct {
	verifications recent[uid.ID, remembered[*verify.Verification]] // shared: a decision gets a copy
	places        recent[openKey, remembered[holder]]
	contacts      recent[contactKey, contactState] // of an engine with one writer
}

// holder is who holds a place, and until when.
type holder struct {
	id   uid.ID
	ends time.Time
}

// remembered is what was so when its recipient's row had this version.
type remembered[T any] struct {
	is      T
	version int64
}

func (m *memory) forget() { *m = memory{} }

// keep takes in what a committed batch has left: the open verifications, and who holds their places.
func (m *memory) keep(s *scene) {
	for k := range s.contacts {
		m.contacts.drop(k)
	}
	for k := range s.places {
		m.places.drop(k)
	}
	for id, st := range s.verifications {
		key, at := contactOf(st.v), placeOf(st.v)
		contact := s.contacts[key]
		if contact == nil || !st.v.HoldsPlace(s.now) {
			m.verifications.drop(id)
			continue
		}
		m.verifications.put(id, remembered[*verify.Verification]{st.v, contact.version})
		m.contacts.put(key, contactState{contact: contact.contact, version: contact.version})
		if p := s.places[at]; p != nil && p.id == id { // else it was not looked at
			m.places.put(at, remembered[holder]{holder{p.id, p.ends}, contact.version})
		}
	}
}

// recent is a map that keeps what was put last, size of it at least and twice that at most.
type recent[K comparable, V any] struct{ young, old map[K]V }

func (r *recent[K, V]) get(key K) (V, bool) {
	if v, ok := r.young[key]; ok {
		return v, true
	}
	v, ok := r.old[key]
	return v, ok
}

func (r *recent[K, V]) put(key K, value V) {
	if len(r.young) >= memorySize || r.young == nil {
		r.old, r.young = r.young, map[K]V{}
	}
	r.young[key] = value
}

func (r *recent[K, V]) drop(key K) {
	delete(r.young, key)
	delete(r.old, key)
}

// recollection is something that a batch took from memory.
type recollection struct {
	contact contactKey
	version int64
	id      uid.ID
	place   *openKey // nil: it was named by its id
}

// recall takes what is remembered into the scene, and out of what is to be read.
func (w *wants) recall(s *scene, m *memory) {
	w.ids = slices.DeleteFunc(w.ids, func(id uid.ID) bool {
		v, ok := m.verifications.get(id)
		if ok {
			w.contact(contactOf(v.is))
			w.took(s, v, nil)
		}
		return ok
	})
	w.places = slices.DeleteFunc(w.places, func(k openKey) bool {
		p, ok := m.places.get(k)
		v, known := m.verifications.get(p.is.id)
		if !ok || !known || v.version != p.version {
			return false
		}
		s.places[k] = &place{id: p.is.id, ends: p.is.ends, before: p.is.id}
		w.took(s, v, &k)
		return true
	})
}

func (w *wants) took(s *scene, v remembered[*verify.Verification], at *openKey) {
	s.verifications[v.is.ID] = &verificationState{v: v.is, recalled: true}
	w.recalled = append(w.recalled, recollection{contact: contactOf(v.is), version: v.version, id: v.is.ID, place: at})
}

// recallContacts does the same for recipients, on an engine with one writer.
func (w *wants) recallContacts(s *scene, m *memory) {
	w.contactKeys = slices.DeleteFunc(w.contactKeys, func(k contactKey) bool {
		c, ok := m.contacts.get(k)
		if ok {
			s.contacts[k] = &c
		}
		return ok
	})
}

// doubt takes out of the scene what was remembered of recipients whose rows, now locked, have another version, and reports
// whether there is any: it is to be read.
func (w *wants) doubt(s *scene) bool {
	w.ids, w.places = nil, nil
	for _, r := range w.recalled {
		if s.contacts[r.contact].version == r.version {
			continue
		}
		if st := s.verifications[r.id]; st != nil && st.recalled {
			delete(s.verifications, r.id)
		}
		if r.place != nil {
			w.places = append(w.places, *r.place)
		} else {
			w.ids = append(w.ids, r.id)
		}
	}
	return len(w.ids)+len(w.places) > 0
}
