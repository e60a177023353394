package console

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Dispatches is what lists of messages ask of verify.Service, which says what it answers. Of other messages they ask Invitations.
type Dispatches interface {
	Dispatches(ctx context.Context, q verify.DispatchQuery, p uid.Page) (page []verify.Dispatch, more uid.ID, err error)
	DispatchesOf(ctx context.Context, c verify.Caller, ids []uid.ID) ([]verify.Dispatch, error)
	WrongCodes(ctx context.Context, c verify.Caller, ids []uid.ID) (n int, known bool, err error)
}

const (
	pathMessages = Prefix + "/messages"
	orderNewest  = "newest"
)

// What a message is.
const (
	whatCode     = "code"
	whatLink     = "link"
	whatReminder = "reminder"
	whatNotice   = "notice" // word of a change
)

// kinds are those of messages of invitations, by what the pages call them.
var kinds = map[string]string{whatLink: invite.NoticeInvitation, whatReminder: invite.NoticeReminder, whatNotice: invite.NoticeContactChanged}

// failing are the states of messages that somebody should look at.
var failing = []string{string(delivery.Failed), string(delivery.ExpiredAt), string(delivery.Unknown)}

var errKind = fault.New(fault.Invalid, "kind_invalid", "Choose one of the list.").On(QueryKind)

func (s *Site) messageRoutes() []route {
	return []route{{"GET " + pathMessages, AtMessages, operator.SeeVerifications, s.messages}}
}

// messages lists those that failed, or all of them. It shows no code: a message's text is not kept.
func (s *Site) messages(v *visit) (View, error) {
	view := &Messages{
		What: v.value(QueryKind), State: v.value(QueryState), Channel: v.value(QueryChannel), Provider: v.value(QueryProvider),
		From: v.value(QueryFrom), To: v.value(QueryTo),
	}
	if s.Providers != nil {
		view.Providers = s.Providers()
	}
	view.Filtered = view.What+view.State+view.Channel+view.Provider+view.From+view.To != ""
	view.Newest = v.value(QueryOrder) == orderNewest || view.State != "" && !slices.Contains(failing, view.State)
	since, until, problems := readDays(view.From, view.To)
	if kinds[view.What] == "" && view.What != "" && view.What != whatCode {
		problems = append(problems, problemOf(errKind))
	}
	if problems == nil {
		first, err := s.readMessages(v, view, since, until)
		if first {
			return nil, nil
		}
		if err != nil {
			if problems, err = wrong(err, nil); err != nil {
				return nil, err
			}
		}
	}
	view.Frame = v.frame(problems...)
	view.Live = liveOf(nounVerification, nounInvitation)
	return view, nil
}

// readMessages reads a page of the list. first says that the answer leads to the first page instead.
func (s *Site) readMessages(v *visit, view *Messages, since, until time.Time) (first bool, err error) {
	p, err := v.place(mostRows)
	if err != nil {
		return false, err
	}
	var codes, others stream
	if view.What == "" || view.What == whatCode {
		page, more, err := s.Dispatches.Dispatches(v.ctx(), verify.DispatchQuery{
			Caller: verify.Caller(v.caller()), Failed: !view.Newest, State: delivery.State(view.State), Channel: delivery.Channel(view.Channel),
			Provider: view.Provider, Since: since, Until: until,
		}, p)
		if err != nil {
			return false, err
		}
		codes = stream{codeRows(page), more}
	}
	if view.What != whatCode {
		page, more, err := s.Invitations.Dispatches(v.ctx(), invite.DispatchQuery{
			Caller: v.inviter(), Failed: !view.Newest, Kind: kinds[view.What], State: delivery.State(view.State),
			Channel: delivery.Channel(view.Channel), Provider: view.Provider, Since: since, Until: until,
		}, p)
		if err != nil {
			return false, err
		}
		others = stream{letterRows(page), more}
	}
	var more uid.ID
	view.Rows, more = codes.with(others, p)
	view.Pager, first = v.turned(v.r.URL.RequestURI(), p, more, false)
	return first, nil
}

// stream is a page of one of several lists that are shown as one: its rows, newest first, and where the page behind it begins.
type stream struct {
	rows []MessageRow
	more uid.ID
}

// with makes one page of a page of each list, both read for p. What one of them has not read yet bounds the page, so that nothing is
// passed over; rows of one key stay together.
func (a stream) with(b stream, p uid.Page) (rows []MessageRow, more uid.ID) {
	below := func(x, y uid.ID) bool { return bytes.Compare(x[:], y[:]) < 0 }
	known := func(id uid.ID) bool { // on this side of where either has read to
		for _, end := range []uid.ID{a.more, b.more} {
			if !end.IsZero() && below(id, end) != p.Up() {
				return false
			}
		}
		return true
	}
	more = a.more
	if more.IsZero() || !b.more.IsZero() && below(b.more, more) == p.Up() {
		more = b.more
	}
	for _, row := range slices.Concat(a.rows, b.rows) {
		if known(row.key) {
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(x, y MessageRow) int { return bytes.Compare(y.key[:], x.key[:]) })
	if p.Up() {
		slices.Reverse(rows)
	}
	for i := p.Limit; i < len(rows); i++ {
		if rows[i].key != rows[i-1].key {
			rows, more = rows[:i], p.Beyond(rows[i-1].key)
		}
	}
	if p.Up() {
		slices.Reverse(rows)
	}
	return rows, more
}

// codeRows are messages with codes.
func codeRows(page []verify.Dispatch) (rows []MessageRow) {
	for i := range page {
		d := &page[i]
		row := MessageRow{
			At: d.At, What: whatCode, Channel: string(d.Channel), To: d.To, Provider: d.Provider, State: stateOf(d.State), Error: d.Error,
			Took: took(d.Latency), key: d.Verification,
		}
		if d.Price != nil {
			row.Price = d.Price.Amount + " " + d.Price.Currency
		}
		if id, ok := invite.Asked(d.ExternalID); ok {
			row.URL = windowOf(id)
		}
		rows = append(rows, row)
	}
	return rows
}

// letterRows are the other messages of invitations.
func letterRows(page []invite.Dispatch) (rows []MessageRow) {
	for i := range page {
		d := &page[i]
		row := MessageRow{
			At: d.At, What: whatNotice, Channel: string(d.Channel), To: d.To, Provider: d.Provider, State: stateOf(d.State), Error: d.Error,
			URL: windowOf(d.Invitation), key: d.ID,
		}
		for what, kind := range kinds {
			if kind == d.Kind {
				row.What = what
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// stateOf is a state as its badge knows it. None is what was asked for and not tried yet.
func stateOf(s delivery.State) string { return string(cmp.Or(s, delivery.Sending)) }
