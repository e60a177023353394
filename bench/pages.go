package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/countersign/countersign/bench/load"
)

// The kinds of request that are pages: the page where a code is entered, asked for again and again by customers who were sent
// one. Who visits waits between two pages.
const (
	kindPage  = "page"
	kindVisit = "visit"
)

func isPage(kind string) bool { return kind == kindPage || kind == kindVisit }

// A customer is a browser that has a session.
type customer struct {
	path    string // of the page
	cookie  string // as the header has it
	address string // that the proxy in front tells, another one for each, since codes are limited by it
}

// pages makes customers, and gives what each caller does. A pause lies around think, so that customers do not march in step.
func (c *caller) pages(ctx context.Context, callers int, think time.Duration) (load.Work, error) {
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	customers := make([]customer, callers)
	for i := range customers {
		var err error
		if customers[i], err = c.customer(ctx); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context, i int) (s load.Sample, err error) {
		if c.kind == kindVisit {
			select {
			case <-time.After(think/2 + rand.N(think+1)):
			case <-ctx.Done():
				return s, ctx.Err()
			}
		}
		began := time.Now()
		_, _, err = c.ask(ctx, http.MethodGet, customers[i], "", http.StatusOK)
		s.Start = time.Since(began)
		return s, err
	}, nil
}

// customer invites somebody new, opens the link and has a code sent, as a browser would. At the empty server there is nothing to open.
func (c *caller) customer(ctx context.Context) (customer, error) {
	if c.server.Token == "" {
		return customer{path: "/page"}, nil
	}
	n := c.next.Add(1)
	body := `{"first_name":"Ann","last_name":"Lee","mobile":"` + phone(n) + `","mobile_2fa":true}`
	answer, err := c.post(ctx, call{"/v1/invitations", asJSON, body, bearer(c), http.StatusCreated})
	if err != nil {
		return customer{}, err
	}
	var made struct{ ID string }
	if err := json.Unmarshal(answer, &made); err != nil {
		return customer{}, err
	}
	link, err := c.relay.Wait(ctx, made.ID)
	if err != nil {
		return customer{}, err
	}
	who := customer{path: link, address: fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)}
	_, header, err := c.ask(ctx, http.MethodGet, who, "", http.StatusSeeOther)
	if err != nil {
		return who, err
	}
	who.cookie, _, _ = strings.Cut(header.Get("Set-Cookie"), ";")
	who.path = header.Get("Location") + "/mobile"
	return who, c.sendCode(ctx, who)
}

var sendForm = regexp.MustCompile(`action="([^"]+/send)"[^>]*>\s*<input type="hidden" name="form_token" value="([^"]+)"`)

// sendCode presses the button of the customer's first page.
func (c *caller) sendCode(ctx context.Context, who customer) error {
	page, _, err := c.ask(ctx, http.MethodGet, who, "", http.StatusOK)
	if err != nil {
		return err
	}
	form := sendForm.FindSubmatch(page)
	if form == nil {
		return errors.New("the first page has no button that sends a code")
	}
	who.path = html.UnescapeString(string(form[1]))
	_, _, err = c.ask(ctx, http.MethodPost, who, url.Values{"form_token": {html.UnescapeString(string(form[2]))}}.Encode(), http.StatusSeeOther)
	return err
}

// ask is one request of a browser.
func (c *caller) ask(ctx context.Context, method string, who customer, form string, want int) ([]byte, http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.server.URL+who.path, strings.NewReader(form))
	if err != nil {
		return nil, nil, err
	}
	if who.cookie != "" {
		req.Header.Set("Cookie", who.cookie)
	}
	if who.address != "" {
		req.Header.Set("X-Forwarded-For", who.address)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", asForm)
		req.Header.Set("Origin", c.server.URL)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != want {
		err = fmt.Errorf("%s %.12s...: status %d, want %d", method, who.path, resp.StatusCode, want)
	}
	return page, resp.Header, err
}
