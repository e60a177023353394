package console_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

// record is a log: what it was asked for, and what it answers.
type record struct {
	t      *testing.T
	asked  []audit.Query
	page   audit.Page
	proof  audit.Proof
	taken  []audit.Query // of exports
	export func(w io.Writer) error
	crew   *crew
}

func (r *record) of(t uid.Tenant) {
	if t != (uid.Tenant{7}) {
		r.t.Errorf("asked for the log of another firm: %v", t)
	}
}

func (r *record) BrowseEvents(_ context.Context, q audit.Query) (audit.Page, error) {
	r.of(q.Tenant)
	r.asked = append(r.asked, q)
	return r.page, nil
}

func (r *record) Prove(_ context.Context, t uid.Tenant, id uid.ID) (audit.Proof, error) {
	if r.of(t); id != r.proof.Event.ID {
		return audit.Proof{}, fault.New(fault.NotFound, "event_not_found", "There is no such event.")
	}
	return r.proof, nil
}

func (r *record) Export(_ context.Context, w io.Writer, q audit.Query) error {
	r.of(q.Tenant)
	r.taken = append(r.taken, q)
	return r.export(w)
}

// auditors is a browser of an admin over a log with one entry, which holds.
func auditors(t *testing.T) (*browser, *record) {
	e := audit.Event{ID: uid.New(noon, 1), Tenant: uid.Tenant{7}, Type: "invitation.settings_changed", Object: uid.New(noon, 2), At: noon,
		Actor: "operator:" + uid.ID{1}.Text(uid.Operator), RequestID: "req_1",
		Data: []byte(`{"setting":"checks","old":{"code_minutes":5,"countries":null},"new":{"code_minutes":7,"redirect_urls":["https://a.example/<script>\u202e"]},"loosened":true}`)}
	r := &record{t: t, page: audit.Page{Events: []audit.Event{e}, More: uid.New(noon.Add(-time.Hour), 3)}, export: func(w io.Writer) error {
		_, err := io.WriteString(w, "{}\n")
		return err
	}}
	r.proof = audit.Proof{Event: e, Verdict: audit.VerdictIntact, Index: 41, Size: 99, Leaf: tlog.Hash{1}, Root: tlog.Hash{2}, Path: []tlog.Hash{{3}, {4}}, Lines: []byte("{\"kind\":\"event\"}\n")}
	r.crew = &crew{}
	b := newBrowser(t, r.crew, func(c *console.Config) { c.AuditLog = r })
	return b.as(operator.Admin), r
}

func TestTheLogIsListedByItsFilters(t *testing.T) {
	b, r := auditors(t)
	object := uid.New(noon, 9)
	w := b.get("/console/audit?type=invitation.settings_changed&from=2026-04-01&to=2026-04-02&actor=MARA@example.com&object=" + object.Text(uid.Invitation))
	wantSays(t, w, "Settings changed", "Mara &lt;b&gt;Jensen&lt;/b&gt;", `value="invitation.settings_changed" selected`, `value="2026-04-01"`, `value="MARA@example.com"`,
		"/console/audit/"+r.proof.Event.ID.Text(uid.Event))
	day := func(d int) time.Time { return time.Date(2026, 4, d, 0, 0, 0, 0, time.UTC) }
	want := audit.Query{Tenant: uid.Tenant{7}, Type: "invitation.settings_changed", Actor: "operator:" + uid.ID{1}.Text(uid.Operator), Object: object, From: day(1), Until: day(3), Page: uid.Page{Limit: 50}}
	if len(r.asked) != 1 || r.asked[0] != want {
		t.Errorf("asked for %+v, want %+v", r.asked, want)
	}
}

func TestWhoIsFoundByNameAddressOrID(t *testing.T) {
	b, r := auditors(t)
	me := uid.ID{1}.Text(uid.Operator)
	for typed, want := range map[string]string{"mara@EXAMPLE.com": "operator:" + me, "Mara <b>Jensen</b>": "operator:" + me, me: "operator:" + me,
		"key_1": "key:key_1", "customer": "customer", "": ""} {
		r.asked = nil
		b.get("/console/audit?actor=" + url.QueryEscape(typed))
		if len(r.asked) != 1 || r.asked[0].Actor != want {
			t.Errorf("%q asks for %+v, want the actor %q", typed, r.asked, want)
		}
	}
}

func TestPagesOfTheLogKeepTheirFilters(t *testing.T) {
	b, r := auditors(t)
	next := "/console/audit?actor=key%3Akey_1&before=" + r.page.More.Hex()
	wantSays(t, b.get("/console/audit?actor=key:key_1"), `rel="next" href="`+strings.ReplaceAll(next, "&", "&amp;")+`"`)
	r.page.More = uid.ID{}
	w := b.get(next)
	if wantSays(t, w, `rel="prev" href="/console/audit?actor=key%3Akey_1&amp;after=`); strings.Contains(w.Body.String(), `rel="next"`) || r.asked[1].Before.IsZero() {
		t.Error("the last page leads on, or the place is lost")
	}
}

func TestAPageWithoutAnythingThatFitsLeadsOn(t *testing.T) {
	b, r := auditors(t)
	r.page.Events = nil
	wantSays(t, b.get("/console/audit?type=x.y"), "this is not all that there is", `rel="next"`, `<option value="x.y" selected>`)
	r.page.More = uid.ID{}
	wantSays(t, b.get("/console/audit?type=x.y"), "Nothing fits these filters")
}

func TestAFilterThatCantBeReadIsToldAndNothingIsLost(t *testing.T) {
	b, r := auditors(t)
	for field, typed := range map[string]string{"object": `inv_"><script>`, "from": "yesterday", "to": "2026-13-01"} {
		w := b.get("/console/audit?actor=Kept&" + field + "=" + url.QueryEscape(typed))
		wantSays(t, w, `class="summary"`, `value="Kept"`)
		if strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("%s is not escaped", field)
		}
	}
	if r.asked != nil {
		t.Error("the log was asked")
	}
}

// A database that keeps only text can't be asked for anything else: that is no trouble of the server.
func TestAFilterThatNoEventCanHaveIsToldAndNotAskedFor(t *testing.T) {
	for _, field := range []string{"type", "actor"} {
		for _, typed := range []string{"a%00b", "%ff%fe", "a%0ab"} {
			b, r := auditors(t)
			wantSays(t, b.get("/console/audit?"+field+"="+typed), `<a href="#`+field+`">`, "no control characters")
			if w := b.get("/console/audit/export?" + field + "=" + typed); w.Code != http.StatusUnprocessableEntity || r.asked != nil || r.taken != nil {
				t.Errorf("an export by %s %s is answered by %d; asked for %+v %+v", field, typed, w.Code, r.asked, r.taken)
			}
		}
	}
}

func TestAnEntryIsProvenInItsPlace(t *testing.T) {
	b, r := auditors(t)
	at := "/console/audit/" + r.proof.Event.ID.Text(uid.Event)
	w := b.get(at)
	wantSays(t, w, "Checked just now", "<code>old.code_minutes</code></dt><dd><bdi>5</bdi>", "<code>new.code_minutes</code></dt><dd><bdi>7</bdi>", "Mara &lt;b&gt;", r.proof.Leaf.String(),
		r.proof.Path[1].String(), `href="`+at+`/proof"`, "a.example/")
	if strings.Contains(w.Body.String(), "<script>\u202e") {
		t.Error("data are not escaped")
	}
	for verdict, says := range map[audit.Verdict]string{audit.VerdictChanged: "does not lead to the root", audit.VerdictUnlogged: "does not lead to the root", audit.VerdictUnsealed: "not sealed yet"} {
		r.proof.Verdict, r.proof.Lines, r.proof.Detail = verdict, nil, "What is <wrong>."
		w := b.get(at)
		if wantSays(t, w, says); strings.Contains(w.Body.String(), at+"/proof") {
			t.Errorf("%s: a proof is offered", verdict)
		}
		if w := b.get(at + "/proof"); w.Code != http.StatusConflict {
			t.Errorf("%s: a proof is given: %d", verdict, w.Code)
		}
	}
}

func TestSEC_84_AnEntryOfAnotherFirmIsNotThere(t *testing.T) {
	b, _ := auditors(t)
	for _, id := range []string{uid.New(noon, 99).Text(uid.Event), "evt_x", "x"} {
		for _, path := range []string{"/console/audit/" + id, "/console/audit/" + id + "/proof"} {
			if w := b.get(path); w.Code != http.StatusNotFound {
				t.Errorf("%s is answered by %d", path, w.Code)
			}
		}
	}
}

// TestTheLogIsTakenAwayAsTheListShowsIt: by all filters, after an event that says which part.
func TestTheLogIsTakenAwayAsTheListShowsIt(t *testing.T) {
	b, r := auditors(t)
	me, object := "operator:"+uid.ID{1}.Text(uid.Operator), uid.New(noon, 9)
	day := func(d int) time.Time { return time.Date(2026, 4, d, 0, 0, 0, 0, time.UTC) }
	for _, c := range []struct {
		filters string
		want    audit.Query
		part    operator.LogPart
		file    string
	}{
		{"", audit.Query{}, operator.LogPart{}, "audit.jsonl"},
		{"?from=2026-04-01&to=2026-04-02", audit.Query{From: day(1), Until: day(3)}, operator.LogPart{From: "2026-04-01", To: "2026-04-02"}, "audit-part.jsonl"},
		{"?actor=Mara@example.com&object=" + object.Text(uid.Invitation) + "&type=invitation.created", audit.Query{Type: "invitation.created", Actor: me, Object: object},
			operator.LogPart{Type: "invitation.created", Actor: me, Object: object.UUID()}, "audit-part.jsonl"},
		{"?actor=system", audit.Query{Actor: "system"}, operator.LogPart{Actor: "system"}, "audit-part.jsonl"},
		{"?actor=ann@example.net&type=ann.bee", audit.Query{Actor: "ann@example.net", Type: "ann.bee"}, operator.LogPart{Actor: "other", Type: "other"}, "audit-part.jsonl"},
		{"?actor=opr_ann", audit.Query{Actor: "operator:opr_ann"}, operator.LogPart{Actor: "other"}, "audit-part.jsonl"},
	} {
		r.taken, r.crew.taken = nil, nil
		page := b.get("/console/audit" + c.filters).Body.String()
		link := regexp.MustCompile(`id="export"><a class="quiet" href="([^"]+)" download>`).FindStringSubmatch(page)
		if link == nil {
			t.Fatalf("%q: no export is offered", c.filters)
		}
		if words := strings.Contains(page, "Export what fits"); words != (c.filters != "") {
			t.Errorf("%q: the button says otherwise", c.filters)
		}
		w := b.get(strings.ReplaceAll(link[1], "&amp;", "&"))
		if w.Code != http.StatusOK || w.Header().Get("Content-Disposition") != `attachment; filename="`+c.file+`"` || w.Body.String() != "{}\n" {
			t.Errorf("%q: %d %v %q", c.filters, w.Code, w.Header(), w.Body)
		}
		c.want.Tenant = uid.Tenant{7}
		if len(r.taken) != 1 || r.taken[0] != c.want {
			t.Errorf("%q takes %+v, want %+v", c.filters, r.taken, c.want)
		}
		if len(r.crew.taken) != 1 || r.crew.taken[0] != c.part {
			t.Errorf("%q is noted as %+v, want %+v", c.filters, r.crew.taken, c.part)
		}
	}
	for _, filters := range []string{"?from=yesterday", "?object=x"} {
		r.taken, r.crew.taken = nil, nil
		if w := b.get("/console/audit/export" + filters); w.Code < 400 || r.taken != nil || r.crew.taken != nil {
			t.Errorf("%s is answered by %d", filters, w.Code)
		}
	}
}

// TestAProofIsTakenAwayAfterAnEvent that says of which entry; without the event there is no proof.
func TestAProofIsTakenAwayAfterAnEvent(t *testing.T) {
	b, r := auditors(t)
	id := r.proof.Event.ID.Text(uid.Event)
	w := b.get("/console/audit/" + id + "/proof")
	if w.Header().Get("Content-Disposition") != `attachment; filename="`+id+`.jsonl"` || w.Body.String() != string(r.proof.Lines) {
		t.Errorf("%v %q", w.Header(), w.Body)
	}
	if len(r.crew.taken) != 1 || r.crew.taken[0] != (operator.LogPart{Entry: id}) {
		t.Errorf("it is noted as %+v", r.crew.taken)
	}
	r.crew.deny = fault.New(fault.Unavailable, "busy", "Busy.")
	for _, path := range []string{"/console/audit/" + id + "/proof", "/console/audit/export"} {
		if w := b.get(path); w.Code != http.StatusServiceUnavailable || r.taken != nil || strings.Contains(w.Body.String(), string(r.proof.Lines)) {
			t.Errorf("%s without its event: %d %q", path, w.Code, w.Body)
		}
	}
}

func TestAnExportThatFailsNeverLooksWhole(t *testing.T) {
	b, r := auditors(t)
	r.export = func(io.Writer) error { return audit.ErrNoCheckpoint }
	if w := b.get("/console/audit/export"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Header().Get("Content-Type"), "text/html") {
		t.Errorf("without a checkpoint it is answered by %d", w.Code)
	}
	r.export = func(w io.Writer) error {
		_, _ = io.WriteString(w, "{}\n")
		return errors.New("damaged")
	}
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("the connection is not broken")
		}
	}()
	b.get("/console/audit/export")
}
