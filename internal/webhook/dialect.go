package webhook

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
)

// Dialect is a form in which endpoints get events: by what words they ask for them, what is posted and how it is signed, and
// what counts as taken. There is one log, one fan-out, one queue and one list of deliveries for all of them. Native gives the
// form of docs/events.md; the others belong to edges, which hand them in with Deps. Its functions do no I/O, but for Load.
type Dialect struct {
	Name string // Endpoint.Dialect; "" is the native one

	// Knows reports whether an endpoint may ask for events by a word.
	Knows func(word string) bool
	// Wants reports whether an event of a type is for an endpoint that asks by these words.
	Wants func(words []string, kind string) bool
	// Picks reports whether one such event is for it, by the event's own data; nil: each is.
	Picks func(kind string, data []byte) bool
	// Alone says that an endpoint asks by one word, and that a tenant has no other endpoint of the dialect with it.
	Alone bool

	// Load reads what Body and Target need beside the event, for News.Own; nil: nothing. NotFound leaves Own nil, any other fault
	// puts the delivery off. Masked, it reads no contact in full: what is made of it is shown to the tenant, and not sent.
	Load func(ctx context.Context, e audit.Event, masked bool) (any, error)
	// Target is the URL that a message goes to instead of the endpoint's, one that CheckURL lets through; nil or "": the endpoint's.
	Target func(n News) string
	// Body is what is posted.
	Body func(n News) ([]byte, error)
	// Sign sets the headers that prove where a message comes from. It fails for a secret that can't sign.
	Sign func(h http.Header, m Message) error
	// Signature names the one of these headers that takes a secret to make. It is shown to nobody.
	Signature string
	// Secret says what is wrong with a secret that a tenant brings, without repeating it; nil: the server makes them.
	Secret func(text string) error

	Taken   func(status int) bool // whether an answer of that status says that the receiver has it
	Gone    int                   // the status that switches the endpoint off; 0: none does
	Waits   []time.Duration       // before each try, the first is zero; after the last the delivery is dead
	Timeout time.Duration         // for an answer, at most Timeout of this package
}

// News is what there is to tell of an event. The records are as they are at the moment, nil when there is none.
type News struct {
	Event  audit.Event
	Record *Record       // of the verification that the event is about
	Factor *FactorRecord // of the factor or challenge that it is about
	Words  []string      // by which the endpoint asks
	Own    any           // what Load of the dialect gave; nil: nothing

	Invitation *InvitationRecord // that it is about
}

// Message is a body on its way, for its signature.
type Message struct {
	ID       string    // the same over tries, replays and endpoints
	Delivery uid.ID    // the same over tries
	Type     string    // of the event
	Words    []string  // by which the endpoint asks
	At       time.Time // of this try
	Body     []byte
	Secrets  []string // the newest first; the one before is there for a day after a rotation
}

// Native is the dialect of docs/events.md: Standard Webhooks, with the schedule of SEC-92.
func Native() Dialect {
	return Dialect{
		Knows: isFilter, Wants: wants, Body: render,
		Sign: func(h http.Header, m Message) error {
			keys, err := signing.New(m.Secrets...)
			if err == nil {
				keys.Sign(h, m.ID, m.At, m.Body)
			}
			return err
		},
		Signature: signing.HeaderSignature,
		Taken:     func(status int) bool { return status >= 200 && status < 300 },
		Gone:      http.StatusGone, Waits: waits[:], Timeout: Timeout,
	}
}

// dialects finds those of an installation by their names.
func dialects(more []Dialect) (map[string]Dialect, error) {
	all := map[string]Dialect{}
	for _, d := range append([]Dialect{Native()}, more...) {
		if _, twice := all[d.Name]; twice {
			return nil, fmt.Errorf("there are two dialects %q", d.Name)
		}
		if d.Knows == nil || d.Wants == nil || d.Body == nil || d.Sign == nil || d.Signature == "" || d.Taken == nil || len(d.Waits) == 0 ||
			d.Timeout <= 0 || d.Timeout > Timeout {
			return nil, fmt.Errorf("the dialect %q lacks something", d.Name)
		}
		all[d.Name] = d
	}
	return all, nil
}

var errDialect = errors.New("the endpoint's dialect is not one of this server")

// schedule is the waits before the tries of a delivery to e.
func (d *Dialect) schedule(e *Endpoint) []time.Duration {
	if e.Once {
		return d.Waits[:1]
	}
	return d.Waits
}

// topic is what an endpoint has to itself among those of its dialect and tenant, "" for nothing.
func (d *Dialect) topic(words []string) string {
	if d.Alone && len(words) == 1 {
		return words[0]
	}
	return ""
}
