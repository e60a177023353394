package verify

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// Sends have no table and no index of their own: they are found by walking over the verifications, in the order of ids,
// and a walk is bounded.
const (
	outlinesRead = 1000    // verifications of one read
	mostListed   = 10_000  // that a page of Sends looks at
	mostCounted  = 200_000 // that CountSends looks at

	// A count keeps a core busy for most of a second. Starts and checks need the others.
	countsAtOnce  = 2               // under way in a process, of all tenants
	countPatience = 5 * time.Second // that one waits for its turn

	// longestLife bounds the time from the start of a verification to its last send: ten sends (tenant.Service.MaxSends), each
	// with a code of its own that lives for ten minutes at most.
	longestLife = 100 * time.Minute

	lastSend = 15 // no send has a greater number
)

// bounds are how many verifications one call looks at, and how long a count waits for others.
type bounds struct {
	listed, counted int
	patience        time.Duration
}

// SendQuery selects sends of a tenant. A field that is zero selects all.
type SendQuery struct {
	Caller       Caller
	To           string // the recipient, in normal form or as typed
	Prefix       string // what the number begins with, "+" and digits; numbers are unsealed for it
	Verification uid.ID
	Service      uid.ID
	Country      string // as two capitals
	Channel      delivery.Channel
	Converted    *bool // whether the approval of its verification counts for it, see View.Converted
	Since, Until time.Time
}

// SendRef names send N, from 1, of a verification.
type SendRef struct {
	Verification uid.ID
	N            int
}

// SendPage asks for a part of the sends that a query selects. They are in the order of their verifications, newest first, and
// in one verification the latest first: a place in it stays where it is while the list grows.
type SendPage struct {
	From  SendRef // it begins behind this one; zero: at the end that Back names
	Back  bool    // from older ones to newer ones
	Limit int     // 1..1000
}

// passes reports whether ref lies behind p.From, in the direction of p.
func (p SendPage) passes(ref SendRef) bool {
	if p.From.Verification.IsZero() {
		return true
	}
	order := strings.Compare(string(ref.Verification[:]), string(p.From.Verification[:]))
	if order == 0 {
		order = ref.N - p.From.N
	}
	return p.Back && order > 0 || !p.Back && order < 0
}

// behind is the place behind all sends of a verification.
func (p SendPage) behind(id uid.ID) SendRef {
	if p.Back {
		return SendRef{Verification: id, N: lastSend}
	}
	return SendRef{Verification: id, N: 1}
}

// SendCount is how many sends a query selects.
type SendCount struct {
	Total     int
	Converted int // see View.Converted
}

// converts reports whether an approval counts for send n: it counts for the latest.
func converts(s Status, sends []Send, n int) bool {
	return s == Approved && len(sends) > 0 && sends[len(sends)-1].N == n
}

// Converted reports whether the approval of v counts for its send n. It counts for the latest, and for no other.
func (v *View) Converted(n int) bool { return converts(v.Status, v.Sends, n) }

// Sends reads a page of the sends that q selects. more is the From of the page that follows, zero at the end: one page looks
// at ten thousand verifications at most, so it may be short or empty before the end. Faults: Invalid, Unavailable.
func (s *Service) Sends(ctx context.Context, q SendQuery, p SendPage) (page []SendRef, more SendRef, err error) {
	if p.Limit < 1 || p.Limit > outlinesRead {
		return nil, more, invalid("limit_invalid", "Give a limit of 1 to 1000.", "limit")
	}
	full := false
	last, whole, err := s.outlines(ctx, &q, p, s.bounds.listed, func(o *Outline) (enough bool, err error) {
		sends := slices.Clone(o.Sends)
		if !p.Back {
			slices.Reverse(sends)
		}
		for _, one := range sends {
			ref := SendRef{Verification: o.ID, N: one.N}
			if !p.passes(ref) || !q.selects(o, one) {
				continue
			}
			if full = len(page) == p.Limit; full {
				return true, nil
			}
			page = append(page, ref)
		}
		return false, nil
	})
	switch {
	case err != nil:
		return nil, more, err
	case full:
		more = page[len(page)-1]
	case !whole:
		more = p.behind(last)
	}
	return page, more, nil
}

// CountSends counts the sends that q selects. Faults: Invalid, also with the code range_too_wide when it would have to look at
// more than 200,000 verifications, which are those of the time that q names and of the 100 minutes before; Limited while others count; Unavailable.
func (s *Service) CountSends(ctx context.Context, q SendQuery) (c SendCount, err error) {
	if err := s.enterCount(ctx); err != nil {
		return c, err
	}
	defer func() { <-s.counting }()
	_, whole, err := s.outlines(ctx, &q, SendPage{}, s.bounds.counted, func(o *Outline) (enough bool, err error) {
		for _, one := range o.Sends {
			if !q.selects(o, one) {
				continue
			}
			c.Total++
			if converts(o.Status, o.Sends, one.N) {
				c.Converted++
			}
		}
		return false, nil
	})
	if err == nil && !whole {
		err = invalid("range_too_wide", "There are more than 200,000 verifications in this time. Ask for a shorter one.", "since")
	}
	if err != nil {
		return SendCount{}, err
	}
	return c, nil
}

// enterCount waits for a place among the counts that are under way.
func (s *Service) enterCount(ctx context.Context) error {
	patience := time.NewTimer(s.bounds.patience)
	defer patience.Stop()
	select {
	case s.counting <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
		return fault.New(fault.Limited, "counts_under_way", "Other counts are under way. Try again later.").After(s.bounds.patience)
	}
}

// selects reports whether q selects a send of o, as far as the verification as a whole has not ruled it out.
func (q *SendQuery) selects(o *Outline, one Send) bool {
	return (q.Channel == "" || one.Channel == q.Channel) &&
		(q.Since.IsZero() || !one.At.Before(q.Since)) && (q.Until.IsZero() || one.At.Before(q.Until)) &&
		(q.Converted == nil || *q.Converted == converts(o.Status, o.Sends, one.N))
}

// outlines shows look the verifications that q selects, in the order of p, until it has enough, they end (whole), or it has
// looked at most of them. last is the one that was looked at last, whether q selects it or not.
func (s *Service) outlines(
	ctx context.Context, q *SendQuery, p SendPage, most int, look func(*Outline) (enough bool, err error),
) (last uid.ID, whole bool, err error) {
	span, err := s.span(q, p)
	if err != nil {
		return last, false, err
	}
	for looked := 0; ; {
		rows, err := s.store.Outlines(ctx, q.Caller.Tenant, span)
		if err != nil {
			return last, false, err
		}
		for i := range rows {
			if looked == most {
				return last, false, nil
			}
			looked, last = looked+1, rows[i].ID
			switch fits, err := s.matches(q, &rows[i]); {
			case err != nil:
				return last, false, err
			case !fits:
				continue
			}
			if enough, err := look(&rows[i]); enough || err != nil {
				return last, false, err
			}
		}
		if len(rows) < span.Limit {
			return last, true, nil
		}
		span.goOn(last)
	}
}

// span is where the verifications of q lie, from p.From on.
func (s *Service) span(q *SendQuery, p SendPage) (Span, error) {
	f := Span{OldestFirst: p.Back, Numbers: q.Prefix != "", Limit: outlinesRead}
	if p.Limit > 0 {
		f.Limit = min(p.Limit+1, outlinesRead)
	}
	if !q.Since.IsZero() {
		f.From = uid.Floor(q.Since.Add(-longestLife - skew))
	}
	if !q.Until.IsZero() {
		f.Below = later(uid.Floor(q.Until.Add(skew+time.Millisecond)), uid.ID{15: 1}) // before 1970 there is none
	}
	if id := q.Verification; !id.IsZero() {
		f.From, f.Below = id, id.Next()
	}
	f.narrow(p)
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

// narrow has f begin at p.From, with its verification as long as there may be sends of it behind.
func (f *Span) narrow(p SendPage) {
	id := p.From.Verification
	switch {
	case id.IsZero():
	case p.Back:
		if p.From.N >= lastSend {
			id = id.Next()
		}
		f.From = later(f.From, id)
	default:
		if p.From.N > 1 {
			id = id.Next()
		}
		if f.Below.IsZero() || later(f.Below, id) == f.Below {
			f.Below = id
		}
	}
}

// goOn has f begin behind last, and read more at once.
func (f *Span) goOn(last uid.ID) {
	f.Limit = min(2*f.Limit, outlinesRead)
	if f.OldestFirst {
		f.From = last.Next()
	} else {
		f.Below = last
	}
}

// later is the greater of two ids.
func later(a, b uid.ID) uid.ID {
	if string(a[:]) < string(b[:]) {
		return b
	}
	return a
}

// matches reports whether q may select sends of o.
func (s *Service) matches(q *SendQuery, o *Outline) (bool, error) {
	if !q.Service.IsZero() && o.Service != q.Service || q.Country != "" && o.Country != q.Country {
		return false, nil
	}
	if q.Prefix == "" {
		return true, nil
	}
	if o.Kind != recipient.Phone || o.Recipient == nil { // no number, or it was erased
		return false, nil
	}
	to, err := s.recipientOf(&Verification{ID: o.ID, Tenant: q.Caller.Tenant, Kind: o.Kind, Recipient: o.Recipient})
	return err == nil && strings.HasPrefix(to.Value, q.Prefix), err
}
