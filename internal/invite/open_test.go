package invite_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

func ifOpen(how invite.IfOpen) func(*invite.CreateRequest) {
	return func(r *invite.CreateRequest) { r.IfOpen = how }
}

// bringWith takes a file in as bring does, with what changes its request.
func (d *desk) bringWith(file string, change func(*invite.ImportRequest)) invite.ImportAnswer {
	d.Helper()
	r := invite.ImportRequest{Caller: d.by, File: []byte(file)}
	change(&r)
	a, err := d.Import(d.ctx(), r)
	if err != nil {
		d.Fatalf("import: %v", err)
	}
	return a
}

func TestRA_57_a_file_with_people_of_before_refuses_their_rows_and_names_what_is_open(t *testing.T) {
	t.Parallel()
	d := setup(t)
	first := d.create(func(r *invite.CreateRequest) { r.Mobile = "+447400000002" }).View
	file := "first_name,last_name,email,mobile,country\n" +
		"Ann,Bee,,+447400000001,\n" +
		"Ann,Bee,,07400 000002,GB\n" + // the number, in another spelling
		"Bob,Ray," + strings.ToUpper(email) + ",+447400000003,\n" + // the address
		"Cy,Fox,,+447400000004,\n"
	want := map[int]string{3: "invitation_open mobile", 4: "invitation_open email"}
	dry := d.bringWith(file, func(r *invite.ImportRequest) { r.DryRun = true })
	if diff := cmp.Diff(want, refusals(dry)); diff != "" || dry.Open != 2 || dry.Import.Accepted != 2 {
		t.Errorf("a dry run counts %d open, %d accepted; rejected (-want +got):\n%s", dry.Open, dry.Import.Accepted, diff)
	}
	a := d.bring(file)
	if diff := cmp.Diff(want, refusals(a)); diff != "" || a.Open != 2 {
		t.Errorf("counts %d open; rejected (-want +got):\n%s", a.Open, diff)
	}
	id := first.ID.Text(uid.Invitation)
	for i, what := range []string{"number", "address"} {
		r := a.Rejected[i]
		if r.Open != first.ID || r.Detail != "This "+what+" has an open invitation, "+id+" of 2027-03-01. Cancel it or send it again, or allow another with allow_open." {
			t.Errorf("says %s of %s", r.Detail, r.Open)
		}
	}
	d.work()
	d.is(len(d.all()), 3, "invitations")
	text, err := d.ImportResult(d.ctx(), d.by, a.Import.ID)
	if err != nil || !strings.Contains(string(text), "\n3,,,"+id+",rejected,mobile,invitation_open,\"This number has an open invitation") {
		t.Errorf("the result is %s, %v", text, err)
	}
}

func TestRA_57_who_allows_it_invites_people_once_more(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.bring(people(3))
	d.work()
	a := d.bringWith(people(4), func(r *invite.ImportRequest) { r.AllowOpen = true })
	d.is(a.Import.Accepted, 4, "accepted")
	d.is(a.Open, 3, "open")
	d.work()
	d.is(len(d.all()), 7, "invitations")
	im := d.imported(a.Import.ID)
	d.is([2]int{im.Created, im.Failed}, [2]int{4, 0}, "counts")
}

func TestRA_57_the_same_file_twice_invites_nobody_twice(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.bring(people(3))
	again := d.bring(people(4)) // before a row of the first one had its turn
	d.is(again.Open, 0, "open at that moment")
	d.work()
	d.is(d.once(), 4, "links")
	d.is(len(d.all()), 4, "invitations")
	im, late := d.imported(a.Import.ID), d.imported(again.Import.ID)
	d.is(im.Created+late.Created, 4, "made")
	d.is(im.Failed+late.Failed, 3, "failed")
	for _, id := range []uid.ID{a.Import.ID, again.Import.ID} {
		for row, state := range d.result(id) {
			if state != "created" && state != "failed invitation_open mobile" {
				t.Errorf("row %s: %s", row, state)
			}
		}
	}
}

func TestRA_57_an_invitation_that_has_ended_or_is_anothers_refuses_nobody(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*desk, uid.ID){
		"canceled": func(d *desk, id uid.ID) {
			if _, err := d.Cancel(d.ctx(), invite.Target{Caller: d.by, ID: id}, ""); err != nil {
				d.Fatal(err)
			}
		},
		"over, which nobody has said yet": func(d *desk, _ uid.ID) { d.later(31 * 24 * time.Hour) },
		"another firm's":                  func(d *desk, _ uid.ID) { d.by.Tenant = uid.NewTenant(d.world.now.Add(time.Second)) },
	} {
		d := setup(t)
		end(d, d.create().View.ID)
		if _, err := d.Create(d.ctx(), d.ask(ifOpen(invite.OpenRefused))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRA_57_a_single_invitation_is_told_of_the_others_and_a_row_of_ten_refused(t *testing.T) {
	t.Parallel()
	d := setup(t)
	first := d.create(func(r *invite.CreateRequest) { r.Email, r.Reference = "", "case-1" }, ifOpen(invite.OpenTold))
	d.is(len(first.Open), 0, "told of the first one")
	d.later(time.Minute)
	second := d.create(func(r *invite.CreateRequest) { r.Mobile, r.Mobile2FA = "", new(false) }, ifOpen(invite.OpenTold))
	d.is(len(second.Open), 0, "told of one to another contact")
	once := &verify.Idempotency{Key: "k-1", Body: []byte("b")}
	var told []string
	for range 2 { // a repeat is told the same, and not of itself
		a := d.create(ifOpen(invite.OpenTold), func(r *invite.CreateRequest) { r.Idempotency = once })
		var list []string
		for _, o := range a.Open {
			list = append(list, fmt.Sprint(o.ID.Text(uid.Invitation), o.Reference, o.Status))
		}
		told = append(told, strings.Join(list, " "))
	}
	want := second.View.ID.Text(uid.Invitation) + "created " + first.View.ID.Text(uid.Invitation) + "case-1created"
	d.is(told[0], want, "told")
	d.is(told[1], want, "told again")
	d.is(len(d.create().Open), 0, "told who did not ask")
	answers, err := d.CreateMany(d.ctx(), []invite.CreateRequest{d.ask(ifOpen(invite.OpenRefused)), d.ask(ifOpen(invite.OpenTold))})
	if err != nil || answers[1].Err != nil || len(answers[1].Answer.Open) != 4 {
		t.Fatalf("%+v, %v", answers, err)
	}
	d.fault(answers[0].Err, fault.Conflict, "invitation_open")
	form := d.ask(entered(true, false), ifOpen(invite.OpenRefused), func(r *invite.CreateRequest) { r.Contacts.Phone = mobile })
	_, err = d.Create(d.ctx(), form)
	d.is(fault.As(err).Code+" "+fault.As(err).Field, "invitation_open phone", "of a contact that the customer may change")
}
