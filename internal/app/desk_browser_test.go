package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/store/postgres"
	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web/browsertest"
)

// The customer of these tests. In production numbers of fiction are refused, so these are of ranges that nobody has.
const (
	adaMobile  = "+447400123456"
	adaOther   = "+447400123457"
	adaAddress = "ada@customer.example"
)

// TestWorkWithCustomersInABrowser is what agents do all day.
func TestWorkWithCustomersInABrowser(t *testing.T) {
	t.Parallel()
	chromium := browsertest.Start(t)
	for name, does := range map[string]func(*testing.T, context.Context){
		"a first verification":                   firstVerification,
		"a first verification, on PostgreSQL":    firstOnPostgreSQL,
		"RA_57 three customers by one form":      threeByForm,
		"a file, and its result":                 fileAndResult,
		"a file, and a server that is restarted": fileAndRestart,
		"the window follows the customer":        liveWindow,
		"RA_55 a code that did not come":         codeDidNotCome,
		"RA_55 unlocked with a reason":           unlockedWithReason,
		"without script":                         workWithoutScript,
		"by the keyboard":                        workByKeyboard,
		"long names, and from right to left":     longNames,
	} {
		t.Run(name, func(t *testing.T) { does(t, chromium) })
	}
}

// customer fills in one customer of the form.
func (k *clerk) customer(place int, first, last, mobile, email, reference string) {
	k.T.Helper()
	n := fmt.Sprintf("_%d", place)
	k.fill("first_name"+n, first, "last_name"+n, last, "mobile"+n, mobile, "email"+n, email, "reference"+n, reference)
}

// asked makes a verification by the service.
func (o *office) asked(change func(*invite.CreateRequest)) (id uid.ID, window string) {
	o.Helper()
	id, _ = o.invited(func(r *invite.CreateRequest) {
		r.FirstName, r.LastName, r.Email, r.Mobile, r.Silent = "Ada", "Lovelace", adaAddress, adaMobile, false
		if change != nil {
			change(r)
		}
	})
	return id, "/console/verifications/" + id.Text(uid.Invitation)
}

// firstVerification counts what it takes from the sign-in to a link that is on its way.
func firstVerification(t *testing.T, chromium context.Context) { firstIn(t, chromium, newOffice(t)) }

// firstOnPostgreSQL is the same with the other database.
func firstOnPostgreSQL(t *testing.T, chromium context.Context) {
	key := filepath.Join(t.TempDir(), "master.key")
	if err := seal.CreateFile(key); err != nil {
		t.Fatal(err)
	}
	firstIn(t, chromium, officeOn(t, "database_url: "+ownDatabase(t)+"\nmaster_key_file: "+key+"\n"))
}

// ownDatabase is the address of a PostgreSQL with the newest schema.
func ownDatabase(t *testing.T) string {
	t.Helper()
	url := postgrestest.Own(t).URL
	db, err := postgres.Open(t.Context(), url)
	if err == nil {
		_, err = db.Schema(t.Context(), true)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return url
}

func firstIn(t *testing.T, chromium context.Context, o *office) {
	owner := o.found()
	agent := o.joined(owner, operator.Agent, "Ada Agent")
	k := o.clerk(t, chromium, true)
	k.signIn(agent)
	k.clicks = 0
	k.press(".side a.new")
	k.sees("New verification")
	k.customer(0, "Ada", "Lovelace", adaMobile, adaAddress, "INV-2026-0815")
	k.main()
	k.sees("Ada Lovelace")
	t.Logf("from Home to a link that is on its way: %d clicks and one form", k.clicks)
	if k.clicks > 3 {
		t.Errorf("it takes %d clicks, at most 3 are meant", k.clicks)
	}
	for _, to := range []string{adaMobile, adaAddress} {
		o.letter(to, links, 1)
	}
	k.Wait(`document.getElementById("state").innerText.includes("Sent")`)
	text := k.text()
	if strings.Contains(text, adaMobile) || strings.Contains(text, adaAddress) || !strings.Contains(text, "INV-2026-0815") {
		t.Errorf("a contact stands there whole, or the reference does not:\n%s", text)
	}
	k.press(".side a[href='/console/verifications']")
	k.sees("Verifications")
	k.press("#results a.row")
	k.sees("Ada Lovelace")
	k.press(".reveal button")
	k.Says(adaAddress)
	k.Says("Shown to you this once.")
}

func threeByForm(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	k.Go("/console/verifications/new")
	k.sees("New verification")
	k.customer(0, "Ada", "Lovelace", adaMobile, "", "B-1")
	k.press("button[name=add]")
	k.press("button[name=add]")
	k.customer(1, "Grace", "Hopper", "+447400123458", "grace@customer.example", "B-2")
	k.customer(2, "Mary", "Somerville", "12", "", "B-3") // no number
	k.main()
	k.sees("Sent, with exceptions")
	k.Says("2 links are on their way")
	o.letter(adaMobile, links, 1)
	o.letter("grace@customer.example", links, 1)
	k.main()
	k.sees("New verification")
	if kept := browsertest.Eval[string](k.Tab, `document.getElementById("first_name_0").value + " " + document.querySelectorAll(".customer").length`); kept != "Mary 1" {
		t.Errorf("to be corrected comes back %q", kept)
	}
	k.fill("mobile_0", adaOther)
	k.main()
	k.sees("Mary Somerville")
	o.letter(adaOther, links, 1)
}

// customersFile is a file of customers with addresses alone, and one without any contact.
func customersFile(t *testing.T, rows int) string {
	t.Helper()
	var file strings.Builder
	file.WriteString("first_name,last_name,email,reference,mobile_2fa\n")
	for i := range rows {
		fmt.Fprintf(&file, "Customer,Number %d,customer%d@customer.example,F-%d,no\n", i, i, i)
	}
	file.WriteString("Nobody,Without a contact,,F-x,no\n")
	path := filepath.Join(t.TempDir(), "customers.csv")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// imports sends a file by the form.
func (k *clerk) imports(path string) {
	k.T.Helper()
	k.Go("/console/verifications/import")
	k.sees("Import customers from a file")
	browsertest.Run(k.Tab, chromedp.SetUploadFiles(chromedp.CSS("input[type=file]"), []string{path}))
	k.main()
}

// fileAndResult has the page of a file follow it to its end, and gives what became of each row.
func fileAndResult(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	k.imports(customersFile(t, 60))
	k.Wait(`location.pathname.startsWith("/console/imports/") && document.getElementById("import").innerText.includes("Download the result") && ` + settled)
	k.look("Import, at its end")
	k.Says("60 accepted")
	k.Says("1 refused")
	result := browsertest.Eval[string](k.Tab, `fetch(document.querySelector("#import a.primary").href).then(r => r.text())`)
	if n := strings.Count(result, "\n"); n != 62 || !strings.Contains(result, "F-59") || strings.Contains(result, "@") {
		t.Errorf("the result has %d lines:\n%s", n, result)
	}
}

// fileAndRestart has a server stop in the middle of a file and go on after its start: each row once, and no more.
func fileAndRestart(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	const rows = 300
	k := o.clerk(t, chromium, false)
	k.signIn(owner)
	k.imports(customersFile(t, rows))
	at := browsertest.Eval[string](k.Tab, `location.pathname`)
	file := func() invite.Import {
		all, _, err := o.s.invites.Imports(t.Context(), o.by, uid.Page{Limit: 1})
		if err != nil || len(all) != 1 {
			t.Fatalf("imports: %v, %v", all, err)
		}
		return all[0]
	}
	var made int // when the server stops, or a little less
	o.wait("the file is begun", func() bool { made = file().Created; return made > 0 })
	o.restart()
	k.Go(at)
	after := browsertest.Eval[int](k.Tab, `document.getElementById("progress").value`)
	o.wait("the whole file", func() bool { return file().Status() == invite.ImportDone })
	k.Go(at)
	k.Says("Download the result")
	k.look("Import, at its end")
	k.Says(fmt.Sprint(rows, " accepted"))
	k.Says("1 refused")
	t.Logf("the server was stopped after %d rows, and %d of %d were done when it had started again", made, after, rows)
	if made >= rows {
		t.Error("the whole file was done before the server stopped: nothing was shown")
	}
	for i := range rows {
		to := fmt.Sprintf("customer%d@customer.example", i)
		o.letter(to, links, 1)
		if n := len(o.post.to(to)); n != 1 {
			t.Errorf("%d messages to %s", n, to)
		}
	}
	list, _, err := o.s.invites.List(t.Context(), invite.ListRequest{Caller: o.by, Page: uid.Page{Limit: 250}})
	if err != nil || len(list) != 250 {
		t.Fatalf("%d verifications: %v", len(list), err)
	}
	seen := map[string]bool{}
	for _, v := range list {
		if seen[v.Reference] {
			t.Errorf("%s is there twice", v.Reference)
		}
		seen[v.Reference] = true
	}
}

// confirms is the customer who opens the link that came by e-mail and confirms the number, in a browser of their own.
func (o *office) confirms(t *testing.T, chromium context.Context, id uid.ID) {
	t.Helper()
	link := o.path(o.letter(adaAddress, links, 1))
	c := browsertest.Open(t, chromium, o.base(), "/v/")
	c.Go(link)
	c.Follow(chromedp.Click(chromedp.CSS("main button.primary")))
	code := o.letter(adaMobile, codes, 1)
	browsertest.Run(c, chromedp.SendKeys(chromedp.ID("code"), code))
	c.Arrive("/v/i/" + id.Text(uid.Invitation) + "/consent")
}

func liveWindow(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	id, window := o.asked(nil)
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	k.Go(window)
	k.sees("Ada Lovelace")
	k.Wait(`document.querySelector(".live").dataset.state === "live"`)
	k.Do(`window.sameLoad = true`)
	begun := time.Now()
	o.confirms(t, chromium, id)
	k.Wait(`document.getElementById("state").innerText.includes("Asked for consent") && document.getElementById("events").innerText.includes("Contact confirmed")`)
	t.Logf("from the open link to the window that says so: %v", time.Since(begun).Round(time.Millisecond))
	if !browsertest.Eval[bool](k.Tab, `window.sameLoad === true`) {
		t.Error("the page was loaded anew")
	}
}

// codeDidNotCome is the call of a customer whose number was mistyped.
func codeDidNotCome(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	o.post.refuse(adaMobile)
	agent := o.joined(owner, operator.Agent, "Ada Agent")
	o.asked(func(r *invite.CreateRequest) { r.Reference = "INV-2026-0815" })
	link := o.path(o.letter(adaAddress, links, 1))
	customer := o.visitor()
	customer.open(link)
	customer.press("/mobile/send", nil) // whether the page knows already that the code can't come is a matter of moments
	o.asked(func(r *invite.CreateRequest) { r.Reference, r.Mobile = "INV-2026-0816", adaOther })
	k := o.clerk(t, chromium, true)
	k.signIn(agent)
	k.clicks = 0
	k.press(".side a[href='/console/verifications']")
	k.sees("Verifications")
	k.Do(`const s = document.getElementById("status"); s.value = "completed"; s.dispatchEvent(new Event("change", { bubbles: true }))`)
	k.Wait(`location.search.includes("status=completed") && document.querySelector("#results a.row") === null && ` + settled)
	k.Do(`s.value = ""; s.dispatchEvent(new Event("change", { bubbles: true }))`)
	k.Wait(`!location.search.includes("status=completed") && document.querySelectorAll("#results a.row").length === 2 && ` + settled)
	browsertest.Run(k.Tab, chromedp.SendKeys(chromedp.ID("reference"), "INV-2026-0815"))
	k.Wait(`location.search.includes("reference=INV-2026-0815") && document.querySelectorAll("#results a.row").length === 1 && ` + settled)
	k.Do(`window.asked = 0; document.addEventListener("htmx:beforeRequest", () => window.asked++); document.getElementById("reference").blur()`)
	k.Is(`String(window.asked)`, "0") // leaving the field asks for nothing again, or the click that leaves it would miss a row that is replaced
	k.press("#results a.row")
	k.sees("Ada Lovelace")
	k.Wait(`[...document.querySelectorAll("#messages tbody tr")].some(r => r.innerText.includes("Code") && r.innerText.includes("Failed"))`)
	k.press("main .acts a[href$='/correct']")
	k.sees("Correct the contact of Ada Lovelace")
	k.fill("mobile", adaOther)
	k.main()
	k.Says("Give a reason") // which auditors want
	if kept := browsertest.Eval[string](k.Tab, `document.getElementById("mobile").value`); kept != adaOther {
		t.Errorf("without a reason the form forgets the number: %q", kept)
	}
	k.fill("reason", "customer called, digit mistyped")
	k.main()
	k.sees("Ada Lovelace")
	k.Says("The contact was corrected, and a new link is on its way.")
	o.letter(adaOther, links, 2)
	k.Wait(`document.getElementById("events").innerText.includes("Contact corrected")`)
	k.Says("Ada Agent")
	if status := customer.open(link); status != http.StatusGone {
		t.Errorf("the link of before answers %d", status)
	}
	t.Logf("from Home to the new link: %d clicks, one of them without a reason", k.clicks)
}

// settled is when a list that follows its filters is not about to be replaced.
const settled = `document.querySelector(".htmx-request, .htmx-swapping, .htmx-settling, .htmx-added") === null`

func unlockedWithReason(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	id, window := o.asked(nil)
	v := o.visitor()
	v.open(o.path(o.letter(adaMobile, links, 1)))
	for i := range 4 {
		v.press("/mobile/send", nil)
		o.letter(adaMobile, codes, i+1)
		o.later(3 * time.Minute)
	}
	code := o.letter(adaMobile, codes, 4)
	for range 5 {
		v.press("/mobile/check", url.Values{"code": {otherCode(code)}})
	}
	v.sees("Please take a break")
	o.is(id, invite.MobileFailed)
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	k.Go(window)
	k.sees("Ada Lovelace")
	k.Says("Locked")
	if strings.Contains(k.text(), code) {
		t.Error("the window shows a code")
	}
	k.press("main .acts a[href$='/unlock']")
	k.sees("Unlock the verification of Ada Lovelace?")
	k.fill("reason", "spoke to the customer")
	k.main()
	k.sees("Ada Lovelace")
	k.Says("Unlocked. The customer has one more round of codes.")
	v.open(v.at)
	v.sees("Confirm your mobile number")
}

func workWithoutScript(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, false)
	k.signIn(owner)
	k.press(".side a.new")
	k.sees("New verification")
	k.customer(0, "Ada", "Lovelace", adaMobile, adaAddress, "N-1")
	k.main()
	k.sees("Ada Lovelace")
	k.Go("/console/verifications")
	k.fill("contact", adaAddress)
	k.press(".filters button[type=submit]")
	k.Says("Ada Lovelace")
	k.press("#results a.row")
	k.press("main .acts a[href$='/cancel']")
	k.sees("Cancel the verification of Ada Lovelace?")
	k.fill("reason", "sent by mistake")
	k.main()
	k.sees("Ada Lovelace")
	k.Says("was canceled")
	k.Says("Canceled")
}

func workByKeyboard(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	for _, name := range []string{"Ada", "Grace"} {
		o.asked(func(r *invite.CreateRequest) { r.FirstName, r.Email = name, strings.ToLower(name)+"@customer.example" })
	}
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	k.Go("/console/verifications")
	k.sees("Verifications")
	k.Wait(`document.documentElement.classList.contains("scripted")`)
	focus := func(want string) {
		t.Helper()
		if got := browsertest.Eval[string](k.Tab, `document.activeElement.id || document.activeElement.innerText`); got != want {
			t.Errorf("the focus is on %q, want %q", got, want)
		}
	}
	k.Press("/")
	focus("reference")
	k.Do(`document.activeElement.value = ""; document.activeElement.blur()`)
	k.Press(kb.ArrowDown)
	focus("Grace Lovelace")
	k.Press(kb.ArrowDown)
	focus("Ada Lovelace")
	k.Follow(chromedp.KeyEvent(kb.Enter))
	k.sees("Ada Lovelace")
	k.Follow(chromedp.KeyEvent("n"))
	k.sees("New verification")
	for range 40 { // the first field, past the navigation
		if browsertest.Eval[bool](k.Tab, `document.activeElement.id === "first_name_0"`) {
			break
		}
		k.Press(kb.Tab)
	}
	focus("first_name_0")
}

// longNames are of the length that is allowed, in one word and from right to left, on the smallest phone.
func longNames(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	for i, name := range []string{strings.Repeat("W", 100), strings.Repeat("محمد ", 19), "עדה לאבלייס"} {
		o.asked(func(r *invite.CreateRequest) {
			r.FirstName, r.LastName, r.Reference, r.Email = name, strings.TrimSpace(name), strings.Repeat("R", 80), fmt.Sprintf("long%d@%s.example", i, strings.Repeat("x", 50))
		})
	}
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	for _, width := range []int64{360, 1280} {
		for _, page := range []string{"/console/verifications", "/console/audit"} {
			k.Look(width, 740, "light")
			k.Go(page)
			k.Wait(`document.querySelectorAll("tbody tr").length > 2`)
			k.CheckFit(fmt.Sprintf("%s at %d px", page, width))
		}
	}
	k.Look(360, 740, "light")
	k.Go("/console/verifications")
	for place := range 3 {
		k.Go(browsertest.Eval[string](k.Tab, `document.querySelectorAll("a.row")[`+strconv.Itoa(place)+`].pathname`))
		k.CheckFit("the window at 360 px")
		k.Go("/console/verifications")
	}
}
