package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
)

func oneImport() invite.Import {
	return invite.Import{Tenant: acme, ID: imp, Rows: 3, Accepted: 2, Created: 1, Actor: "key:key_hidden", RequestID: "req_hidden", CreatedAt: began}
}

type importAsked struct {
	ID     uid.ID
	Before uid.ID
	Limit  int
}

func (i invites) Import(_ context.Context, r invite.ImportRequest) (invite.ImportAnswer, error) {
	a := invite.ImportAnswer{Import: oneImport(), Rejected: []invite.RefusedRow{{Row: 3, Field: "mobile", Code: "duplicate", Detail: "Row 2 has this number already."}}}
	if r.AllowOpen {
		a.Open = 1
	} else if strings.Contains(string(r.File), "Known") {
		a.Open, a.Rejected = 1, []invite.RefusedRow{{Row: 2, Field: "mobile", Code: "invitation_open", Detail: "Open.", Open: inv}}
	}
	if a.Import.Created = 0; r.DryRun {
		a.Import.ID = uid.ID{}
	}
	return a, i.s.note(r.Caller.Tenant, r)
}

func (i invites) GetImport(_ context.Context, by invite.Caller, id uid.ID) (invite.Import, error) {
	return oneImport(), i.s.note(by.Tenant, importAsked{ID: id})
}

func (i invites) Imports(_ context.Context, by invite.Caller, p uid.Page) ([]invite.Import, uid.ID, error) {
	done := oneImport()
	done.Created, done.Failed, done.FinishedAt = 1, 1, began
	return []invite.Import{done}, i.s.more, i.s.note(by.Tenant, importAsked{Before: p.Before, Limit: p.Limit})
}

func (i invites) ImportResult(_ context.Context, by invite.Caller, id uid.ID) ([]byte, error) {
	return []byte("row,status\n2,created\n"), i.s.note(by.Tenant, importAsked{ID: id})
}

const csvFile = "first_name,last_name,mobile\nAnn,Lee,+12025550123\n"

const importPath = "/v1/invitations/import"

var imports = []scenario{
	{name: "a file is taken in", method: "POST", target: importPath, body: csvFile, status: 202,
		want: []string{`{"id":"imp_`, `"status":"pending","rows":3,"accepted":2,"created":0,"failed":0,"created_at":"2026-11-21T22:46:00.123Z"`,
			`"rejected":[{"row":3,"field":"mobile","code":"duplicate","detail":"Row 2 has this number already."}]`}, not: []string{"hidden", "finished_at"}},
	{name: "a person who has an open invitation", method: "POST", target: importPath + "?dry_run=true", body: "first_name\nKnown\n", status: 200,
		want: []string{`"open":1`, `{"row":2,"field":"mobile","code":"invitation_open","detail":"Open.","open_invitation":"` + inv.Text(uid.Invitation) + `"}`}},
	{name: "and who allows it", method: "POST", target: importPath + "?allow_open=true", body: "first_name\nKnown\n", status: 202, want: []string{`"open":1`}, not: []string{"open_invitation"}},
	{name: "a dry run keeps nothing", method: "POST", target: importPath + "?dry_run=true", body: csvFile, status: 200, want: []string{`{"status":"pending"`}, not: []string{`"id"`}},
	{name: "perhaps a dry run", method: "POST", target: importPath + "?dry_run=perhaps", body: csvFile, status: 422, want: []string{`"field":"dry_run"`}},
	{name: "more than 1 MiB", method: "POST", target: importPath, body: strings.Repeat("x", 1<<20+1), status: 413, want: []string{`"code":"body_too_large"`, "1 MiB", "1000 rows"}},
	{name: "1 MiB", method: "POST", target: importPath, body: strings.Repeat("x", 1<<20), status: 202},
	{name: "too many rows", method: "POST", target: importPath, body: csvFile, status: 422,
		prepare: func(s *services) {
			s.err = fault.New(fault.Invalid, "too_many_rows", "The file has 10000 rows. Send at most 1000 in one file.")
		},
		want: []string{`"code":"too_many_rows"`, "10000 rows"}},
	{name: "how far it is", method: "GET", target: impPath, status: 200, want: []string{`"status":"running"`, `"created":1`}, not: []string{"hidden", "rejected"}},
	{name: "no id", method: "GET", target: "/v1/imports/x", status: 404, want: []string{`"code":"import_not_found"`}},
	{name: "an id of another kind", method: "GET", target: "/v1/imports/" + inv.Text(uid.Invitation) + "/result", status: 404, want: []string{`"code":"import_not_found"`}},
	{name: "a list", method: "GET", target: "/v1/imports?limit=1", status: 200, want: []string{`{"data":[{"id":"imp_`, `"status":"done"`, `"finished_at":"2026-11-21T22:46:00.123Z"`, `"next":null`}},
	{name: "a limit of none", method: "GET", target: "/v1/imports?limit=0", status: 422, want: []string{`"field":"limit"`}},
	{name: "a cursor that is none", method: "GET", target: "/v1/imports?cursor=x", status: 422, want: []string{`"code":"cursor_invalid"`}},
}

func TestRA_57_a_file_of_invitations_over_the_API(t *testing.T) {
	t.Parallel()
	play(t, imports)
}

func TestRA_57_a_file_has_to_be_sent_as_one(t *testing.T) {
	t.Parallel()
	h := newServer(t, newServices(), io.Discard)
	for media, want := range map[string]int{
		"text/csv": 202, "Text/CSV; charset=UTF-8": 202, "text/csv; header=present; charset=us-ascii": 202,
		"": 415, "application/json": 415, "text/plain": 415, "multipart/form-data; boundary=x": 415, "text/csv;;": 415,
		"text/csv; charset=iso-8859-1": 400, "text/csv; charset=utf-16": 400,
	} {
		w := call(h, "POST", importPath, csvFile, map[string]string{"Content-Type": media})
		if w.Code != want {
			t.Errorf("%q: %d %s, want %d", media, w.Code, w.Body, want)
		}
	}
	if w := call(h, "POST", importPath, "", map[string]string{"Content-Type": "text/csv"}); w.Code != 400 || !strings.Contains(w.Body.String(), "Send the file as CSV, its header first.") {
		t.Errorf("an empty body: %d %s", w.Code, w.Body)
	}
}

func TestRA_57_the_result_of_a_file_is_one(t *testing.T) {
	t.Parallel()
	h := newServer(t, newServices(), io.Discard)
	w := call(h, "GET", impPath+"/result", "", map[string]string{"Accept": "text/html"})
	if w.Code != 200 || w.Header().Get("Content-Type") != "text/csv; charset=utf-8" || w.Body.String() != "row,status\n2,created\n" ||
		w.Header().Get("Content-Disposition") != `attachment; filename="`+imp.Text(uid.Import)+`.csv"` || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	for _, target := range []string{impPath, impPath + "/result"} {
		if w := call(h, "GET", target, "", map[string]string{"Authorization": "Bearer " + keyOther}); w.Code != 404 {
			t.Errorf("another tenant's: %d %s", w.Code, w.Body)
		}
	}
}

func TestSEC_81_another_file_is_another_request(t *testing.T) {
	t.Parallel()
	asked := func(file string, query ...string) []byte {
		t.Helper()
		fake := newServices()
		if w := call(newServer(t, fake, io.Discard), "POST", importPath+strings.Join(query, ""), file, map[string]string{"Idempotency-Key": "k-1"}); w.Code != 202 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		return fake.asked[0].(invite.ImportRequest).Idempotency.Body
	}
	if !bytes.Equal(asked(csvFile), asked(csvFile)) || bytes.Equal(asked(csvFile), asked(csvFile+"Bob,Ray,+12025550124\n")) {
		t.Error("what is asked is not told by the file")
	}
	if bytes.Equal(asked(csvFile), asked(csvFile, "?allow_open=true")) {
		t.Error("a file that may invite people once more is the same request as one that may not")
	}
	if text := asked(csvFile); bytes.Contains(text, []byte("Ann")) || !json.Valid(text) {
		t.Errorf("asked %s", text)
	}
}
