package console_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/webhook"
)

// shelf has n things of each kind that is listed, each named row-0 (the newest), row-1 and so on, and pages them as the services do.
type shelf struct {
	*sender
	*bells
	*record
	n int
}

func (s *shelf) id(i int) uid.ID { return uid.ID{0x10, 14: byte((s.n - i) >> 8), 15: byte(s.n - i)} }

// cut gives the things of a page, newest first, and where the next page begins.
func (s *shelf) cut(p uid.Page) (page []int, more uid.ID) {
	from, below := p.Within(uid.ID{}, uid.ID{0xff})
	for i := range s.n {
		if id := s.id(i); string(id[:]) >= string(from[:]) && string(id[:]) < string(below[:]) {
			page = append(page, i)
		}
	}
	if p.Up() {
		slices.Reverse(page)
	}
	return uid.Cut(page, p, func(i *int) uid.ID { return s.id(*i) })
}

func row(i int) string { return "row-" + strconv.Itoa(i) + "-" }

func (s *shelf) List(_ context.Context, r invite.ListRequest) (all []invite.View, more uid.ID, err error) {
	page, more := s.cut(r.Page)
	for _, i := range page {
		all = append(all, invite.View{ID: s.id(i), Kind: invite.Fixed, Status: invite.Sent, FirstName: row(i), CreatedAt: noon})
	}
	return all, more, nil
}

func (s *shelf) Imports(_ context.Context, _ invite.Caller, p uid.Page) (all []invite.Import, more uid.ID, err error) {
	page, more := s.cut(p)
	for _, i := range page {
		all = append(all, invite.Import{ID: s.id(i), Rows: 700_000 + i, CreatedAt: noon})
	}
	return all, more, nil
}

// codesOf are the codes on a shelf.
type codesOf struct{ *shelf }

func (s codesOf) Dispatches(_ context.Context, _ verify.DispatchQuery, p uid.Page) (all []verify.Dispatch, more uid.ID, err error) {
	page, more := s.cut(p)
	for _, i := range page {
		all = append(all, verify.Dispatch{Verification: s.id(i), N: 1, To: row(i), Channel: delivery.SMS, State: delivery.Failed, At: noon})
	}
	return all, more, nil
}

func (s codesOf) WrongCodes(context.Context, verify.Caller, []uid.ID) (int, bool, error) {
	return 0, false, nil
}

func (s codesOf) DispatchesOf(context.Context, verify.Caller, []uid.ID) ([]verify.Dispatch, error) {
	return nil, nil
}

func (s *shelf) Deliveries(_ context.Context, _ uid.Tenant, f webhook.DeliveryFilter) (all []webhook.Delivery, more uid.ID, err error) {
	page, more := s.cut(f.Page)
	for _, i := range page {
		all = append(all, webhook.Delivery{ID: s.id(i), Type: row(i), State: webhook.Dead, UpdatedAt: noon})
	}
	return all, more, nil
}

// BrowseEvents gives the history of a thing from its beginning, as package audit does: its oldest event is row-0 then.
func (s *shelf) BrowseEvents(_ context.Context, q audit.Query) (out audit.Page, err error) {
	history := !q.Object.IsZero()
	if history && q.Before.IsZero() && !q.Up() {
		q.After = uid.ID{15: 1}
	}
	page, more := s.cut(q.Page)
	for _, i := range page {
		if history {
			i = s.n - 1 - i
		}
		out.Events = append(out.Events, audit.Event{ID: s.id(i), Type: row(i), At: noon})
	}
	if history {
		slices.Reverse(out.Events)
	}
	out.More = more
	return out, nil
}

var (
	rowsOf   = regexp.MustCompile(`<code>row-(\d+)-</code></span>|>row-(\d+)-<|>700(\d{3})<`)
	newerURL = regexp.MustCompile(`rel="prev" href="([^"]+)"`)
	olderURL = regexp.MustCompile(`rel="next" href="([^"]+)"`)
)

// leaf is one page of a list: what is on it, and where it leads.
type leaf struct {
	url, newer, older string
	rows              []int
}

// open reads a page of a list, and where that only leads on the page that it leads to.
func (b *browser) leaf(at string) leaf {
	b.t.Helper()
	w := b.get(at)
	if w.Code == http.StatusSeeOther {
		at = w.Header().Get("Location")
		w = b.get(at)
	}
	if w.Code != http.StatusOK {
		b.t.Fatalf("%s is answered by %d", at, w.Code)
	}
	body := w.Body.String()
	l := leaf{url: at}
	for _, m := range rowsOf.FindAllStringSubmatch(body, -1) {
		n, _ := strconv.Atoi(m[1] + m[2] + m[3])
		if !slices.Contains(l.rows, n) {
			l.rows = append(l.rows, n)
		}
	}
	for re, to := range map[*regexp.Regexp]*string{newerURL: &l.newer, olderURL: &l.older} {
		if m := re.FindStringSubmatch(body); m != nil {
			*to = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	return l
}

// TestEachListIsGoneThroughInBothDirections: on leads to what follows and back to the page before, with the filters, by links alone;
// the way back ends at the first page, and the number of things decides nothing.
func TestEachListIsGoneThroughInBothDirections(t *testing.T) {
	t.Parallel()
	object := uid.New(noon, 9).Text(uid.Invitation)
	for _, list := range []struct {
		url     string
		size    int
		history bool
	}{
		{"/console/verifications?reference=INV-1&status=sent", 50, false},
		{"/console/messages?channel=sms&order=newest", 50, false},
		{"/console/audit?actor=customer&from=2026-04-01", 50, false},
		{"/console/audit?actor=customer&object=" + object, 50, true},
		{ordersURL + "?state=dead", 50, false},
		{"/console/verifications/import", 10, false},
	} {
		for _, n := range []int{0, 1, list.size, list.size + 1, 3*list.size + 7} {
			s := &shelf{sender: newSender(), bells: &bells{endpoints: []webhook.Endpoint{orders}}, n: n}
			b := newBrowser(t, s.sender, func(c *console.Config) {
				c.Invitations, c.Hooks, c.Dispatches, c.AuditLog, c.Contacts = s, s, codesOf{s}, s, places{}
			}).as(operator.Owner)
			s.walk(b, list.url, list.size, list.history)
		}
	}
}

// walk goes to the end of a list and back.
func (s *shelf) walk(b *browser, list string, size int, history bool) {
	b.t.Helper()
	on, back := func(l leaf) string { return l.older }, func(l leaf) string { return l.newer }
	if history {
		on, back = back, on
	}
	page := b.leaf(list)
	if back(page) != "" {
		b.t.Errorf("%s, %d: the first page leads back", list, s.n)
	}
	var way []leaf
	var seen []int
	for ; ; page = b.leaf(on(page)) {
		way, seen = append(way, page), append(seen, page.rows...)
		if on(page) == "" {
			break
		}
	}
	if len(seen) != s.n || !slices.IsSorted(seen) || len(way) != max(1, (s.n+size-1)/size) {
		b.t.Errorf("%s: %d pages have %d of %d", list, len(way), len(seen), s.n)
	}
	for i := len(way) - 1; i > 0; i-- {
		if page = b.leaf(back(page)); !slices.Equal(page.rows, way[i-1].rows) {
			b.t.Errorf("%s, %d: back from page %d are %v, want %v", list, s.n, i, page.rows, way[i-1].rows)
		}
		for name, want := range query(b.t, list) {
			if got := query(b.t, page.url); !slices.Equal(got[name], want) {
				b.t.Errorf("%s: %s is %q on the way back", list, name, got[name])
			}
		}
	}
	// The page before the second one is as long as a page, so that it may have been read with a key; what is before it is the first.
	for back(page) != "" {
		page = b.leaf(back(page))
	}
	if got := query(b.t, page.url); got.Get("before")+got.Get("after") != "" || !slices.Equal(page.rows, way[0].rows) {
		b.t.Errorf("%s, %d: the way back ends at %s", list, s.n, page.url)
	}
}

func query(t *testing.T, at string) url.Values {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// TestThePageBeforeHasWhatCameMeanwhile: the first page is shown whole, whatever the page that led there had.
func TestThePageBeforeHasWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	s := &shelf{sender: newSender(), n: 60}
	b := newBrowser(t, s.sender, func(c *console.Config) { c.Dispatches, c.Invitations = codesOf{s}, s }).as(operator.Viewer)
	second := b.leaf(b.leaf("/console/messages").older)
	if !slices.Equal(second.rows, []int{50, 51, 52, 53, 54, 55, 56, 57, 58, 59}) {
		t.Fatalf("the second page has %v", second.rows)
	}
	s.n = 63 // three more: they are the newest
	first := b.leaf(second.newer)
	if len(first.rows) != 50 || first.rows[0] != 3 && first.rows[0] != 0 {
		t.Errorf("the page before has %v", first.rows)
	}
	for first.newer != "" {
		first = b.leaf(first.newer)
	}
	if first.url != "/console/messages" || len(first.rows) != 50 || first.rows[0] != 0 {
		t.Errorf("the way back ends at %s with %v", first.url, first.rows)
	}
}

func TestAPlaceInAListThatIsNoneIsNotThere(t *testing.T) {
	t.Parallel()
	s := &shelf{sender: newSender(), bells: &bells{endpoints: []webhook.Endpoint{orders}}, n: 60}
	b := newBrowser(t, s.sender, func(c *console.Config) {
		c.Invitations, c.Hooks, c.Dispatches, c.AuditLog, c.Contacts = s, s, codesOf{s}, s, places{}
	}).as(operator.Owner)
	id := uid.ID{1}
	for _, list := range []string{"/console/verifications", "/console/messages", "/console/audit", ordersURL, "/console/verifications/import"} {
		for _, place := range []string{"before=x", "after=inv_1", "before=" + id.Hex() + "0", "before=" + id.Hex() + "&after=" + id.Hex(), "after=" + (uid.ID{}).Hex()} {
			if w := b.get(list + "?" + place); w.Code != http.StatusNotFound {
				t.Errorf("%s?%s is answered by %d", list, place, w.Code)
			}
		}
	}
}
