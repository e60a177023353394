package verify

import (
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// Messages are found as sends are: by a bounded walk over verifications. Failed ones are rare, and have a list of their own to walk.
const (
	parcelsRead    = 200  // verifications of one read, with their deliveries
	mostParcels    = 1000 // that a page of Dispatches looks at
	mostDispatches = 200  // of a page
)

// DispatchQuery selects messages of a tenant. A field that is zero selects all.
type DispatchQuery struct {
	Caller       Caller
	Failed       bool           // only those that failed, expired, or of which nobody knows; quick, however few they are among the others
	State        delivery.State // of the delivery
	Channel      delivery.Channel
	Provider     string
	Since, Until time.Time // when the verification was started: Since <= start < Until
}

// Dispatch is one try to hand a send of a verification to a provider, or a send of which no try is recorded yet.
type Dispatch struct {
	Verification uid.ID
	Service      uid.ID
	ExternalID   string // of the verification
	N, Send      int
	To           string // masked as for who gave it
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

// Parcel is what the list of messages reads of a verification.
type Parcel struct {
	ID         uid.ID
	Service    uid.ID
	ExternalID string
	Kind       recipient.Kind
	Recipient  []byte // sealed; nil once erased
	Country    string
	TestNumber bool
	Status     Status
	Checks     int        // codes that were entered
	Sends      []Send     // in order
	Deliveries []Delivery // in no order
}

// dispatches are those of a verification, the latest first, without To.
func (p *Parcel) dispatches() []Dispatch {
	list := make([]Dispatch, 0, len(p.Deliveries))
	for _, d := range p.Deliveries {
		list = append(list, Dispatch{
			N: d.N, Send: d.Send, Provider: d.Provider, Channel: d.Channel, State: d.State, Error: d.Error, Reference: d.Reference,
			Latency: d.Latency, Price: d.Price, Segments: d.Segments, At: d.CreatedAt, UpdatedAt: d.UpdatedAt,
		})
	}
	for _, s := range p.Sends {
		if !p.TestNumber && LatestOf(p.Deliveries, s.N) == nil {
			list = append(list, Dispatch{N: (s.N - 1) * numbersPerSend, Send: s.N, Channel: s.Channel, At: s.At, UpdatedAt: s.At})
		}
	}
	for i := range list {
		m := &list[i]
		m.Verification, m.Service, m.ExternalID, m.Country = p.ID, p.Service, p.ExternalID, p.Country
	}
	slices.SortFunc(list, func(a, b Dispatch) int { return b.N - a.N })
	return list
}

// of are the messages of a verification that q selects.
func (q *DispatchQuery) of(p *Parcel) []Dispatch {
	return slices.DeleteFunc(p.dispatches(), func(m Dispatch) bool {
		failed := m.State == delivery.Failed || m.State == delivery.ExpiredAt || m.State == delivery.Unknown
		return q.State != "" && m.State != q.State || q.Channel != "" && m.Channel != q.Channel ||
			q.Provider != "" && m.Provider != q.Provider || q.Failed && !failed
	})
}

// Dispatches reads a page of the messages that q selects: in the order of their verifications, newest first, and in one verification
// the latest first. A page has whole verifications, so it may have a few messages more than its limit, which is 1 to 200. more is where
// the next page begins in the direction of this one, zero at the end: a page looks at a thousand verifications at most, so it may be
// short or empty before that. Faults: Invalid, Unavailable.
func (s *Service) Dispatches(ctx context.Context, q DispatchQuery, p uid.Page) (page []Dispatch, more uid.ID, err error) {
	if p.Limit < 1 || p.Limit > mostDispatches {
		return nil, more, invalid("limit_invalid", "Give a limit of 1 to 200.", "limit")
	}
	var found [][]Dispatch // by verification, in the direction of the page
	for looked, size := 0, 0; looked < mostParcels; {
		span := q.span(p)
		parcels, next, err := s.store.Parcels(ctx, q.Caller.Tenant, span, q.Failed)
		if err != nil {
			return nil, more, err
		}
		for i := range parcels {
			list := q.of(&parcels[i])
			if len(list) > 0 && size >= p.Limit {
				return together(found, p), p.Beyond(found[len(found)-1][0].Verification), nil
			}
			if err := s.address(q.Caller.Tenant, &parcels[i], list); err != nil {
				return nil, more, err
			}
			if len(list) > 0 {
				found, size = append(found, list), size+len(list)
			}
		}
		if more = next; more.IsZero() {
			break
		}
		if looked += span.Limit; p.Up() {
			p.After = more
		} else {
			p.Before = more
		}
	}
	return together(found, p), more, nil
}

// together are messages as a page shows them: newest first.
func together(found [][]Dispatch, p uid.Page) []Dispatch {
	if p.Up() {
		slices.Reverse(found)
	}
	return slices.Concat(found...)
}

// DispatchesOf reads all messages of some verifications, in the order of Dispatches. What is not there any more is left out.
func (s *Service) DispatchesOf(ctx context.Context, c Caller, ids []uid.ID) (list []Dispatch, err error) {
	parcels, err := s.store.ParcelsOf(ctx, c.Tenant, ids)
	if err != nil {
		return nil, err
	}
	for i := range parcels {
		some := parcels[i].dispatches()
		if err := s.address(c.Tenant, &parcels[i], some); err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// WrongCodes is how many wrong codes were entered for some verifications. known is false when one of them is not there any more.
func (s *Service) WrongCodes(ctx context.Context, c Caller, ids []uid.ID) (n int, known bool, err error) {
	parcels, err := s.store.ParcelsOf(ctx, c.Tenant, ids)
	for i := range parcels {
		n += parcels[i].Checks
		if parcels[i].Status == Approved {
			n = max(0, n-1)
		}
	}
	return n, len(parcels) == len(ids), err
}

// address says to whom the messages of a verification went, as far as that may be shown.
func (s *Service) address(t uid.Tenant, p *Parcel, list []Dispatch) error {
	if p.Recipient == nil || len(list) == 0 {
		return nil // erased
	}
	to, err := s.recipientOf(&Verification{Tenant: t, ID: p.ID, Kind: p.Kind, Recipient: p.Recipient})
	for i := range list {
		list[i].To = recipient.MaskForOwner(p.Kind, to.Value)
	}
	return err
}

// span is where the verifications of a page of q lie.
func (q *DispatchQuery) span(p uid.Page) Span {
	f := Span{Limit: min(parcelsRead, p.Limit+1), OldestFirst: p.Up()}
	if q.State != "" || q.Provider != "" || q.Channel != "" {
		f.Limit = parcelsRead
	}
	if !q.Since.IsZero() {
		f.From = uid.Floor(q.Since)
	}
	if !q.Until.IsZero() {
		f.Below = later(uid.Floor(q.Until), uid.ID{15: 1}) // before 1970 there is none
	}
	f.From, f.Below = p.Within(f.From, f.Below)
	return f
}
