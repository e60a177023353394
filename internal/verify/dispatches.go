package verify

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// Messages are found as sends are: by a bounded walk over verifications. Failed ones are rare, and have a list of their own to walk.
const (
	parcelsRead    = 200  // verifications of one read, with their deliveries
	mostParcels    = 2000 // that a page of Dispatches looks at
	mostDispatches = 200  // of a page
)

// DispatchQuery selects messages of a tenant. A field that is zero selects all.
type DispatchQuery struct {
	Caller       Caller
	Failed       bool           // only those that failed, expired, or of which nobody knows; quick, however few they are among the others
	State        delivery.State // of the delivery
	Channel      delivery.Channel
	Provider     string
	To           string    // the recipient, in normal form or as typed
	Since, Until time.Time // when the verification was started: Since <= start < Until
}

// DispatchRef names a message: delivery N of a verification, or the send that no delivery is recorded of.
type DispatchRef struct {
	Verification uid.ID
	N            int
}

// DispatchPage asks for a part of the messages that a query selects: in the order of their verifications, newest first, and in one
// verification the latest first.
type DispatchPage struct {
	From  DispatchRef // it begins behind this one; zero: with the newest
	Limit int         // 1..200
}

// Dispatch is one try to hand a send of a verification to a provider, or a send of which no try is recorded yet.
type Dispatch struct {
	Verification uid.ID
	Service      uid.ID
	N, Send      int
	To           string // masked
	Country      string
	Provider     string // empty while no try is recorded, or when it is not known
	Channel      delivery.Channel
	State        delivery.State // empty: no try is recorded
	Error        string
	Reference    string // the provider's own
	Latency      time.Duration
	Price        *delivery.Price // nil: not known
	Segments     int
	At           time.Time // of the try, or when the send was asked for
	UpdatedAt    time.Time
}

// Ref is the place of m in the list.
func (m *Dispatch) Ref() DispatchRef { return DispatchRef{m.Verification, m.N} }

// Parcel is what the list of messages reads of a verification.
type Parcel struct {
	ID         uid.ID
	Service    uid.ID
	Masked     string
	Country    string
	TestNumber bool
	Sends      []Send     // in order
	Deliveries []Delivery // in no order
}

// dispatches are those of a verification, the latest first.
func (p *Parcel) dispatches() []Dispatch {
	list := make([]Dispatch, 0, len(p.Deliveries))
	for _, d := range p.Deliveries {
		list = append(list, Dispatch{
			Verification: p.ID, Service: p.Service, N: d.N, Send: d.Send, To: p.Masked, Country: p.Country, Provider: d.Provider,
			Channel: d.Channel, State: d.State, Error: d.Error, Reference: d.Reference, Latency: d.Latency, Price: d.Price,
			Segments: d.Segments, At: d.CreatedAt, UpdatedAt: d.UpdatedAt,
		})
	}
	for _, s := range p.Sends {
		if !p.TestNumber && LatestOf(p.Deliveries, s.N) == nil {
			list = append(list, Dispatch{
				Verification: p.ID, Service: p.Service, N: (s.N - 1) * numbersPerSend, Send: s.N, To: p.Masked, Country: p.Country,
				Channel: s.Channel, At: s.At, UpdatedAt: s.At,
			})
		}
	}
	slices.SortFunc(list, func(a, b Dispatch) int { return b.N - a.N })
	return list
}

// selects reports whether q selects m, as far as its verification has not ruled it out.
func (q *DispatchQuery) selects(m *Dispatch) bool {
	failed := m.State == delivery.Failed || m.State == delivery.ExpiredAt || m.State == delivery.Unknown
	return (q.State == "" || m.State == q.State) && (q.Channel == "" || m.Channel == q.Channel) &&
		(q.Provider == "" || m.Provider == q.Provider) && (!q.Failed || failed)
}

// passes reports whether m lies behind p.From.
func (p DispatchPage) passes(m *Dispatch) bool {
	order := strings.Compare(string(m.Verification[:]), string(p.From.Verification[:]))
	return p.From.Verification.IsZero() || order < 0 || order == 0 && m.N < p.From.N
}

// Dispatches reads a page of the messages that q selects. more is the From of the page that follows, zero at the end: a page looks at
// two thousand verifications at most, so it may be short or empty before the end. Faults: Invalid, Unavailable.
func (s *Service) Dispatches(ctx context.Context, q DispatchQuery, p DispatchPage) (page []Dispatch, more DispatchRef, err error) {
	if p.Limit < 1 || p.Limit > mostDispatches {
		return nil, more, invalid("limit_invalid", "Give a limit of 1 to 200.", "limit")
	}
	span, err := s.parcelSpan(&q, p)
	if err != nil {
		return nil, more, err
	}
	for looked := 0; ; looked += span.Limit {
		parcels, next, err := s.store.Parcels(ctx, q.Caller.Tenant, span, q.Failed)
		if err != nil {
			return nil, more, err
		}
		for i := range parcels {
			for _, m := range parcels[i].dispatches() {
				if !p.passes(&m) || !q.selects(&m) {
					continue
				}
				if len(page) == p.Limit {
					return page, page[p.Limit-1].Ref(), nil
				}
				page = append(page, m)
			}
		}
		if next.IsZero() {
			return page, more, nil
		}
		if span.Below = next; looked+span.Limit >= mostParcels || q.To != "" { // what looks for a recipient has looked far
			return page, DispatchRef{Verification: next}, nil
		}
	}
}

// parcelSpan is where the verifications of q lie, from p.From on.
func (s *Service) parcelSpan(q *DispatchQuery, p DispatchPage) (Span, error) {
	f := Span{Limit: min(parcelsRead, p.Limit+1)}
	if q.State != "" || q.Provider != "" || q.Channel != "" {
		f.Limit = parcelsRead
	}
	if !q.Since.IsZero() {
		f.From = uid.Floor(q.Since)
	}
	if !q.Until.IsZero() {
		f.Below = later(uid.Floor(q.Until), uid.ID{15: 1}) // before 1970 there is none
	}
	if id := p.From.Verification; !id.IsZero() {
		if p.From.N > 0 {
			id = id.Next() // there may be more of it
		}
		if f.Below.IsZero() || later(f.Below, id) == f.Below {
			f.Below = id
		}
	}
	if q.To == "" {
		return f, nil
	}
	to, err := recipient.Parse(q.To, s.rules)
	if err != nil {
		return f, onField(err, "to")
	}
	blind := s.ring.BlindIndex(q.Caller.Tenant, to.Value)
	f.BlindIndex, f.Bucket = &blind, s.ring.Bucket(q.Caller.Tenant, to.Value)
	return f, nil
}
