package audit

import (
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// Event is one thing that happened. It is written in the transaction of the change that it tells of.
// It holds no personal data except Subject.
type Event struct {
	ID        uid.ID // time-ordered, those of one change by InOrder; its bucket is that of the object
	Tenant    uid.Tenant
	Type      string // "verification.started": noun.past_participle, snake_case
	Object    uid.ID // what it is about
	At        time.Time
	Actor     string // who: "key:key_...", "operator:...", "command", "system"
	RequestID string // the request that caused it, empty for the server's own acts
	Subject   Subject
	Data      []byte // a JSON object without personal data, or nil
}

// Subject is the person an event is about, in a form that can be erased. The leaf of the log covers Digest alone,
// so Sealed and Salt can be blanked and the log still verifies.
type Subject struct {
	Sealed []byte   // the recipient, sealed with the tenant's key; nil when the event names nobody or was erased
	Salt   [16]byte // beside it, against guessing the recipient from Digest
	Digest [32]byte // SHA-256(salt | sealed); zero when the event names nobody
}
