package hosted

import (
	"fmt"
	"io"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

// Preview is a page that no customer sees: for the firm, with what it has decided or is about to.
type Preview struct {
	Page   string // one of PreviewPages
	Locale string // of the page
	Firm   string // what the firm is called while it has given no other name
	Look   policy.Customisation
}

// nowhere is where all links and forms of a page lead that is there to be looked at: they stay on it.
const nowhere = "#"

// previews are the pages that can be looked at, in the order in which a customer meets them.
var previews = []struct {
	name string
	view func(f *filler) View
}{
	{"intro", atGate(delivery.SMS, invite.GateIntro, "")},
	{"intro_email", atGate(delivery.Email, invite.GateIntro, "")},
	{"number", atGate(delivery.SMS, invite.GateEnter, "")},
	{"email", atGate(delivery.Email, invite.GateEnter, "")},
	{"code", atGate(delivery.SMS, invite.GateCode, "")},
	{"code_wrong", atGate(delivery.SMS, invite.GateCode, Wrong)},
	{"consent", func(f *filler) View { return f.consentView() }},
	{"done", ended(invite.StepDone, "")},
	{"stop", func(f *filler) View { return f.stopView() }},
	{"declined", ended(invite.StepDeclined, "")},
	{"wait", func(f *filler) View { f.at(delivery.SMS, invite.GateCode); return f.wait("") }},
	{"locked", atGate(delivery.SMS, invite.GateLocked, "")},
	{"failed", ended(invite.StepExpired, invite.FailureAttempts)},
	{"expired", outside(invite.StepExpired)},
	{"canceled", outside(invite.StepCanceled)},
}

// PreviewPages are the names of the pages that can be looked at, in the order in which a customer meets them.
func PreviewPages() (names []string) {
	for _, p := range previews {
		names = append(names, p.name)
	}
	return names
}

// Preview draws a page of customers in canned data: by the same templates and by what makes a page of an invitation, and nothing but
// looking can be done with it. It runs no script, its forms and links lead nowhere, and its logo is in it.
func (s *Site) Preview(w io.Writer, p Preview) error {
	unsigned := &Site{pages: s.pages, consents: s.consents, mac: func(...[]byte) [32]byte { return [32]byte{} }}
	f := &filler{site: unsigned, locale: p.Locale, cookie: nowhere, hub: nowhere, path: nowhere, page: canned(p)}
	for _, known := range previews {
		if known.name == p.Page {
			view := known.view(f)
			view.frame().still(p.Look.Brand)
			return s.pages.Render(w, view)
		}
	}
	return fmt.Errorf("hosted: no page %q to look at", p.Page)
}

// still makes a page of one that is there to be looked at.
func (f *Frame) still(b policy.Brand) {
	f.Still = true
	if f.Firm.LogoURL != "" {
		f.Firm.picture(b)
	}
}

// canned is what the domain would say of a made-up customer's invitation, who confirms a number and gives consent.
func canned(p Preview) invite.Page {
	now := time.Date(2026, 11, 26, 14, 2, 0, 0, time.UTC)
	firm := p.Look.Brand.Name
	if firm == "" {
		firm = p.Firm
	}
	consent := p.Look.Consent
	consent.Version = consent.InForce()
	return invite.Page{
		Firm: firm, Support: p.Look.Brand.Support, Brand: p.Look.Brand, Texts: p.Look.Texts, Now: now, Consent: consent,
		Step: invite.StepConsent, Steps: []invite.Step{invite.StepPhone, invite.StepConsent},
		Gate: &invite.GatePage{
			CodeLength: 6, CodeLife: 5 * time.Minute, CodeEnds: now.Add(5 * time.Minute), ChecksLeft: 4, SendsLeft: 3, Country: "GB",
			NextSendAt: now.Add(30 * time.Second), LockedUntil: now.Add(30 * time.Minute), Taken: true,
		},
	}
}

// masked are the contacts of the made-up customer, as customers see them.
var masked = map[delivery.Channel]string{delivery.SMS: "+44 ••• ••• •123", delivery.Email: "a•••@example.net"}

// at has the customer come to a gate: to one whose contact the firm gave where a code is not asked for yet, to one that is theirs else.
func (f *filler) at(channel delivery.Channel, state invite.GateState) {
	f.page.Step = invite.StepPhone
	if channel == delivery.Email {
		f.page.Step = invite.StepEmail
	}
	f.page.Steps[0] = f.page.Step
	g, own := f.page.Gate, state != invite.GateIntro
	g.Channel, g.Via, g.State, g.Masked = channel, channel, state, masked[channel]
	f.page.CanLeave, g.CanChange, g.Fixed = own, own, !own
}

// atGate is a face of the gate that is due, after a form with that problem.
func atGate(channel delivery.Channel, state invite.GateState, problem Problem) func(f *filler) View {
	return func(f *filler) View {
		f.at(channel, state)
		f.note.Problem = problem
		return f.gate()
	}
}

// ended is an ending to which a customer has come.
func ended(step invite.Step, failure string) func(f *filler) View {
	return func(f *filler) View {
		f.page.Step, f.page.Failure = step, failure
		_, view := f.ending()
		return view
	}
}

// outside is an ending to which a customer comes by the link, without a session: there is no logo then, nor another language.
func outside(step invite.Step) func(f *filler) View {
	return func(f *filler) View {
		f.cookie = ""
		return ended(step, "")(f)
	}
}
