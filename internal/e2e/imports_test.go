package e2e

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/tenant"
)

// imported is what the tests read of an import.
type imported struct {
	ID, Status                      string
	Rows, Accepted, Created, Failed int
	Rejected                        []struct {
		Row         int
		Field, Code string
	}
}

func (a answer) imported(t testing.TB) (im imported) {
	t.Helper()
	if err := json.Unmarshal(a.body, &im); !a.ok() || err != nil {
		t.Fatalf("want an import, got %v (%v)", a, err)
	}
	return im
}

// bring sends a file.
func (c *caller) bring(t testing.TB, idempotency, file string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.base()+"/v1/invitations/import", strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", "text/csv")
	req.Header.Set("Idempotency-Key", idempotency)
	res, err := c.http.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{status: res.StatusCode, header: res.Header, body: text, err: err}
}

// progress reads how far an import is.
func (c *caller) progress(ctx context.Context, id string) (im imported, ok bool) {
	a := c.call(ctx, http.MethodGet, "/v1/imports/"+id, "", nil)
	return im, a.ok() && json.Unmarshal(a.body, &im) == nil
}

// crowd is a file of n people whose numbers nobody else has.
func (in *installation) crowd(n int) (file string, numbers []string) {
	var b strings.Builder
	b.WriteString("first_name;last_name;mobile;reference\r\n")
	for i := range n {
		to := in.number()
		numbers = append(numbers, to)
		fmt.Fprintf(&b, "Anneliese;Beethoven;%s;case-%d\r\n", to, i)
	}
	return b.String(), numbers
}

// received is how many links each number got; it fails for one that got two.
func (in *installation) received(t testing.TB, numbers []string) (all int) {
	t.Helper()
	got := map[string]int{}
	in.relay.mu.Lock()
	for _, m := range in.relay.all {
		got[m.To]++
	}
	in.relay.mu.Unlock()
	for _, to := range numbers {
		if got[to] > 1 {
			t.Errorf("a number got %d links", got[to])
		}
		all += got[to]
	}
	return all
}

func TestRA_57_a_file_of_1000_rows_is_invited_whole(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		s := in.up()
		file, numbers := in.crowd(990)
		for range 10 {
			file += "Cy;Landline;+442079460123;\r\n"
		}
		a := in.bring(t, "k-1", file)
		im := a.imported(t)
		if a.status != 202 || im.Rows != 1000 || im.Accepted != 990 || len(im.Rejected) != 10 || im.Rejected[0].Row != 992 || im.Rejected[0].Code != "recipient_line_type" {
			t.Fatalf("%v", a)
		}
		if again := in.bring(t, "k-1", file); string(again.body) != string(a.body) {
			t.Errorf("sent again: %v", again)
		}
		problem(t, "another file with the key", in.bring(t, "k-1", file+"x;y;;\n"), 422, "idempotency_mismatch")
		problem(t, "a row too many", in.bring(t, "k-2", file+"x;y;;\n"), 422, "too_many_rows")
		until(t, 2*time.Minute, "the import to be done", func() bool {
			now, ok := in.progress(t.Context(), im.ID)
			return ok && now.Status == "done"
		})
		until(t, 2*time.Minute, "the links to be sent", func() bool { return in.relay.total() >= 990 })
		in.drained(t)
		if n := in.received(t, numbers); n != 990 || in.relay.total() != 990 {
			t.Errorf("%d links to those of the file, %d in all", n, in.relay.total())
		}
		if n := in.count(in.db(), `SELECT count(*) FROM invitation`); n != 990 {
			t.Errorf("%d invitations", n)
		}
		in.wholeResult(t, im.ID, map[string]int{"created": 990, "rejected": 10})
		for _, text := range []string{s.log.String(), string(in.dump())} {
			if strings.Contains(text, numbers[0][1:]) || strings.Contains(text, "eethoven") {
				t.Error("the log or the database holds a number or a name")
			}
		}
	})
}

// wholeResult reads the result of an import and counts its rows by what became of them.
func (in *installation) wholeResult(t testing.TB, id string, want map[string]int) {
	t.Helper()
	a := in.call(t.Context(), http.MethodGet, "/v1/imports/"+id+"/result", "", nil)
	rows, err := csv.NewReader(strings.NewReader(string(a.body))).ReadAll()
	if !a.ok() || err != nil {
		t.Fatalf("the result: %v %v", a, err)
	}
	got := map[string]int{}
	for _, r := range rows[1:] {
		got[r[4]]++
		if (r[4] == "created") != strings.HasPrefix(r[3], "inv_") {
			t.Errorf("row %v", r)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("rows by status: %v, want %v", got, want)
	}
}

func TestRA_57_a_file_survives_kills_of_its_server(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		s := in.up()
		const rows = 400
		strikes := kills(t, 5)
		if database == onPostgres {
			strikes = min(strikes, 2) // the lease of a job of a dead server runs to its end there
		}
		file, numbers := in.crowd(rows)
		im := in.bring(t, "k-1", file).imported(t)
		killed := 0
		for seen := 0; killed < strikes; {
			now, ok := in.progress(t.Context(), im.ID)
			if ok && now.Status == "done" {
				break
			}
			if ok && now.Created > seen {
				seen = now.Created
				s.kill()
				killed++
				s = in.up()
			}
		}
		if killed == 0 {
			t.Error("the import was done before it could be killed")
		}
		until(t, 3*time.Minute, "the import to be done", func() bool {
			now, ok := in.progress(t.Context(), im.ID)
			return ok && now.Status == "done" && now.Created == rows
		})
		db := in.db()
		until(t, 3*time.Minute, "all links to be tried", func() bool { return in.count(db, `SELECT count(*) FROM job WHERE NOT dead`) == 0 })
		if n := in.count(db, `SELECT count(*) FROM invitation`); n != rows {
			t.Errorf("%d invitations", n)
		}
		in.received(t, numbers)
		// A link that may have been sent by a server that died is not sent again, and the firm sees that.
		unsure := in.count(db, `SELECT count(*) FROM invitation WHERE body LIKE '%"unknown"%'`)
		if n := in.received(t, numbers); n+unsure < rows {
			t.Errorf("%d links were sent, and %d are unsure, of %d", n, unsure, rows)
		}
		in.wholeResult(t, im.ID, map[string]int{"created": rows})
		t.Logf("%d kills, %d links unsure", killed, unsure)
		in.verifyAudit()
	})
}

func TestRA_70_another_firms_file_is_not_there(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		in.up()
		file, _ := in.crowd(3)
		im := in.bring(t, "k-1", file).imported(t)
		other := &caller{base: in.base, http: in.http}
		in.tools(func(tools *app.Tools) error {
			by := tenant.Caller{Actor: "test"}
			made, err := tools.Directory.CreateTenant(t.Context(), by, "Other")
			if err != nil {
				return err
			}
			_, secret, err := tools.Directory.CreateKey(t.Context(), by, made.ID, tenant.KeyRequest{Scopes: []string{tenant.ScopeAll}})
			other.key = secret.Reveal()
			return err
		})
		for _, path := range []string{"", "/result"} {
			problem(t, "GET "+path, other.call(t.Context(), http.MethodGet, "/v1/imports/"+im.ID+path, "", nil), 404, "import_not_found")
		}
		if a := other.call(t.Context(), http.MethodGet, "/v1/imports", "", nil); strings.TrimSpace(string(a.body)) != `{"data":[],"next":null}` {
			t.Errorf("a list: %v", a)
		}
		if own := other.bring(t, "k-1", file).imported(t); own.ID == im.ID { // its key is no other firm's
			t.Error("another firm's key gave our answer")
		}
	})
}

func TestSEC_99_nobody_is_erased_while_a_file_is_under_way(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		s := in.up()
		in.relay.hang() // so that nothing is sent
		file, numbers := in.crowd(1)
		im := in.bring(t, "k-1", file).imported(t)
		until(t, time.Minute, "the import to be done", func() bool {
			now, ok := in.progress(t.Context(), im.ID)
			return ok && now.Status == "done"
		})
		s.kill()
		db := in.db()
		erase := func() (code string) {
			in.tools(func(tools *app.Tools) error {
				_, _, err := tools.EraseSubject(t.Context(), in.tenant, numbers[0], "test")
				if err != nil {
					code, _, _ = strings.Cut(err.Error(), ":")
				}
				return nil
			})
			return code
		}
		for _, step := range []struct{ change, want string }{
			{`UPDATE invitation SET status = 'canceled', body = '{"status":"canceled"}'`, ""},
			{`UPDATE invitation_import SET finished_us = 0`, "import_open"},
		} {
			if _, err := db.ExecContext(t.Context(), step.change); err != nil {
				t.Fatal(err)
			}
			if got := erase(); got != step.want {
				t.Errorf("after %s: %q, want %q", step.change, got, step.want)
			}
		}
	})
}

func TestRA_57_the_end_of_a_file_is_told_to_webhooks_with_numbers_alone(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		in.up()
		made := in.call(t.Context(), http.MethodPost, "/v1/webhooks", "", map[string]any{"url": "https://127.0.0.1:1/", "events": []string{"invitation.import_finished"}})
		var hook struct{ ID string }
		if err := json.Unmarshal(made.body, &hook); !made.ok() || err != nil {
			t.Fatalf("%v %v", made, err)
		}
		file, numbers := in.crowd(25)
		im := in.bring(t, "k-1", file+"Cy;Landline;+442079460123;\r\n").imported(t)
		path := "/v1/webhooks/" + hook.ID + "/deliveries"
		var list struct {
			Data []struct {
				ID, Type string
				Tries    int
			}
		}
		until(t, time.Minute, "a try to tell of the end", func() bool { // nobody is there to take it
			a := in.call(t.Context(), http.MethodGet, path, "", nil)
			return a.ok() && json.Unmarshal(a.body, &list) == nil && len(list.Data) > 0 && list.Data[0].Tries > 0
		})
		a := in.call(t.Context(), http.MethodGet, path+"/"+list.Data[0].ID, "", nil)
		var shown struct {
			Log     []struct{ At, Error string }
			Request struct {
				URL, Body string
				Headers   map[string]string
			}
		}
		if err := json.Unmarshal(a.body, &shown); !a.ok() || err != nil {
			t.Fatalf("%v %v", a, err)
		}
		if len(list.Data) != 1 || len(shown.Log) == 0 || shown.Log[0].Error != "unreachable" || shown.Request.Headers["Webhook-Signature"] != "[not shown]" {
			t.Errorf("%d deliveries, and %v", len(list.Data), a)
		}
		var told struct {
			Type string
			Data map[string]any
		}
		want := map[string]any{"id": im.ID, "detail": map[string]any{"rows": map[string]any{"all": 26.0, "accepted": 25.0, "created": 25.0, "failed": 0.0}}}
		if err := json.Unmarshal([]byte(shown.Request.Body), &told); err != nil || told.Type != "invitation.import_finished" || !reflect.DeepEqual(told.Data, want) {
			t.Errorf("it tells %s, want %v", shown.Request.Body, want)
		}
		if strings.Contains(string(a.body), numbers[0][3:]) || strings.Contains(string(a.body), "nneliese") {
			t.Errorf("it tells of a person: %v", a)
		}
	})
}
