package console_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tally"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

var (
	acme  = uid.Tenant{7}
	adaID = uid.ID{0xa, 15: 1}
	codeA = uid.ID{0xc, 15: 1}
	fileA = uid.ID{0xf, 15: 1}
	agent = uid.ID{0xe, 15: 1}
)

// window is where the window of Ada's invitation is.
var window = "/console/verifications/" + adaID.Text(uid.Invitation)

// sender is a fake of what the pages about verifications ask. It takes down what it is asked to do.
type sender struct {
	people
	views  map[uid.ID]invite.View
	events []audit.Event
	checks policy.Checks
	look   policy.Customisation
	list   []invite.ListRequest
	more   uid.ID

	refuse  error // of what changes something
	rows    []error
	did     []any
	saw     int // the link that somebody who helps saw
	own     map[string]bool
	file    invite.Import
	allowed bool // the file that came last may invite people once more
	result  string
	change  chan tally.Change
	seen    string // key of the link that was made last without sending it

	letters map[uid.ID][]invite.Dispatch // messages that are no codes
}

// act is what a customer was helped by.
type act struct {
	What, Reason string
	With         any
	By           string
}

func newSender() *sender {
	return &sender{
		checks: policy.DefaultChecks(), look: policy.DefaultCustomisation(), own: map[string]bool{}, change: make(chan tally.Change),
		file: invite.Import{ID: fileA, Rows: 3, Accepted: 2, Created: 1, CreatedAt: noon},
		views: map[uid.ID]invite.View{adaID: {
			ID: adaID, Kind: invite.Fixed, Status: invite.MobileFailed, FirstName: "Ada", LastName: "Lovelace", MaskedMobile: mobile, MaskedEmail: address,
			Policy: policy.YesOptional, Mobile2FA: true, Reference: "INV-1", Channels: []delivery.Channel{delivery.Email, delivery.SMS}, CreatedAt: noon,
			Gates: []invite.GateView{{Channel: delivery.SMS, Fixed: true, Masked: mobile, Shut: true}},
		}},
		letters: map[uid.ID][]invite.Dispatch{adaID: {{
			ID: uid.ID{1}, Invitation: adaID, N: 1, Kind: invite.NoticeInvitation, Channel: delivery.Email, To: address, Provider: "post",
			State: delivery.Delivered, At: noon,
		}}},
	}
}

// browse is a browser of somebody with a role over it.
func (d *sender) browse(t *testing.T, role operator.Role) *browser {
	t.Helper()
	return newBrowser(t, d, func(c *console.Config) { c.Invitations, c.Dispatches, c.Changes, c.Contacts = d, codes, d, places{} }).as(role)
}

func (d *sender) People(context.Context, uid.Tenant) ([]operator.Person, error) {
	return []operator.Person{{ID: agent, Name: "Mara Jensen"}}, nil
}

func (d *sender) IsOperators(_ context.Context, t uid.Tenant, contact string) (bool, error) {
	return t == acme && d.own[contact], nil
}

func (d *sender) ConfirmContact(_ context.Context, _ operator.Client, g operator.Signed) error {
	d.did = append(d.did, "confirmed by "+g.Operator.Email)
	return nil
}

func (d *sender) Watch(context.Context, uid.Tenant) (<-chan tally.Change, error) {
	return d.change, nil
}

func (d *sender) List(_ context.Context, r invite.ListRequest) ([]invite.View, uid.ID, error) {
	d.list = append(d.list, r)
	if d.refuse != nil {
		return nil, uid.ID{}, d.refuse
	}
	var all []invite.View
	for _, v := range d.views {
		all = append(all, v)
	}
	return all, d.more, nil
}

func (d *sender) Get(_ context.Context, t invite.Target) (invite.View, error) {
	v, ok := d.views[t.ID]
	if !ok || t.Caller.Tenant != acme {
		return v, fault.New(fault.NotFound, "invitation_not_found", "There is no such invitation.")
	}
	return v, nil
}

func (d *sender) Events(_ context.Context, _ invite.Target, after uid.ID, _ int) ([]audit.Event, uid.ID, error) {
	if len(d.events) > 1 && after.IsZero() { // two pages
		return d.events[:1], uid.ID{1}, nil
	}
	return d.events[min(1, len(d.events)):], uid.ID{}, nil
}

func (d *sender) Dispatches(context.Context, invite.DispatchQuery, uid.Page) ([]invite.Dispatch, uid.ID, error) {
	return nil, uid.ID{}, nil
}

func (d *sender) DispatchesOf(_ context.Context, t invite.Target) ([]invite.Dispatch, error) {
	return d.letters[t.ID], nil
}

func (d *sender) Reveal(_ context.Context, t invite.Target) (invite.Revealed, error) {
	d.did = append(d.did, act{What: "reveal", By: t.Caller.Actor})
	return invite.Revealed{Phone: "+447700900123", Email: "ada@example.org"}, nil
}

func (d *sender) help(what string, t invite.Target, reason string, with any) (invite.View, error) {
	d.saw = t.Link
	if d.refuse != nil {
		return invite.View{}, d.refuse
	}
	d.did = append(d.did, act{what, reason, with, t.Caller.Actor})
	return d.views[t.ID], nil
}

func (d *sender) Resend(_ context.Context, t invite.Target, c []delivery.Channel) (invite.View, error) {
	return d.help("resend", t, t.Reason, c)
}

func (d *sender) Correct(_ context.Context, t invite.Target, c invite.Contact) (invite.View, error) {
	return d.help("correct", t, t.Reason, c)
}

func (d *sender) Unlock(_ context.Context, t invite.Target, reason string) (invite.View, error) {
	return d.help("unlock", t, reason, nil)
}

func (d *sender) Cancel(_ context.Context, t invite.Target, reason string) (invite.View, error) {
	return d.help("cancel", t, reason, nil)
}

func (d *sender) Checks(context.Context, uid.Tenant) (policy.Checks, error) { return d.checks, nil }

func (d *sender) Customisation(context.Context, uid.Tenant) (policy.Customisation, error) {
	return d.look, nil
}

func (d *sender) CreateMany(_ context.Context, rs []invite.CreateRequest) ([]invite.ManyAnswer, error) {
	d.did = append(d.did, rs)
	out := make([]invite.ManyAnswer, len(rs))
	for i, r := range rs {
		if i < len(d.rows) && d.rows[i] != nil {
			out[i].Err = d.rows[i]
			continue
		}
		if r.Silent && r.Idempotency.Key != d.seen {
			out[i].Answer.Token, d.seen = seal.CodeFrom("TOKEN"), r.Idempotency.Key
		}
		out[i].Answer.View = invite.View{ID: uid.ID{0xa, 15: byte(i + 1)}, FirstName: r.FirstName, LastName: r.LastName}
	}
	return out, nil
}

func (d *sender) LinkOf(token seal.Code) string { return "https://verify.test/v/" + token.Reveal() }

func (d *sender) Import(_ context.Context, r invite.ImportRequest) (invite.ImportAnswer, error) {
	if d.refuse != nil {
		return invite.ImportAnswer{}, d.refuse
	}
	d.did = append(d.did, string(r.File))
	if !strings.HasSuffix(string(r.Idempotency.Body), string(r.File)) || r.Idempotency.Key == "" {
		return invite.ImportAnswer{}, errors.New("another file by the same form is taken as the same request")
	}
	a := invite.ImportAnswer{Import: d.file}
	if r.DryRun {
		a.Import.ID, a.Open, a.Rejected = uid.ID{}, 1, []invite.RefusedRow{{Row: 2, Field: "mobile", Code: "invitation_open", Detail: "Words of the API.", Open: adaID}}
	}
	d.allowed = r.AllowOpen
	return a, nil
}

func (d *sender) GetImport(_ context.Context, _ invite.Caller, id uid.ID) (invite.Import, error) {
	if id != d.file.ID {
		return invite.Import{}, fault.New(fault.NotFound, "import_not_found", "There is no such import.")
	}
	return d.file, nil
}

func (d *sender) Imports(context.Context, invite.Caller, uid.Page) ([]invite.Import, uid.ID, error) {
	return []invite.Import{d.file}, uid.ID{}, nil
}

func (d *sender) ImportResult(context.Context, invite.Caller, uid.ID) ([]byte, error) {
	return []byte(d.result), nil
}

// requests are those of the last time that links were asked for.
func (d *sender) requests(t *testing.T) []invite.CreateRequest {
	t.Helper()
	for _, one := range slices.Backward(d.did) {
		if rs, ok := one.([]invite.CreateRequest); ok {
			return rs
		}
	}
	t.Fatal("no link was asked for")
	return nil
}

// codes are what was tried of one verification.
var codes = &post{list: []verify.Dispatch{{
	Verification: codeA, N: 1, To: mobile, Provider: "smsc", Channel: delivery.SMS, State: delivery.Failed, Error: "route_unavailable",
	Latency: 1200 * time.Millisecond, At: noon,
}}}

// places are two countries and two languages.
type places struct{}

func (places) Countries(allowed ...string) []console.Option {
	var all []console.Option
	for _, c := range countries()[:2] {
		if len(allowed) == 0 || slices.Contains(allowed, c.Value) {
			all = append(all, console.Option{Value: c.Value, Label: c.Label})
		}
	}
	return all
}

func (places) Locales() []console.Option {
	return []console.Option{{Value: "en", Label: "English"}, {Value: "de", Label: "Deutsch"}}
}

// streamed serves a request as a server does, until ctx ends.
func (b *browser) streamed(ctx context.Context, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "http://console.test"+path, nil)
	return b.do(r)
}
