package webhook_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

// full has every field, as large as a verification may have it.
type full struct {
	records
	big bool
}

func (f full) Record(_ context.Context, _ uid.Tenant, id uid.ID) (webhook.Record, error) {
	r := webhook.Record{
		ID: id, Status: "approved", To: "+1•••••••23", Channel: "sms", Service: id, Purpose: "login", Locale: "de", ExternalID: "<u&1>",
		Metadata: map[string]string{"k": "v"}, Sends: 2, ChecksLeft: 3, Outcome: "allow", Reasons: []string{"known"},
		CreatedAt: time.Unix(1e9, 0), ExpiresAt: time.Unix(1e9+300, 0), EndedAt: time.Unix(1e9+9, 0),
	}
	if f.big {
		for i := range 16 {
			r.Metadata[strings.Repeat("\"", 39)+string(rune('a'+i))] = strings.Repeat("\u2028", 256) // six bytes of JSON each
		}
	}
	return r, nil
}

func (full) Invitation(_ context.Context, _ uid.Tenant, id uid.ID) (webhook.InvitationRecord, error) {
	return webhook.InvitationRecord{
		ID: id, Kind: "entered", Status: "expired", Reference: "case 7", ExternalID: "<u&1>", Mobile2FA: true, MaskedMobile: "+1•••••••23",
		MaskedEmail: "a•••@example.net", Failure: "contact_attempts_exceeded",
		CreatedAt: time.Unix(1e9, 0), OpenedAt: time.Unix(1e9, 0), ExpiresAt: time.Unix(1e9+300, 0), EndedAt: time.Unix(1e9+9, 0),
	}, nil
}

// RA b.6: never a code, a link or a contact in full.
func TestRA_b6_the_body_of_an_invitation_holds_no_contact_in_full(t *testing.T) {
	t.Parallel()
	got := string(body(t, full{}, "invitation.expired", `{"reason":"x"}`))
	for _, secret := range []string{"5550123", "ann@", "reason\":\"x"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q in %s", secret, got)
		}
	}
	for _, told := range []string{`"mobile_2fa_effective":true`, `"reference":"case 7"`, `"failure_reason":"contact_attempts_exceeded"`, `"id":"inv_`} {
		if !strings.Contains(got, told) {
			t.Errorf("%q is missing in %s", told, got)
		}
	}
}

func TestRA_5_a_webhook_tells_of_a_proven_contact_and_of_no_identity(t *testing.T) {
	t.Parallel()
	for _, kind := range webhook.Types() {
		if !strings.HasPrefix(kind.Name, "invitation.") || kind.Name == "invitation.settings_changed" {
			continue
		}
		got := regexp.MustCompile(`(evt|inv)_\w+`).ReplaceAllString(string(body(t, full{}, kind.Name, "{}")), "") // by chance an id spells anything
		if regexp.MustCompile(`(?i)identi|kyc`).MatchString(got + kind.Means) {
			t.Errorf("%s (%s) is told as %s", kind.Name, kind.Means, got)
		}
	}
}

// body is what is posted for an event of a type.
func body(t *testing.T, from webhook.Records, kind, detail string) []byte {
	t.Helper()
	store := webhooktest.NewMemory()
	var got []byte
	client := answers(func(req *http.Request) { got, _ = io.ReadAll(req.Body) })
	s, err := webhook.New(webhook.Config{}, webhook.Deps{
		Store: store, Ring: ring(t), Records: from, Client: client, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	e, _, err := s.Create(t.Context(), by, webhook.Endpoint{Tenant: uid.NewTenant(now), URL: "https://example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	ev := audit.Event{ID: uid.Random(now), Tenant: e.Tenant, Type: kind, Object: uid.Random(now), At: now, Actor: "system", Data: []byte(detail)}
	d := webhook.Delivery{ID: uid.Random(now), Tenant: e.Tenant, Endpoint: e.ID, Event: ev.ID, Type: kind, State: webhook.Pending, Due: now}
	if err := store.AddDelivery(t.Context(), d, nil, outbox.Effects{Events: []audit.Event{ev}}); err != nil {
		t.Fatal(err)
	}
	s.HandleDeliver(t.Context(), outbox.Job{ID: uid.Random(now), Tenant: e.Tenant, Object: d.ID, N: 1})
	if len(got) == 0 {
		t.Fatalf("%s was not posted", kind)
	}
	return got
}

// answers looks at each request and takes it.
type answers func(*http.Request)

func (a answers) Do(_ context.Context, req *http.Request) (*egress.Response, error) {
	a(req)
	return &egress.Response{Status: 200, Header: http.Header{}}, nil
}

func (answers) UserAgent() string { return "answers" }

// details are events' own data as package verify writes them; docs has a whole server emit them too.
var details = map[string]string{
	"verification.resent": `{"send":2,"channel":"sms","generation":1}`, "verification.sent": `{"send":1,"deliveries":[{"n":1,"provider":"main","state":"sent"}]}`,
	"verification.delivery_recorded": `{"send":1,"deliveries":[]}`, "verification.failed": `{"send":1,"deliveries":[{"n":1,"provider":"main","state":"failed","error":"timeout"}]}`,
	"verification.receipt": `{"n":1,"send":1,"provider":"main","state":"delivered"}`, "verification.check_failed": `{"checks":1,"outcome":"wrong"}`,
	"verification.exhausted": `{"checks":5,"outcome":"wrong"}`, "verification.approved": `{"told_by":"caller"}`, "verification.limited": `{"limit":"recipient"}`,
	"invitation.import_finished": `{"rows":{"all":26,"accepted":25,"created":24,"failed":1}}`,
	"webhook.disabled":           `{"reason":"gone"}`, "verification.superseded": `{"by":"0102"}`, "verification.started": `{"service":"0102"}`,
}

func TestPayload_is_what_the_document_says(t *testing.T) {
	t.Parallel()
	schema := webhooktest.ReadSchema(t, "../../docs/events.md")
	var withDetail []string
	for _, kind := range webhook.Types() {
		if kind.Detail {
			withDetail = append(withDetail, kind.Name)
		}
		for name, from := range map[string]webhook.Records{"full": full{}, "bare": records{}, "gone": records{gone: true}} {
			if faults := schema.Check(body(t, from, kind.Name, details[kind.Name])); len(faults) > 0 {
				t.Errorf("%s, %s: %v", kind.Name, name, faults)
			}
		}
	}
	slices.Sort(withDetail)
	if diff := cmp.Diff(withDetail, schema.Details()); diff != "" {
		t.Errorf("details of the code -, of the document +:\n%s", diff)
	}
	if faults := schema.Check([]byte(schema.Example)); len(faults) > 0 {
		t.Errorf("the example: %v", faults)
	}
	for name, bad := range map[string]string{
		"an unknown field":  strings.Replace(schema.Example, `"purpose"`, `"code"`, 1),
		"a wrong type":      strings.Replace(schema.Example, `"sends": 1`, `"sends": "1"`, 1),
		"an unknown status": strings.Replace(schema.Example, `"status": "approved"`, `"status": "done"`, 1),
		"a missing id":      strings.Replace(schema.Example, `"id": "evt_`, `"ids": "evt_`, 1),
		"an unknown detail": strings.Replace(schema.Example, `{"checks": 1}`, `{"code": 1}`, 1),
	} {
		if len(schema.Check([]byte(bad))) == 0 {
			t.Errorf("the check lets %s through", name)
		}
	}
}

func TestSEC_92_a_body_stays_under_20_kB(t *testing.T) {
	t.Parallel()
	got := body(t, full{big: true}, "verification.approved", `{"checks":1}`)
	if len(got) >= 20_000 || !strings.Contains(string(got), `"metadata_left_out":true`) || !strings.Contains(string(got), `"external_id":"<u&1>"`) {
		t.Errorf("%d bytes: %.400s", len(got), got)
	}
}

// events are the types that a package leaves, as its file event.go names them.
func events(t *testing.T, pkg string) (want []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "../"+pkg+"/event.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if spec, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Event") {
			name, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Error(err)
			}
			want = append(want, name)
		}
		return true
	})
	return want
}

// The catalogue has every type of the events that package verify leaves, and of factors what is there too.
func TestTypes_has_every_event_of_verifications(t *testing.T) {
	t.Parallel()
	want, of := events(t, "verify"), append(events(t, "factor"), events(t, "invite")...)
	var got []string
	for _, kind := range webhook.Types() {
		if kind.Of != "" && kind.Of != uid.Webhook && !slices.Contains(of, kind.Name) {
			t.Errorf("nobody leaves %s", kind.Name)
		}
		if strings.HasPrefix(kind.Name, "verification.") {
			got = append(got, kind.Name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" || len(want) < 10 {
		t.Errorf("verify -, catalogue +:\n%s", diff)
	}
}
