package console_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

// ids are what stands in paths, by the word before them: "" is for all others.
var ids = map[string]string{
	"team": uid.New(noon, 1).Text(uid.Operator), "invitations": uid.New(noon, 2).Text(uid.OperatorLink), "audit": uid.New(noon, 3).Text(uid.Event),
	"verifications": uid.New(noon, 4).Text(uid.Invitation), "services": uid.New(noon, 5).Text(uid.Service), "keys": uid.New(noon, 6).Text(uid.Key),
	"webhooks": uid.New(noon, 7).Text(uid.Webhook), "deliveries": uid.New(noon, 8).Text(uid.WebhookSent), "messages": uid.New(noon, 9).Text(uid.Verification),
	"": "1",
}

// path is one that a pattern fits.
func path(pattern string) string {
	_, p, _ := strings.Cut(pattern, " ")
	parts := strings.Split(strings.TrimSuffix(p, "{$}"), "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			id, ok := ids[parts[i-1]]
			if !ok {
				id = ids[""]
			}
			parts[i] = id
		}
	}
	return strings.Join(parts, "/")
}

// doorman asks each route as each role. Behind the guard no service is there: whoever gets so far as to ask one is let in.
type doorman struct {
	*browser
	site *console.Site
}

func newDoorman(t *testing.T) *doorman {
	b := newBrowser(t, &people{})
	return &doorman{b, b.site.(*console.Site)}
}

// ask sends a request. reached tells that a service was asked: it is not there, so that panics.
func (d *doorman) ask(w console.Way, role operator.Role, signed bool) (answer *httptest.ResponseRecorder, reached bool) {
	b := d.as(role)
	if role == "" {
		b.cookies = map[string]string{}
	}
	method, _, _ := strings.Cut(w.Pattern, " ")
	to := path(w.Pattern)
	fields := url.Values{}
	if signed {
		who, _ := (&people{}).Session(context.Background(), string(role))
		fields.Set("form_token", d.site.Sign(who.Session.ID.Text(uid.Session), to))
	}
	answer = httptest.NewRecorder()
	defer func() { reached = recover() != nil }()
	if method == http.MethodPost {
		return b.post(to, fields), false
	}
	return b.get(to), false
}

// in reports whether an answer, or that a service was asked, means that the role is let in.
func in(answer *httptest.ResponseRecorder, reached bool) bool {
	away := answer.Code == http.StatusForbidden || answer.Code == http.StatusSeeOther && strings.HasPrefix(answer.Header().Get("Location"), "/console/sign-in")
	return reached || !away
}

// TestRoleMatrix_RA_17_ID_55_EachRouteLetsInWhomItsActAllows asks each route as each role, as nobody, and without a token. With -v it
// prints what it found.
func TestRoleMatrix_RA_17_ID_55_EachRouteLetsInWhomItsActAllows(t *testing.T) {
	d := newDoorman(t)
	found := map[operator.Act][]string{}
	for _, w := range d.site.Ways() {
		var cells []string
		for _, role := range operator.Roles() {
			answer, reached := d.ask(w, role, true)
			let := in(answer, reached)
			if leaves := w.Pattern == "POST /console/sign-out"; leaves && answer.Code == http.StatusSeeOther {
				let = true // it leads to the door
			}
			want := w.Act == "" || role.May(w.Act)
			switch {
			case let != want:
				t.Errorf("%s as %s: answer %d, reached %v, want let in: %v", w.Pattern, role, answer.Code, reached, want)
			case !want && (reached || answer.Code != http.StatusForbidden):
				t.Errorf("%s as %s: answer %d, reached a service: %v", w.Pattern, role, answer.Code, reached)
			}
			cells = append(cells, map[bool]string{true: "yes", false: "-"}[let])
		}
		found[w.Act] = append(found[w.Act], strings.Join(cells, "\t")+"\t"+w.Pattern)
	}
	var out strings.Builder
	table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "act\towner\tadmin\tagent\tviewer\troute\n")
	for _, act := range append([]operator.Act{""}, operator.Acts()...) {
		name := string(act)
		if act == "" {
			name = "(whoever is signed in)"
		}
		for _, line := range found[act] {
			fmt.Fprintf(table, "%s\t%s\n", name, line)
		}
		delete(found, act)
	}
	_ = table.Flush()
	t.Logf("\n%s", out.String())
	for act := range found {
		t.Errorf("a route names an act that there is not: %q", act)
	}
}

func TestRoleMatrix_NobodyGetsBeyondTheDoorAndNoFormWithoutAToken(t *testing.T) {
	d := newDoorman(t)
	for _, w := range d.site.Ways() {
		answer, reached := d.ask(w, "", false)
		if console.Framed[path(w.Pattern)] { // where nobody signs in
			if reached || answer.Code != http.StatusUnauthorized {
				t.Errorf("%s without a session: %d, reached a service: %v", w.Pattern, answer.Code, reached)
			}
		} else if to := answer.Header().Get("Location"); reached || answer.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/console/sign-in") {
			t.Errorf("%s without a session: %d to %q, reached a service: %v", w.Pattern, answer.Code, to, reached)
		}
		if !strings.HasPrefix(w.Pattern, "POST ") {
			continue
		}
		for _, role := range operator.Roles() {
			if w.Act != "" && !role.May(w.Act) {
				continue
			}
			if answer, reached := d.ask(w, role, false); reached || answer.Code != http.StatusConflict {
				t.Errorf("%s as %s without a token: %d, reached a service: %v", w.Pattern, role, answer.Code, reached)
			}
		}
	}
}

func TestRoleMatrix_WhatChangesSomethingNamesAnActThatIsMoreThanSeeing(t *testing.T) {
	seen := []string{}
	for _, w := range newDoorman(t).site.Ways() {
		if slices.Contains(seen, w.Pattern) {
			t.Errorf("%s stands twice", w.Pattern)
		}
		seen = append(seen, w.Pattern)
		if !regexp.MustCompile(`^(GET|POST) /console(/|$)`).MatchString(w.Pattern) {
			t.Errorf("%s is no way into the console", w.Pattern)
		}
		if w.At == console.AtProfile || strings.HasPrefix(w.Pattern, "GET ") {
			continue
		}
		if w.Act == "" || strings.HasPrefix(string(w.Act), "see_") {
			t.Errorf("%s changes something for whoever may %q", w.Pattern, w.Act)
		}
	}
}
