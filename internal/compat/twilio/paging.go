package twilio

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/uid"
)

// The sizes of a page.
const (
	defaultPage = 50
	maxPage     = 1000
)

// A page token says behind or before which item a page lies, so that no item comes twice or is left out while the list grows.
const (
	tokenAfter  = "PT"
	tokenBefore = "PB"
)

var errPageToken = &refusal{status: 400, code: 20001, message: "Invalid PageToken: take it from a page URL as it stands there"}

// page is a part of a list that is asked for, and then what was found of it.
type page struct {
	number, size int
	query        url.Values // as it came
	token        string
	after        uid.ID // from the first item behind it; zero: from the start
	before       uid.ID // or up to the last item before it

	previous, next string // tokens; empty: there is none
}

// readPage reads what page r asks for.
func readPage(r *http.Request) (*page, error) {
	p := &page{size: defaultPage, query: r.URL.Query()}
	if text := p.query.Get("PageSize"); text != "" {
		size, err := strconv.Atoi(text)
		if err != nil || size < 1 || size > maxPage {
			return nil, &refusal{status: 400, code: 20007, message: "Page size must be from 1 to 1000"}
		}
		p.size = size
	}
	if n, err := strconv.Atoi(p.query.Get("Page")); err == nil && n > 0 {
		p.number = n // only repeated: the token says where the page is
	}
	if p.token = p.query.Get("PageToken"); p.token == "" {
		p.number = 0
		return p, nil
	}
	var after, before bool
	p.after, after = parseSID(tokenAfter, p.token)
	p.before, before = parseSID(tokenBefore, p.token)
	if !after && !before {
		return nil, errPageToken
	}
	return p, nil
}

// cut finds the page in a list of n items in the order of their ids.
func (p *page) cut(n int, id func(i int) uid.ID) (from, to int) {
	if p.before.IsZero() {
		for from < n && !less(p.after, id(from)) {
			from++
		}
		to = min(from+p.size, n)
	} else {
		for to < n && less(id(to), p.before) {
			to++
		}
		from = max(to-p.size, 0)
	}
	if from > 0 && from < n {
		p.previous = sid(tokenBefore, id(from))
	}
	if to < n && to > 0 {
		p.next = sid(tokenAfter, id(to-1))
	}
	return from, to
}

// window finds the page in a list that is read in parts. read gives at most so many items behind one, or before it, the
// nearest first; none for the start.
func window[T any](p *page, id func(T) uid.ID, read func(from uid.ID, back bool, limit int) ([]T, error)) ([]T, error) {
	back := !p.before.IsZero()
	from := p.after
	if back {
		from = p.before
	}
	items, err := read(from, back, p.size+1)
	if err != nil {
		return nil, err
	}
	beyond := len(items) > p.size
	items = items[:min(len(items), p.size)]
	if back {
		slices.Reverse(items)
	}
	if len(items) == 0 {
		return items, nil
	}
	if back && beyond || !back && !from.IsZero() {
		p.previous = sid(tokenBefore, id(items[0]))
	}
	if back || beyond {
		p.next = sid(tokenAfter, id(items[len(items)-1]))
	}
	return items, nil
}

// listed answers with the page of a list that r asks for. It is in the order of its ids, and stands under key.
func listed[T, B any](d *door, w http.ResponseWriter, r *http.Request, key string, all []T, id func(T) uid.ID, body func(T) B) error {
	p, err := readPage(r)
	if err != nil {
		return err
	}
	from, to := p.cut(len(all), func(i int) uid.ID { return id(all[i]) })
	bodies := make([]B, 0, to-from)
	for _, item := range all[from:to] {
		bodies = append(bodies, body(item))
	}
	reply(w, http.StatusOK, map[string]any{key: bodies, "meta": p.meta(key, d.url(r, r.URL.Path))})
	return nil
}

func less(a, b uid.ID) bool { return string(a[:]) < string(b[:]) }

// pageMeta is what an answer tells about its page.
type pageMeta struct {
	Page     int     `json:"page"`
	PageSize int     `json:"page_size"`
	First    string  `json:"first_page_url"`
	Previous *string `json:"previous_page_url"`
	URL      string  `json:"url"`
	Next     *string `json:"next_page_url"`
	Key      string  `json:"key"`
}

// meta tells about the page of the list at base whose items stand under key.
func (p *page) meta(key, base string) pageMeta {
	m := pageMeta{Page: p.number, PageSize: p.size, Key: key, First: p.at(base, 0, ""), URL: p.at(base, p.number, p.token)}
	if p.previous != "" {
		u := p.at(base, max(p.number-1, 0), p.previous)
		m.Previous = &u
	}
	if p.next != "" {
		u := p.at(base, p.number+1, p.next)
		m.Next = &u
	}
	return m
}

// at is the URL of a page. Filters of the query stay in it.
func (p *page) at(base string, number int, token string) string {
	var b strings.Builder
	b.WriteString(base + "?PageSize=" + strconv.Itoa(p.size) + "&Page=" + strconv.Itoa(number))
	if token != "" {
		b.WriteString("&PageToken=" + token)
	}
	rest := url.Values{}
	for name, values := range p.query {
		if name != "PageSize" && name != "Page" && name != "PageToken" {
			rest[name] = values
		}
	}
	if len(rest) > 0 {
		b.WriteString("&" + rest.Encode())
	}
	return b.String()
}
