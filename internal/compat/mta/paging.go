package mta

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

// The store gives verifications newest first from any point, and counts nothing. A numbered page is found by walking there
// from the newest: maxReads pages of readSize rows at most, that is ten thousand verifications.
const (
	readSize = 200
	maxReads = 50
)

// The sizes of pages (MTA-38).
const (
	defaultSize = 25
	maxSize     = 250
)

// dateForm is how days are written in filters. They are days of UTC.
const dateForm = "2006-01-02"

var (
	errPage = fault.New(fault.Invalid, "page_invalid", "Give a page from 1, and a pageSize of 1 to 250.").On("page")
	errSort = fault.New(fault.Invalid, "sort_invalid", "Sort by createdAt, ASC or DESC.").On("sortBy")
	errDate = fault.New(fault.Invalid, "date_invalid", "Give dates as YYYY-MM-DD.").On("filters")
	errDeep = fault.New(fault.Invalid, "page_too_deep",
		"This page lies beyond the ten thousand newest verifications. Narrow the list by filters[startDate] and filters[endDate].").On("page")
)

// query is what a list was asked for.
type query struct {
	page, size int
	ascending  bool
	status     string    // filters[status], in capitals or not as it came
	kind       string    // filters[type]
	since      time.Time // zero: from the beginning
	until      time.Time // the first moment that is too late; zero: none
	text       string    // query: a number, or else an externalId
}

// parseQuery reads the query parameters of a list.
func parseQuery(v url.Values) (q query, err error) {
	q = query{page: 1, size: defaultSize, status: v.Get("filters[status]"), kind: v.Get("filters[type]"), text: v.Get("query")}
	for name, into := range map[string]*int{"page": &q.page, "pageSize": &q.size} {
		if text := v.Get(name); text != "" {
			if *into, err = strconv.Atoi(text); err != nil {
				return q, errPage
			}
		}
	}
	if q.page < 1 || q.page > maxReads*readSize || q.size < 1 || q.size > maxSize {
		return q, errPage
	}
	direction := v.Get("sortDirection")
	q.ascending = strings.EqualFold(direction, "ASC")
	if direction != "" && !q.ascending && !strings.EqualFold(direction, "DESC") {
		return q, errSort
	}
	if by := v.Get("sortBy"); by != "" && by != "createdAt" && by != "date" {
		return q, errSort
	}
	if q.since, err = day(v.Get("filters[startDate]")); err != nil {
		return q, err
	}
	if q.until, err = day(v.Get("filters[endDate]")); err == nil && !q.until.IsZero() {
		q.until = q.until.AddDate(0, 0, 1) // the last day is in it
	}
	return q, err
}

func day(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(dateForm, text)
	if err != nil {
		return t, errDate
	}
	return t, nil
}

// request is the first read of a walk for q.
func (q query) request(by verify.Caller, rules recipient.Rules) verify.ListRequest {
	req := verify.ListRequest{Caller: by, Limit: readSize}
	if !q.until.IsZero() {
		req.Before = uid.Floor(q.until)
	}
	if text := web.QueryNumber(q.text); text != "" {
		if to, err := recipient.Parse(text, rules); err == nil {
			req.To = to.Value
		} else {
			req.ExternalID = text
		}
	}
	return req
}

// pager picks the rows of one page out of all rows, which come newest first.
type pager[T any] struct {
	query
	rows    []T
	matched int
}

// add takes the next row.
func (p *pager[T]) add(row T) {
	first := (p.page - 1) * p.size
	if p.ascending || first <= p.matched && len(p.rows) < p.size { // the other way round, the page is known at the end alone
		p.rows = append(p.rows, row)
	}
	p.matched++
}

// full reports whether nothing that follows can be on the page.
func (p *pager[T]) full() bool { return !p.ascending && p.matched >= p.page*p.size }

// result is the page. whole tells that all rows have come: then their number is known, and it is nil otherwise.
func (p *pager[T]) result(whole bool) (rows []T, total *int, err error) {
	if !whole && !p.full() {
		return nil, nil, errDeep
	}
	rows = p.rows
	if p.ascending {
		slices.Reverse(rows)
		first := min((p.page-1)*p.size, len(rows))
		rows = rows[first:min(first+p.size, len(rows))]
	}
	if whole {
		total = &p.matched
	}
	return rows, total, nil
}

// errEnough is how look ends a walk before the read is through.
var errEnough = errors.New("enough rows")

// walk shows look the verifications that req asks for, newest first, until enough says so after a read, or they end:
// whole then. It goes no further than maxReads reads.
func (d *Door) walk(
	ctx context.Context, req verify.ListRequest, since time.Time, look func(verify.View) error, enough func() bool,
) (whole bool, err error) {
	for range maxReads {
		page, more, err := d.cfg.Verifications.List(ctx, req)
		if err != nil {
			return false, err
		}
		for i := range page {
			if page[i].CreatedAt.Before(since) {
				return true, nil
			}
			switch err := look(page[i]); {
			case errors.Is(err, errEnough):
				return false, nil
			case err != nil:
				return false, err
			}
		}
		switch {
		case more.IsZero():
			return true, nil
		case enough():
			return false, nil
		}
		req.Before = more
	}
	return false, nil
}

// listed is the data of a list.
type listed[T any] struct {
	Rows     []T  `json:"rows"`
	Page     int  `json:"page"`
	PageSize int  `json:"pageSize"`
	Total    *int `json:"total"`
}

// listing is a page with its rows as f shows them.
func listing[T, R any](q query, rows []T, total *int, f func(T) (R, error)) (listed[R], error) {
	out := listed[R]{Rows: make([]R, 0, len(rows)), Page: q.page, PageSize: q.size, Total: total}
	for _, row := range rows {
		shown, err := f(row)
		if err != nil {
			return out, err
		}
		out.Rows = append(out.Rows, shown)
	}
	return out, nil
}
