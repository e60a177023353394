package hosted

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
)

// The queries of a gate's page: to give another contact, and to be told that a further code was sent.
const (
	changeQuery = "change"
	resentQuery = "resent"
)

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

// show is the page of the gate as it stands.
func (d desk) show(w http.ResponseWriter, r *http.Request, f *filler) {
	query := r.URL.Query()
	if !d.due(&f.page) {
		toHub(w, r, f)
		return
	}
	if query.Has(changeQuery) && f.page.Gate.CanChange && f.page.Gate.State != invite.GateLocked {
		f.site.write(w, r, http.StatusOK, f.entry("", "", ""))
		return
	}
	view := f.gate("")
	if code, ok := view.(*CodeEntry); ok && code.Problem == "" {
		code.Resent = query.Has(resentQuery)
	}
	f.site.write(w, r, http.StatusOK, view)
}

// enter takes the contact that the customer typed, and has a code sent to it.
func (d desk) enter(w http.ResponseWriter, r *http.Request, v invite.Visit, what string) {
	field := FieldNumber
	if d.gate == delivery.Email {
		field = FieldAddress
	}
	raw, country := r.PostForm.Get(field), r.PostForm.Get(FieldCountry)
	text := typed(raw)
	face := func(f *filler, problem Problem) View { return f.entry(text, country, problem) }
	entry := invite.Entry{Contact: text, Country: country}
	if d.gate != delivery.Email {
		entry.Contact = ascii(text)
	}
	if problem := missing(raw, entry.Contact); problem != "" {
		d.again(w, r, v, problem, face)
		return
	}
	d.ask(w, r, v, what, entry, face)
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
	d.ask(w, r, v, what, invite.Entry{}, (*filler).gate)
}

// ask has a code sent. what is how many were asked for when the form was drawn: a form that is sent twice asks once.
func (d desk) ask(w http.ResponseWriter, r *http.Request, v invite.Visit, what string, entry invite.Entry, face func(*filler, Problem) View) {
	count, another := strings.CutSuffix(what, anotherCode)
	asked, err := strconv.Atoi(count)
	if err != nil {
		d.fail(w, r, errStale)
		return
	}
	entry.Asked = &asked
	outcome, page, err := d.invitations.Send(r.Context(), v, d.gate, entry)
	if err != nil {
		d.refuse(w, r, v, err)
		return
	}
	f := d.filler(r, v.Cookie, page)
	f.path = f.hub + d.path()
	if !d.due(&page) {
		toHub(w, r, f)
		return
	}
	switch outcome {
	case invite.SendRefused:
		f.site.write(w, r, http.StatusOK, face(f, Unusable))
	case invite.SendFailed:
		f.site.write(w, r, http.StatusOK, face(f, NotSent))
	case invite.SendCooling, invite.SendLimited:
		d.early(w, r, f)
	default:
		to := f.hub + d.path()
		if outcome == invite.SendSent && another {
			to += "?" + resentQuery
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	}
}

// early says that it is too soon for a further code.
func (d desk) early(w http.ResponseWriter, r *http.Request, f *filler) {
	if code, ok := f.gate(Early).(*CodeEntry); ok {
		f.site.write(w, r, http.StatusOK, code)
		return
	}
	f.site.write(w, r, http.StatusTooManyRequests, f.wait(d.path()))
}

// check takes the code that was typed.
func (d desk) check(w http.ResponseWriter, r *http.Request, v invite.Visit, _ string) {
	raw := r.PostForm.Get(FieldCode)
	code := ascii(typed(raw))
	if problem := missing(raw, code); problem != "" {
		d.again(w, r, v, problem, (*filler).gate)
		return
	}
	outcome, page, err := d.invitations.Check(r.Context(), v, d.gate, code)
	if err != nil {
		d.refuse(w, r, v, err)
		return
	}
	f := d.filler(r, v.Cookie, page)
	f.path = f.hub + d.path()
	problem := map[invite.CheckOutcome]Problem{invite.CheckWrong: Wrong, invite.CheckMalformed: Malformed, invite.CheckDead: Ended}[outcome]
	if problem == Wrong && page.Gate != nil && page.Gate.State == invite.GateDead {
		problem = Ended // it was the last try
	}
	switch {
	case outcome == invite.CheckRight || !d.due(&page):
		toHub(w, r, f)
	case outcome == invite.CheckPaused:
		f.site.write(w, r, http.StatusTooManyRequests, f.wait(d.path()))
	default:
		f.site.write(w, r, http.StatusOK, f.gate(problem))
	}
}

// again draws the page of the gate anew, when a form said nothing that the domain could be asked.
func (d desk) again(w http.ResponseWriter, r *http.Request, v invite.Visit, problem Problem, face func(*filler, Problem) View) {
	page, err := d.invitations.Hub(r.Context(), v)
	if err != nil {
		d.fail(w, r, err)
		return
	}
	f := d.filler(r, v.Cookie, page)
	f.path = f.hub + d.path()
	if !d.due(&page) {
		toHub(w, r, f)
		return
	}
	f.site.write(w, r, http.StatusOK, face(f, problem))
}

// refuse tells a fault of the domain. One that says that the session is at another step leads there.
func (s *Site) refuse(w http.ResponseWriter, r *http.Request, v invite.Visit, err error) {
	if f := fault.As(err); f.Kind == fault.Conflict && f.Code != "consent_changed" {
		http.Redirect(w, r, hubOf(v.ID), http.StatusSeeOther)
		return
	}
	s.fail(w, r, err)
}
