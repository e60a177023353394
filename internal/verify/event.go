package verify

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/uid"
)

// The types of the events of this package. Each change leaves one, but for a change of two verifications (a new one that
// takes the place of another) and the use of a test number.
const (
	EventStarted    = "verification.started" // with its first send; names the recipient
	EventDenied     = "verification.denied"  // risk said deny or challenge; names the recipient
	EventResent     = "verification.resent"  // one more send was asked for
	EventSent       = "verification.sent"    // a provider took a send; with all tries of it
	EventDelivery   = "verification.delivery_recorded"
	EventReceipt    = "verification.receipt"
	EventApproved   = "verification.approved"
	EventCheck      = "verification.check_failed"
	EventExhausted  = "verification.exhausted"
	EventExpired    = "verification.expired"
	EventCanceled   = "verification.canceled"
	EventSuperseded = "verification.superseded"
	EventFailed     = "verification.failed"
	EventRevealed   = "verification.revealed" // a person read the recipient in full; names the recipient
	EventTestNumber = "verification.test_number_used"
	EventLimited    = "verification.limited" // a limit refused; at most one per key and minute
)

// By is who or what causes a change, for its event.
type By struct {
	Actor     string // "key:key_...", "system"
	RequestID string
}

// system is the server's own doing.
func system() By { return By{Actor: "system"} }

// by is the caller as the cause of a change.
func (c Caller) by() By { return By{Actor: c.Actor, RequestID: c.RequestID} }

// event tells that something happened to v.
func (v *Verification) event(kind string, by By, now time.Time, d data) audit.Event {
	return audit.Event{
		ID: uid.New(now, v.ID.Bucket()), Tenant: v.Tenant, Type: kind, Object: v.ID, At: now,
		Actor: by.Actor, RequestID: by.RequestID, Data: d.close(),
	}
}

// data builds the flat JSON object of an event by hand: it is made for every change, under the recipient's lock.
// The nil value is the empty object.
type data []byte

// newData has room for the usual event.
func newData() data { return make(data, 0, 96) }

func (d data) name(name string) data {
	if len(d) == 0 {
		d = append(d, '{')
	} else {
		d = append(d, ',')
	}
	d = append(d, '"')
	d = append(d, name...)
	return append(d, '"', ':')
}

// text adds a member. Names are fixed words of this package.
func (d data) text(name, value string) data {
	d = d.name(name)
	for i := range len(value) {
		if c := value[i]; c < ' ' || c == '"' || c == '\\' || c > '~' {
			quoted, _ := json.Marshal(value) // a string always can be
			return append(d, quoted...)
		}
	}
	d = append(d, '"')
	d = append(d, value...)
	return append(d, '"')
}

// number adds a member.
func (d data) number(name string, value int) data {
	return strconv.AppendInt(d.name(name), int64(value), 10)
}

// raw adds a member whose value is JSON already.
func (d data) raw(name string, value []byte) data { return append(d.name(name), value...) }

func (d data) close() []byte {
	if len(d) == 0 {
		return nil
	}
	return append(d, '}')
}
