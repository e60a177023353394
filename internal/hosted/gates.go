package hosted

import (
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/web"
)

// changeQuery asks a gate's page for the form in which another contact is given.
const changeQuery = "change"

// hub leads to the step that is due, or is the page of an ending.
func (s *Site) hub(w http.ResponseWriter, r *http.Request, f *filler) {
	if path := stepPaths[f.page.Step]; path != "" {
		http.Redirect(w, r, f.hub+path, http.StatusSeeOther)
		return
	}
	status, view := f.ending()
	f.site.write(w, r, status, view)
}

// stepPaths are where the steps are. Endings have none: they are the hub's.
var stepPaths = map[invite.Step]string{
	invite.StepPhone: gatePaths[delivery.SMS], invite.StepEmail: gatePaths[delivery.Email], invite.StepConsent: pathConsent,
	invite.StepHandOff: pathDone, invite.StepDone: pathDone,
}

// desk is the pages of one gate.
type desk struct {
	*Site
	gate delivery.Channel
}

func (d desk) path() string { return gatePaths[d.gate] }

// due reports whether this gate is what the session has to do next.
func (d desk) due(p *invite.Page) bool { return p.Gate != nil && stepPaths[p.Step] == d.path() }

func toHub(w http.ResponseWriter, r *http.Request, f *filler) {
	http.Redirect(w, r, f.hub, http.StatusSeeOther)
}

// show is the page of the gate as it stands, with what is to be told of the form before.
func (d desk) show(w http.ResponseWriter, r *http.Request, f *filler) {
	g := f.page.Gate
	switch {
	case !d.due(&f.page):
		toHub(w, r, f)
	case f.note.Problem == waiting:
		f.site.write(w, r, http.StatusTooManyRequests, f.wait(d.path()))
	case r.URL.Query().Has(changeQuery) && g.CanChange && g.State != invite.GateLocked:
		f.site.write(w, r, http.StatusOK, f.entry())
	default:
		f.site.write(w, r, http.StatusOK, f.gate())
	}
}

// state tells the script of a page how the code that it waits for fares: "sending", "sent" once a provider took it, or "over" when the
// page is out of date. It draws no page, so it takes no note.
func (d desk) state(w http.ResponseWriter, r *http.Request) {
	v, err := d.visit(r)
	if err != nil {
		web.WriteProblem(w, r, err)
		return
	}
	page, err := d.invitations.Hub(r.Context(), v)
	if err != nil {
		web.WriteProblem(w, r, err)
		return
	}
	state := "over"
	switch {
	case !d.due(&page) || page.Gate.State != invite.GateCode:
	case page.Gate.Taken:
		state = "sent"
	default:
		state = "sending"
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, state) // the customer may have gone
}

// enter takes the contact that the customer typed, and has a code sent to it.
func (d desk) enter(w http.ResponseWriter, r *http.Request, v invite.Visit, what string) {
	field := FieldNumber
	if d.gate == delivery.Email {
		field = FieldAddress
	}
	raw := r.PostForm.Get(field)
	n := note{Contact: typed(raw), Country: r.PostForm.Get(FieldCountry)}
	entry := invite.Entry{Contact: n.Contact, Country: n.Country}
	if d.gate != delivery.Email {
		entry.Contact = ascii(n.Contact)
	}
	if n.Problem = missing(raw, entry.Contact); n.Problem != "" {
		d.tell(w, r, v, d.path(), changeQuery, n)
		return
	}
	d.ask(w, r, v, what, entry, n)
}

// missing says why a field gave nothing that could be asked about: text is what could be read of it.
func missing(raw, text string) Problem {
	switch {
	case text != "":
		return ""
	case len(raw) <= maxTyped:
		return Missing
	}
	return Malformed
}

// send has a code sent to the contact that is known.
func (d desk) send(w http.ResponseWriter, r *http.Request, v invite.Visit, what string) {
	d.ask(w, r, v, what, invite.Entry{}, note{})
}

// refusals are what a page tells of a request for a code that sent none.
var refusals = map[invite.SendOutcome]Problem{
	invite.SendMalformed: Malformed, invite.SendRefused: Unusable, invite.SendFailed: NotSent, invite.SendStale: Elsewhere,
}

// ask has a code sent. what is what the form was drawn for (see filler.asked): a form that is sent twice asks once. n holds what was typed.
func (d desk) ask(w http.ResponseWriter, r *http.Request, v invite.Visit, what string, entry invite.Entry, n note) {
	count, via, another := strings.Cut(what, anotherCode)
	asked, err := strconv.Atoi(count)
	if err != nil {
		d.tellFault(w, r, v, errStale)
		return
	}
	entry.Asked, entry.Via = &asked, delivery.Channel(via)
	outcome, page, err := d.invitations.Send(r.Context(), v, d.gate, entry)
	if err != nil {
		d.refuse(w, r, v, err)
		return
	}
	query := ""
	if entry.Contact != "" && outcome != invite.SendStale {
		query = changeQuery // where the form stands
	}
	switch n.Problem = refusals[outcome]; {
	case !d.due(&page):
		http.Redirect(w, r, hubOf(v.ID), http.StatusSeeOther)
	case outcome == invite.SendCooling || outcome == invite.SendLimited:
		d.tell(w, r, v, d.path(), "", note{Problem: tooSoon(page.Gate)})
	case n.Problem != "":
		d.tell(w, r, v, d.path(), query, n)
	case outcome == invite.SendSent && another:
		d.tell(w, r, v, d.path(), "", note{Resent: true})
	default:
		http.Redirect(w, r, hubOf(v.ID)+d.path(), http.StatusSeeOther)
	}
}

// tooSoon is how a gate tells that it is too early for a further code: beside the code that it waits for, or with a page of its own.
func tooSoon(g *invite.GatePage) Problem {
	if g.State == invite.GateCode || g.State == invite.GateDead {
		return Early
	}
	return waiting
}

// check takes the code that was typed.
func (d desk) check(w http.ResponseWriter, r *http.Request, v invite.Visit, _ string) {
	raw := r.PostForm.Get(FieldCode)
	code := ascii(typed(raw))
	if problem := missing(raw, code); problem != "" {
		d.tell(w, r, v, d.path(), "", note{Problem: problem})
		return
	}
	outcome, page, err := d.invitations.Check(r.Context(), v, d.gate, code)
	if err != nil {
		d.refuse(w, r, v, err)
		return
	}
	problem := map[invite.CheckOutcome]Problem{
		invite.CheckWrong: Wrong, invite.CheckMalformed: Malformed, invite.CheckDead: Ended, invite.CheckPaused: waiting,
	}[outcome]
	switch {
	case problem == "" || !d.due(&page):
		http.Redirect(w, r, hubOf(v.ID), http.StatusSeeOther)
	default:
		d.tell(w, r, v, d.path(), "", note{Problem: problem})
	}
}

// refuse tells a fault of the domain. One that says that the session is at another step leads there.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, v invite.Visit, err error) {
	if f := fault.As(err); f.Kind == fault.Conflict && f.Code != "consent_changed" {
		http.Redirect(w, r, hubOf(v.ID), http.StatusSeeOther)
		return
	}
	s.tellFault(w, r, v, err)
}
