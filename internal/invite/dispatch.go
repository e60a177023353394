package invite

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// Dispatch is one message of an invitation that holds its link or tells of a change, as lists show it. Invitation, N and Channel name it, as
// they name its Notice. Codes are messages of package verify.
type Dispatch struct {
	ID         uid.ID // its place in lists
	Invitation uid.ID
	N          int
	Kind       string // of the Notice
	Channel    delivery.Channel
	To         string   // masked; empty once erased
	Index      [16]byte // blind index of the recipient; zero once erased
	Provider   string   // empty: none has it, or it is unknown who does
	State      delivery.State
	Error      string
	At         time.Time // when it was asked for
	UpdatedAt  time.Time
}

// Failed reports whether m is one that somebody should look at.
func (m *Dispatch) Failed() bool {
	return m.State == delivery.Failed || m.State == delivery.ExpiredAt || m.State == delivery.Unknown
}

// post has the change of v write a message: a new one, or what became of the one with its name. Without a state it is taken back.
func (v *Invitation) post(m Dispatch, now time.Time) {
	m.ID, m.Invitation, m.At, m.UpdatedAt = uid.New(now, v.ID.Bucket()), v.ID, now, now
	v.Posted = append(v.Posted, m)
}

// linkDispatch is the message with link n by a channel, to the contact of now.
func (v *Invitation) linkDispatch(n int, c Carried) Dispatch {
	m := Dispatch{N: n, Kind: NoticeInvitation, Channel: c.Channel, Provider: c.Provider, State: c.State, Error: c.Error}
	if m.To, m.Index = v.Masked.Mobile, v.PhoneIndex; c.Channel == delivery.Email {
		m.To, m.Index = v.Masked.Email, v.EmailIndex
	}
	return m
}

// message is that of a notice, in a state.
func (s *Service) message(n *Notice, state delivery.State) Dispatch {
	return Dispatch{
		N: n.N, Kind: n.Kind, Channel: n.Channel, To: recipient.MaskForOwner(n.To.Kind, n.To.Value), Index: s.ring.BlindIndex(n.Tenant, n.To.Value),
		State: state,
	}
}

// handed is the message of a notice after what came of handing it over.
func (s *Service) handed(n *Notice, result *delivery.Result, err error) Dispatch {
	m, c := s.message(n, ""), carriedBy(n.Channel, result.Tries)
	switch m.Provider = c.Provider; {
	case result.Accepted:
		m.State, m.Error = c.State, c.Error
	case err != nil:
		m.State, m.Error = delivery.Failed, s.unasked(n, err)
	default:
		m.State, m.Error = delivery.Failed, refusal(result)
	}
	return m
}

// DispatchQuery selects messages of a tenant's invitations. A field that is zero selects all.
type DispatchQuery struct {
	Caller       Caller
	Failed       bool   // only those that failed, expired, or of which nobody knows; quick, however few they are among the others
	Kind         string // of the Notice
	State        delivery.State
	Channel      delivery.Channel
	Provider     string
	Since, Until time.Time // when the message was asked for: Since <= t < Until
}

// selects reports whether q selects m, as far as its span has not ruled it out.
func (q *DispatchQuery) selects(m *Dispatch) bool {
	return m.Kind == cmp.Or(q.Kind, m.Kind) && m.State == cmp.Or(q.State, m.State) && m.Channel == cmp.Or(q.Channel, m.Channel) &&
		m.Provider == cmp.Or(q.Provider, m.Provider)
}

// mostLooked is how many messages a page of Dispatches looks at where it can't be told beforehand which fit.
const mostLooked = 1000

// Dispatches reads a page of the messages that q selects, newest first. Its limit is 1..250, 0: 50. more is where the next page begins in
// the direction of this one, zero at the end: a page looks at a bounded number of messages, so it may be short or empty before that.
func (s *Service) Dispatches(ctx context.Context, q DispatchQuery, p uid.Page) (page []Dispatch, more uid.ID, err error) {
	if err := sized(&p); err != nil {
		return nil, more, err
	}
	f := DispatchSpan{Failed: q.Failed, OldestFirst: p.Up(), Limit: p.Limit + 1}
	if q.Kind != "" || q.State != "" || q.Channel != "" || q.Provider != "" {
		f.Limit = mostLooked
	}
	if !q.Since.IsZero() {
		f.From = uid.Floor(q.Since)
	}
	if !q.Until.IsZero() {
		f.Below = uid.Floor(q.Until)
	}
	f.From, f.Below = p.Within(f.From, f.Below)
	rows, err := s.store.Dispatches(ctx, q.Caller.Tenant, f)
	if err != nil {
		return nil, more, err
	}
	whole, end := len(rows) < f.Limit, uid.ID{}
	if !whole {
		end = p.Beyond(rows[len(rows)-1].ID)
	}
	rows = slices.DeleteFunc(rows, func(m Dispatch) bool { return !q.selects(&m) })
	if page, more = uid.Cut(rows, p, func(m *Dispatch) uid.ID { return m.ID }); more.IsZero() {
		more = end
	}
	return page, more, nil
}

// DispatchesOf reads all messages of one invitation, newest first.
func (s *Service) DispatchesOf(ctx context.Context, t Target) ([]Dispatch, error) {
	return s.store.DispatchesOf(ctx, t.Caller.Tenant, t.ID)
}
