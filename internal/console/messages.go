package console

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Dispatches is what the list of messages asks of verify.Service, which says what it answers.
type Dispatches interface {
	Dispatches(ctx context.Context, q verify.DispatchQuery, p verify.DispatchPage) (page []verify.Dispatch, more verify.DispatchRef, err error)
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
		if err := s.readMessages(v, view, q); err != nil {
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

// readMessages reads a page of the list. The list is read one way only, so that "newer" leads to its beginning.
func (s *Site) readMessages(v *visit, view *Messages, q verify.DispatchQuery) error {
	from, err := messageRef(v.value(queryBefore))
	if err != nil {
		return err
	}
	page, more, err := s.Dispatches.Dispatches(v.ctx(), q, verify.DispatchPage{From: from, Limit: mostRows})
	if err != nil {
		return err
	}
	for i := range page {
		view.Rows = append(view.Rows, messageRow(&page[i]))
	}
	here := with(v.r.URL.RequestURI(), queryBefore, "")
	if !from.Verification.IsZero() {
		view.Pager.NewerURL = here
	}
	if !more.Verification.IsZero() {
		view.Pager.OlderURL = with(here, queryBefore, more.Verification.Text(uid.Verification)+"."+strconv.Itoa(more.N))
	}
	return nil
}

// messageRef reads the cursor of the list.
func messageRef(text string) (ref verify.DispatchRef, err error) {
	if text == "" {
		return ref, nil
	}
	id, n, _ := strings.Cut(text, ".")
	if ref.Verification, err = uid.Parse(uid.Verification, id); err != nil {
		return ref, errNothing
	}
	if ref.N, err = strconv.Atoi(n); err != nil || ref.N < 0 {
		return ref, errNothing
	}
	return ref, nil
}

func messageRow(d *verify.Dispatch) MessageRow {
	row := MessageRow{
		At: d.At, What: "code", Channel: string(d.Channel), To: d.To, Provider: d.Provider, State: string(d.State), Error: d.Error, Took: took(d.Latency),
	}
	if row.State == "" { // asked for, and no try is recorded
		row.State = string(delivery.Sending)
	}
	if d.Price != nil {
		row.Price = d.Price.Amount + " " + d.Price.Currency
	}
	return row
}
