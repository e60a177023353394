package console

import "github.com/countersign/countersign/internal/uid"

// A list is gone through by key, in both directions. Its URL has one of these beside its filters, and nothing else says which part is
// shown: the page below a key, or the one from a key on.
const (
	queryBefore = "before"
	queryAfter  = "after"
)

// Pager leads to the neighbours in a list that is paged by key: URLs with the list's filters in them, "" where there is none.
type Pager struct {
	NewerURL, OlderURL string
}

// Leads reports whether there is a neighbour: then a page with nothing on it is not all that there is.
func (p Pager) Leads() bool { return p.NewerURL != "" || p.OlderURL != "" }

// place reads which page of a list is asked for.
func (v *visit) place(limit int) (p uid.Page, err error) {
	p.Limit = limit
	q := v.r.URL.Query()
	before, after := q.Get(queryBefore), q.Get(queryAfter)
	switch {
	case before != "" && after != "":
		return p, errNothing
	case before != "":
		p.Before, err = uid.ParseHex(before)
	case after != "":
		p.After, err = uid.ParseHex(after)
	}
	if err != nil || (before != "" || after != "") && p.Before.IsZero() && p.After.IsZero() {
		return p, errNothing
	}
	return p, nil
}

// turned makes the pager of a page of the list at the URL list, which begins with the newest, or as a history with the oldest. more is
// where the page begins that follows in the direction in which p was read, zero at the end. The end in the direction of the first page
// is the first page itself, which has what came meanwhile too: the answer leads there, and first says so.
func (v *visit) turned(list string, p uid.Page, more uid.ID, history bool) (links Pager, first bool) {
	list = with(with(list, queryBefore, ""), queryAfter, "")
	up := p.Up() || history && p.Before.IsZero()
	if up != history && more.IsZero() {
		_, _ = v.leave(list, Flash{}) // nothing to show and no error: it only redirects
		return links, true
	}
	to := func(name string, at uid.ID) string {
		if at.IsZero() {
			return ""
		}
		return with(list, name, at.Hex())
	}
	if up {
		return Pager{NewerURL: to(queryAfter, more), OlderURL: to(queryBefore, p.After)}, false
	}
	return Pager{NewerURL: to(queryAfter, p.Before), OlderURL: to(queryBefore, more)}, false
}
