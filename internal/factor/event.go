package factor

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/uid"
)

// The types of the events of this package. Each names its entity by a keyed hash, and holds no personal data.
const (
	EventAbandoned         = "service.abandoned" // all its entities are to go; it names none
	EventEntityCreated     = "entity.created"
	EventEntityDeleted     = "entity.deleted"
	EventCreated           = "factor.created"
	EventUpdated           = "factor.updated"
	EventVerified          = "factor.verified"
	EventCheckFailed       = "factor.check_failed" // a wrong code in an enrolment
	EventDisabled          = "factor.disabled"     // its last wrong code in a row
	EventDeleted           = "factor.deleted"
	EventChallengeCreated  = "challenge.created"
	EventChallengeApproved = "challenge.approved"
	EventChallengeFailed   = "challenge.check_failed"
)

// data is what an event says beside what and when.
type data struct {
	Service  string `json:"service"`
	Identity string `json:"identity"` // keyed hash
	Factor   string `json:"factor,omitempty"`
	Type     Type   `json:"factor_type,omitempty"`
	Wrong    int    `json:"wrong,omitempty"` // wrong codes in a row of the factor
	Drift    int    `json:"drift,omitempty"` // steps that the authenticator is ahead, as just learned or known
}

// holder is whose things a request is about.
type holder struct {
	by       Caller
	service  uid.ID
	identity Identity
	bucket   uint16
	pseudo   string // the identity in events
}

// holder reads whose things a request is about, without asking whether there are any.
func (s *Service) holder(o Owner) (holder, error) {
	if !o.Identity.Valid() {
		return holder{}, errIdentity()
	}
	sum := s.ring.Hash("factor identity", o.Caller.Tenant, o.Service[:], []byte(o.Identity))
	return holder{
		by: o.Caller, service: o.Service, identity: o.Identity,
		bucket: binary.BigEndian.Uint16(sum[16:]) % uid.Buckets, pseudo: hex.EncodeToString(sum[:16]),
	}, nil
}

// holds reports whether a thing of the tenant is one of h's.
func (h holder) holds(service uid.ID, i Identity) bool {
	return service == h.service && i == h.identity
}

// event tells that something happened to object.
func (h holder) event(kind string, object uid.ID, now time.Time, d data) audit.Event {
	d.Service, d.Identity = h.service.Text(uid.Service), h.pseudo
	text, _ := json.Marshal(d) // strings and numbers always encode
	return audit.Event{
		ID: uid.New(now, object.Bucket()), Tenant: h.by.Tenant, Type: kind, Object: object, At: now,
		Actor: h.by.Actor, RequestID: h.by.RequestID, Data: text,
	}
}

// told is what events of a factor say of it.
func (f *Factor) told() data {
	return data{Factor: f.ID.Text(uid.Factor), Type: f.Type, Wrong: f.Wrong, Drift: f.Drift}
}
