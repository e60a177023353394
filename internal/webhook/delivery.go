package webhook

import (
	"encoding/binary"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// State is where a delivery stands.
type State string

// The states.
const (
	Pending   State = "pending"
	Delivered State = "delivered"
	Dead      State = "dead" // given up
)

// Delivery is one event on its way to one endpoint. Status, Error, Latency and Answer are those of the last try.
type Delivery struct {
	ID        uid.ID // its bucket is that of the event
	Tenant    uid.Tenant
	Endpoint  uid.ID
	Event     uid.ID
	Type      string // of the event
	State     State
	Tries     int
	Due       time.Time // of the next try; zero unless pending
	Status    int       // HTTP; 0 when none came
	Error     string    // a word of this package, empty when it was taken
	Latency   time.Duration
	Answer    string // the first kilobyte of the body
	Earlier   []Try  // the tries before the last, oldest first; nil in lists
	CreatedAt time.Time
	UpdatedAt time.Time
}

// waits are those before each try natively (SEC-92): the first is made at once, the tenth a day after the ninth.
var waits = [...]time.Duration{0, 5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour}

// jitter is the greatest part of a wait that is added to it, so that what failed together comes back apart.
const jitter = 0.2

// The words for tries that were not taken.
const (
	ErrorStatus      = "status"       // an answer other than one that says taken
	ErrorTimeout     = "timeout"      // none in time
	ErrorUnreachable = "unreachable"  // no connection, or it broke
	ErrorRefused     = "address"      // the address is not one that may be called (SEC-85)
	ErrorOff         = "endpoint_off" // not tried: the endpoint is off or gone
	ErrorNoEvent     = "event_gone"   // not tried: the event is past its retention
)

// Try is what came of one POST. What has a name in JSON is kept, as a field of Delivery or in Earlier.
type Try struct {
	At         time.Time     `json:"at"` // when it ended
	Status     int           `json:"status,omitempty"`
	Taken      bool          `json:"-"` // the receiver has it
	Gone       bool          `json:"-"` // the receiver wants no more
	Error      string        `json:"error,omitempty"`
	RetryAfter time.Duration `json:"-"`
	Latency    time.Duration `json:"latency_ns"`
	Answer     string        `json:"answer,omitempty"`
}

// slow reports whether the receiver can't keep up: it says so, or shows it (SEC-92).
func (t Try) slow() bool {
	switch t.Status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return t.RetryAfter > 0 || t.Error == ErrorTimeout
}

// maxAnswer is how much of an answer is kept.
const maxAnswer = 1024

// answerText is what is kept of a body: text that any database can hold.
func answerText(body []byte) string {
	body = body[:min(len(body), maxAnswer)]
	return strings.ReplaceAll(strings.ToValidUTF8(string(body), ""), "\x00", "")
}

// Tried is the end of a try: taken, to be tried again after the next of waits, or given up after the last one or when the
// receiver wants no more.
func (d *Delivery) Tried(t Try, waits []time.Duration) {
	d.Earlier = d.Log()
	d.Tries++
	d.Status, d.Error, d.Latency, d.Answer, d.UpdatedAt = t.Status, t.Error, t.Latency, t.Answer, t.At
	d.Due = time.Time{}
	switch {
	case t.Taken:
		d.State = Delivered
	case t.Gone || d.Tries >= len(waits):
		d.State = Dead
	default:
		d.Due = t.At.Add(max(d.jittered(waits[d.Tries]), t.RetryAfter)).Truncate(time.Microsecond)
	}
}

// giveUp ends a delivery that can't be tried.
func (d *Delivery) giveUp(word string, now time.Time) {
	d.Earlier = d.Log()
	d.State, d.Error, d.Due, d.UpdatedAt = Dead, word, time.Time{}, now
}

// last is the last try, as it is kept. There is none when the delivery was not tried, or was given up without a try since.
func (d *Delivery) last() (t Try, found bool) {
	if d.Tries == 0 || d.Error == ErrorOff || d.Error == ErrorNoEvent {
		return t, false
	}
	return Try{At: d.UpdatedAt, Status: d.Status, Error: d.Error, Latency: d.Latency, Answer: d.Answer}, true
}

// Log are the tries on record, oldest first. It is for one that was not read in a list.
func (d *Delivery) Log() []Try {
	all := slices.Clip(d.Earlier) // what is added must not show in copies of d
	if t, found := d.last(); found {
		all = append(all, t)
	}
	return all
}

// jittered is how long until the next try, which comes w after the last and a little. It follows from the delivery's own
// random bits.
func (d *Delivery) jittered(w time.Duration) time.Duration {
	h := fnv.New32a()
	_, _ = h.Write(d.ID[:]) // a hash never fails
	_, _ = h.Write(binary.BigEndian.AppendUint32(nil, uint32(d.Tries)))
	return w + time.Duration(jitter*float64(w)*float64(h.Sum32())/(1<<32))
}

// KindDeliver is the kind of the jobs that this package handles: one try of one delivery.
const KindDeliver outbox.Kind = "webhook"

// job is the job of the next try.
func (d *Delivery) job(now time.Time) outbox.Job {
	return outbox.Job{ID: uid.New(now, d.ID.Bucket()), Kind: KindDeliver, Tenant: d.Tenant, Object: d.ID, N: d.Tries + 1, Due: d.Due}
}

// newDelivery is one that is due at now.
func newDelivery(t uid.Tenant, endpoint, event uid.ID, name string, now time.Time) Delivery {
	return Delivery{
		ID: uid.New(now, event.Bucket()), Tenant: t, Endpoint: endpoint, Event: event, Type: name, State: Pending,
		Due: now, CreatedAt: now, UpdatedAt: now,
	}
}
