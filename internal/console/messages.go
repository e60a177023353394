package console

import (
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Dispatches is what the list of messages asks of verify.Service, which says what it answers.
type Dispatches interface {
	Dispatches(ctx context.Context, q verify.DispatchQuery, p uid.Page) (page []verify.Dispatch, more uid.ID, err error)
	DispatchesOf(ctx context.Context, c verify.Caller, ids []uid.ID) ([]verify.Dispatch, error)
}

const (
	pathMessages = Prefix + "/messages"
	orderNewest  = "newest"
	aDay         = "2006-01-02"
)

var errDay = fault.New(fault.Invalid, "day_invalid", "Give a day as 2026-11-26.")

// failing are the states of messages that somebody should look at.
var failing = []string{string(delivery.Failed), string(delivery.ExpiredAt), string(delivery.Unknown)}

func (s *Site) messageRoutes() []route {
	return []route{{"GET " + pathMessages, AtMessages, operator.SeeVerifications, s.messages}}
}

// messages lists those that failed, or all of them. It shows no code: a message's text is not kept.
func (s *Site) messages(v *visit) (View, error) {
	view := &Messages{
		State: v.value(QueryState), Channel: v.value(QueryChannel), Provider: v.value(QueryProvider), From: v.value(QueryFrom), To: v.value(QueryTo),
	}
	if s.Providers != nil {
		view.Providers = s.Providers()
	}
	view.Filtered = view.State+view.Channel+view.Provider+view.From+view.To != ""
	view.Newest = v.value(QueryOrder) == orderNewest || view.State != "" && !slices.Contains(failing, view.State)
	q := verify.DispatchQuery{
		Caller: verify.Caller(v.caller()), Failed: !view.Newest, State: delivery.State(view.State), Channel: delivery.Channel(view.Channel), Provider: view.Provider,
	}
	problems := v.daysOf(view, &q)
	if problems == nil {
		first, err := s.readMessages(v, view, q)
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
	view.Live = Prefix + "/live?of=verification"
	return view, nil
}

// daysOf reads the days that the list is held to, in UTC, the last one to its end.
func (v *visit) daysOf(view *Messages, q *verify.DispatchQuery) (problems []Problem) {
	var err error
	if view.From != "" {
		if q.Since, err = time.Parse(aDay, view.From); err != nil {
			problems = append(problems, Problem{QueryFrom, errDay.Message})
		}
	}
	if view.To != "" {
		if q.Until, err = time.Parse(aDay, view.To); err != nil {
			problems = append(problems, Problem{QueryTo, errDay.Message})
		}
		q.Until = q.Until.AddDate(0, 0, 1)
	}
	return problems
}

// readMessages reads a page of the list. first says that the answer leads to the first page instead.
func (s *Site) readMessages(v *visit, view *Messages, q verify.DispatchQuery) (first bool, err error) {
	p, err := v.place(mostRows)
	if err != nil {
		return false, err
	}
	page, more, err := s.Dispatches.Dispatches(v.ctx(), q, p)
	if err != nil {
		return false, err
	}
	for i := range page {
		view.Rows = append(view.Rows, messageRow(&page[i]))
	}
	view.Pager, first = v.turned(v.r.URL.RequestURI(), p, more, false)
	return first, nil
}

func messageRow(d *verify.Dispatch) MessageRow {
	row := MessageRow{
		At: d.At, What: "code", Channel: string(d.Channel), To: d.To, Provider: d.Provider, State: stateOf(d.State), Error: d.Error, Took: took(d.Latency),
	}
	if d.Price != nil {
		row.Price = d.Price.Amount + " " + d.Price.Currency
	}
	return row
}
