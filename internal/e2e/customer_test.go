package e2e

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// customer is a browser without script that walks the pages of invitations, and remembers every secret that it was given.
type customer struct {
	t       testing.TB
	base    func() string
	http    *http.Client
	at      string // path of the page
	text    string
	secrets map[string]string
}

// customer opens a browser, which keeps what servers tell it.
func (in *installation) customer() *customer {
	jar, _ := cookiejar.New(nil) // never fails
	c := &customer{t: in.t, base: in.base, secrets: map[string]string{}}
	c.http = &http.Client{Jar: jar, Transport: c}
	in.t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	return c
}

// RoundTrip keeps the cookies that are given out on the way, also by answers that lead on.
func (c *customer) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		for _, cookie := range resp.Cookies() {
			if len(cookie.Value) > 8 { // not the language
				c.keep("a cookie", cookie.Value)
			}
		}
	}
	return resp, err
}

// keep remembers a secret, once.
func (c *customer) keep(what, secret string) {
	for _, known := range c.secrets {
		if known == secret {
			return
		}
	}
	c.secrets[what+" "+strconv.Itoa(len(c.secrets))] = secret
}

var formForm = regexp.MustCompile(`<form method="post" action="([^"]+)"[^>]*>\s*<input type="hidden" name="form_token" value="([^"]+)"`)

func (c *customer) take(r *http.Request, err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	resp, err := c.http.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	c.at, c.text = resp.Request.URL.Path, string(text)
	for _, m := range formForm.FindAllStringSubmatch(c.text, -1) {
		c.keep("a form token", html.UnescapeString(m[2]))
	}
}

// open opens a link that came in a message, on the server of now.
func (c *customer) open(link string) {
	c.t.Helper()
	u, err := url.Parse(link)
	if err != nil || !strings.HasPrefix(u.Path, "/v/") {
		c.t.Fatalf("no link: %q (%v)", link, err)
	}
	c.keep("a link", strings.TrimPrefix(u.Path, "/v/"))
	c.take(http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.base()+u.Path, nil))
}

// press sends the form of the page whose address ends in suffix.
func (c *customer) press(suffix string, fields url.Values) {
	c.t.Helper()
	for _, m := range formForm.FindAllStringSubmatch(c.text, -1) {
		action := html.UnescapeString(m[1])
		if !strings.HasSuffix(action, suffix) {
			continue
		}
		form := url.Values{"form_token": {html.UnescapeString(m[2])}}
		for k, all := range fields {
			form[k] = all
		}
		r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.base()+action, strings.NewReader(form.Encode()))
		if err == nil {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", c.base())
		}
		c.take(r, err)
		return
	}
	c.t.Fatalf("%s has no form to %s:\n%s", c.at, suffix, c.text)
}

// result is the signed result in the address that the page leads to.
func (c *customer) result() string {
	c.t.Helper()
	m := regexp.MustCompile(`[?&;]result=([A-Za-z0-9_.-]+)`).FindStringSubmatch(c.text)
	if m == nil {
		c.t.Fatalf("%s leads to no firm:\n%s", c.at, c.text)
	}
	c.keep("the signed result", m[1])
	return m[1]
}
