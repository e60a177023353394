package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/countersign/countersign/bench/fill"
	"github.com/countersign/countersign/bench/relay"
	"github.com/countersign/countersign/bench/target"
)

// asked is how many times each page of the console is asked for.
const asked = 30

// A look is what one page of the console takes, in milliseconds.
type look struct {
	Server string  `json:"server"`
	Page   string  `json:"page"`
	Rows   int     `json:"rows"` // links to an invitation in it
	First  float64 `json:"first_ms"`
	Median float64 `json:"median_ms"`
	Worst  float64 `json:"worst_ms"`
}

// desk is an operator's browser.
type desk struct {
	server *target.Server
	http   *http.Client
}

// operators measures what operators see of invitations, of which the databases are first given as many as are asked for.
func operators(ctx context.Context, o options, servers []*target.Server, provider *relay.Relay, next *atomic.Uint64) (all []look, err error) {
	for _, s := range servers {
		if o.invitations > 0 {
			if err := invited(ctx, o.invitations, s, provider, next); err != nil {
				return nil, err
			}
		}
		d, err := signIn(ctx, s)
		if err != nil {
			return nil, err
		}
		looks, err := d.walk(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, looks...)
	}
	return all, nil
}

// invited stops a server, adds invitations to its database, and starts it again.
func invited(ctx context.Context, count int64, s *target.Server, provider *relay.Relay, next *atomic.Uint64) error {
	if _, err := newCaller(ctx, s, provider, next, kindPage, 1, 0); err != nil { // makes the customer whose invitation is copied
		return err
	}
	fmt.Fprintln(os.Stderr, "bench: filling the database of", s.Name, "with invitations")
	s.Process.Stop()
	began := time.Now()
	filled := fill.Invitations{Database: fill.Database{Driver: s.Driver, Source: s.Source}, KeyFile: s.KeyFile(), Phone: phone}.Run(ctx, count, os.Stderr)
	fmt.Fprintln(os.Stderr, "bench: filled in", time.Since(began).Round(time.Second))
	return errors.Join(filled, s.Start(ctx))
}

// signIn makes an operator who needs no authenticator.
func signIn(ctx context.Context, s *target.Server) (*desk, error) {
	link, err := s.Operator(ctx, fmt.Sprintf("agent%d@example.org", time.Now().Unix()))
	if err != nil {
		return nil, err
	}
	_, secret, found := strings.Cut(link, "#")
	if !found {
		return nil, errors.New("an operator's link has no secret")
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	d := &desk{server: s, http: &http.Client{Jar: jar}}
	door, _, err := d.get(ctx, "/console/join")
	if err != nil {
		return nil, err
	}
	token := regexp.MustCompile(`name="form_token" value="([^"]+)"`).FindSubmatch(door)
	if token == nil {
		return nil, errors.New("the page that takes an operator's link has no form")
	}
	form := url.Values{"form_token": {html.UnescapeString(string(token[1]))}, "token": {secret}, "name": {"Ann Lee"}, "password": {"seven green lanterns swim"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/console/join", strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", asForm)
	req.Header.Set("Origin", s.URL)
	page, _, err := d.do(req)
	if err == nil && !bytes.Contains(page, []byte("/console/sign-out")) {
		err = errors.New("the operator is not signed in")
	}
	return d, err
}

func (d *desk) get(ctx context.Context, path string) ([]byte, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.server.URL+path, nil)
	if err != nil {
		return nil, 0, err
	}
	return d.do(req)
}

// do gives a page, and how long it took from the request to its last byte.
func (d *desk) do(req *http.Request) ([]byte, time.Duration, error) {
	began := time.Now()
	resp, err := d.http.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: status %d", req.Method, req.URL.Path, resp.StatusCode)
	}
	return page, time.Since(began), err
}

// list is where the console lists invitations.
const list = "/console/verifications"

var window = regexp.MustCompile(`class="row" href="(` + list + `/inv_[a-z0-9]+)"`)

// questions are what the list is asked for. {one} and {many} are contacts of one and of a thousandth of the invitations, a number in
// braces is the day so many days ago.
var questions = []string{"",
	"reference=R-9", "reference=nobody", "reference=" + fill.CampaignReference, "contact={one}", "contact={many}", "contact=nobody@example.org",
	"from={15}&to={15}", "from={15}&to={8}", "from={400}&to={300}",
	"status=created", "status=sent", "status=undeliverable", "status=opened", "status=mobile_pending", "status=mobile_verified",
	"status=mobile_failed", "status=consent_pending", "status=handed_off", "status=completed", "status=declined", "status=expired", "status=canceled",
	"mobile_2fa=passed", "mobile_2fa=failed", "mobile_2fa=pending", "mobile_2fa=not_used", "mobile_2fa=not_allowed",
	"status=completed&mobile_2fa=failed", "status=declined&from={20}&to={10}", "mobile_2fa=not_used&from={20}&to={10}",
	"reference=" + fill.CampaignReference + "&status=sent", "reference=" + fill.CampaignReference + "&status=consent_pending",
	"reference=" + fill.CampaignReference + "&mobile_2fa=not_used", "reference=" + fill.CampaignReference + "&from={28}&to={28}",
	"reference=" + fill.CampaignReference + "&contact={many}", "contact={many}&status=expired", "contact={many}&status=declined",
	"status=sent&mobile_2fa=pending&reference=" + fill.CampaignReference + "&contact={many}&from={20}&to={1}",
}

// ofMessages are what the list of messages is asked for; without an order it is of those that failed.
var ofMessages = []string{"", "kind=link", "order=newest", "order=newest&kind=link", "order=newest&kind=link&channel=email",
	"order=newest&from={20}&to={10}", "from={20}&to={10}"}

var daysAgo = regexp.MustCompile(`\{(\d+)\}`)

// query is a question as the list takes it.
func query(question string) string {
	question = daysAgo.ReplaceAllStringFunc(question, func(mark string) string {
		n, _ := strconv.Atoi(strings.Trim(mark, "{}")) // digits
		return time.Now().UTC().AddDate(0, 0, -n).Format(time.DateOnly)
	})
	return strings.NewReplacer("{many}", url.QueryEscape(phone(0)), "{one}", url.QueryEscape(phone(7))).Replace(question)
}

// farBack ends the names of pages that begin there.
const farBack = " far back"

// walk measures each page: of each list its first one and, where it goes on, one that begins far back.
func (d *desk) walk(ctx context.Context) (all []look, err error) {
	var first []byte
	for _, question := range questions {
		page, err := d.look(ctx, cmp.Or(question, "list"), list+"?"+query(question), &all)
		if err != nil {
			return nil, err
		}
		if first == nil {
			first = page
		}
		if bytes.Contains(page, []byte("before=")) && !strings.Contains(question, "from=") {
			if _, err := d.look(ctx, cmp.Or(question, "list")+farBack, list+"?"+query(question)+"&before="+fill.FarBack(), &all); err != nil {
				return nil, err
			}
		}
	}
	if !slices.ContainsFunc(all, func(l look) bool { return strings.HasSuffix(l.Page, farBack) && l.Rows > 0 }) {
		return nil, errors.New("no list goes on far back: there are too few invitations, or its links have changed")
	}
	others := []string{"/console"}
	for _, question := range ofMessages {
		others = append(others, "/console/messages?"+query(question))
	}
	for _, w := range window.FindAllSubmatch(first, 3) {
		others = append(others, html.UnescapeString(string(w[1])))
	}
	for _, path := range others {
		if _, err := d.look(ctx, path, path, &all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// look asks for a page again and again.
func (d *desk) look(ctx context.Context, name, path string, all *[]look) ([]byte, error) {
	var times []float64
	var page []byte
	for range asked {
		var took time.Duration
		var err error
		if page, took, err = d.get(ctx, path); err != nil {
			return nil, err
		}
		times = append(times, float64(took)/float64(time.Millisecond))
	}
	first := times[0]
	slices.Sort(times)
	*all = append(*all, look{d.server.Name, name, len(window.FindAll(page, -1)), first, times[len(times)/2], times[len(times)-1]})
	return page, nil
}

// looks prints them.
func looks(w io.Writer, all []look) error {
	if len(all) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "server\tpage\trows\tfirst ms\tmedian\tworst\t")
	for _, l := range all {
		fmt.Fprintf(t, "%s\t%s\t%d\t%.1f\t%.1f\t%.1f\t\n", l.Server, l.Page, l.Rows, l.First, l.Median, l.Worst)
	}
	return t.Flush()
}
