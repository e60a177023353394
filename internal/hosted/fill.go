package hosted

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

// filler makes views of what the domain says about an invitation. It decides nothing: each method is a table.
type filler struct {
	site     *Site
	page     invite.Page
	cookie   string // of the session; "": there is none, and the page is an ending
	hub      string // path of the invitation
	locale   string
	language string // what the browser asks for
	path     string // where the page is asked for again, in another language
	note     note   // of the form before
}

func (s *Site) filler(r *http.Request, cookie string, page invite.Page) *filler {
	return &filler{
		site: s, page: page, cookie: cookie, hub: hubOf(page.ID), locale: s.locale(r, page.Locale),
		language: r.Header.Get("Accept-Language"), path: r.URL.Path,
	}
}

// frame is what every page has around it.
func (f *filler) frame() Frame {
	p := &f.page
	v := Frame{
		Locale: f.locale,
		Firm:   Firm{Name: p.Firm, Contact: p.Support, Accent: p.Brand.Accent, Background: p.Brand.Background},
		Texts:  f.ownTexts(),
	}
	if f.cookie == "" {
		return v // the language is kept, and the logo given, where there is a session
	}
	v.LanguageURL = f.path
	if p.CanLeave {
		v.StopURL = f.hub + pathStop
	}
	if name := logoName(p.Brand); name != "" {
		v.Firm.LogoURL = f.hub + pathLogo + name
	}
	if i := slices.Index(p.Steps, p.Step); i >= 0 && len(p.Steps) > 1 {
		v.Step, v.Steps = i+1, len(p.Steps)
	}
	return v
}

// ownTexts are the firm's words for this language that fit. What no longer does, after a change of ours, is ours again.
func (f *filler) ownTexts() map[string]string {
	own := map[string]string{}
	for key, text := range f.page.Texts[policy.ForLanguage(f.page.Texts, f.locale)] {
		if f.site.pages.CheckText(key, text) == nil {
			own[key] = text
		}
	}
	return own
}

// form is a form that is sent to a path below the invitation.
func (f *filler) form(path, what string) Form {
	return Form{Action: f.hub + path, Token: f.site.sign(f.cookie, f.hub+path, what)}
}

// ending is the page of one that is over, and its status.
func (f *filler) ending() (int, View) {
	switch f.page.Step {
	case invite.StepDeclined:
		return http.StatusOK, &Declined{Frame: f.frame(), Left: f.page.Failure == invite.FailureLeft, ContinueURL: f.page.LeadsTo}
	case invite.StepCanceled:
		return http.StatusGone, &Canceled{f.frame()}
	case invite.StepReplaced:
		return http.StatusGone, &Expired{Frame: f.frame()}
	case invite.StepExpired:
		if f.page.Failure == invite.FailureAttempts {
			return http.StatusOK, &Failed{Frame: f.frame(), ContinueURL: f.page.LeadsTo}
		}
		return http.StatusGone, &Expired{Frame: f.frame(), ContinueURL: f.page.LeadsTo}
	default: // everything was done, and the link has nothing more to give (ID-29)
		return http.StatusOK, &Done{Frame: f.frame()}
	}
}

// gate is the face of the gate that is due, with what kept the last form from going on.
func (f *filler) gate() View {
	g, problem := f.page.Gate, f.note.Problem
	path := gatePaths[g.Channel]
	if g.State == invite.GateEnter {
		return f.entry()
	}
	switch {
	case problem == Unusable: // of a contact that isn't the customer's to change
		problem = NotSent
	case problem == Wrong && g.State == invite.GateDead: // it was the last try
		problem = Ended
	case problem == Ended && g.State == invite.GateIntro: // another browser asked for one
		problem = Elsewhere
	case problem == "" && g.State == invite.GateDead:
		problem = Ended
	case problem == "" && g.Unsent:
		problem = NotSent
	}
	switch g.State {
	case invite.GateIntro:
		v := &Intro{
			Frame: f.frame(), Channel: string(g.Channel), Contact: g.Masked, Digits: g.CodeLength,
			Send: f.form(path+pathSend, f.asked()), ChangeURL: f.change(),
		}
		if problem == NotSent || problem == Elsewhere {
			v.Problem = problem
		}
		return v
	case invite.GateLocked:
		v := &Locked{Frame: f.frame(), URL: f.hub}
		if !g.Shut {
			v.Until, v.Minutes = clock(g.LockedUntil), minutes(g.LockedUntil.Sub(f.page.Now))
		}
		return v
	}
	return f.code(problem)
}

// code asks for the code of the gate that is due.
func (f *filler) code(problem Problem) View {
	g := f.page.Gate
	path := gatePaths[g.Channel]
	life := minutes(g.CodeLife)
	if g.State == invite.GateCode {
		life = minutes(g.CodeEnds.Sub(f.page.Now))
	}
	v := &CodeEntry{
		Frame: f.frame(), Channel: string(g.Via), Contact: g.Masked, Digits: g.CodeLength, Minutes: life,
		Check: f.form(path+pathCheck, ""), Problem: problem, ChecksLeft: g.ChecksLeft, Resent: f.note.Resent && problem == "",
		Resend: f.another(g.Via), ResendIn: seconds(g.NextSendAt.Sub(f.page.Now)), ResendsLeft: g.SendsLeft, ChangeURL: f.change(),
	}
	if g.State == invite.GateCode && !g.Taken {
		v.StateURL = f.hub + path + pathState
	}
	for _, via := range g.Ways {
		if via != g.Via && g.SendsLeft > 0 {
			v.Another = append(v.Another, Way{Channel: string(via), Send: f.another(via)})
		}
	}
	return v
}

// asked is how many codes were asked for, which a form for a further one carries.
func (f *filler) asked() string { return strconv.Itoa(f.page.Gate.Asked) }

// anotherCode stands behind it in the form of a page that awaits a code, and before the channel.
const anotherCode = "+"

// another is the form for a further code by a channel.
func (f *filler) another(via delivery.Channel) Form {
	return f.form(gatePaths[f.page.Gate.Channel]+pathSend, f.asked()+anotherCode+string(via))
}

// change is where the customer may give another contact, "" where that isn't allowed.
func (f *filler) change() string {
	if !f.page.Gate.CanChange {
		return ""
	}
	return f.hub + gatePaths[f.page.Gate.Channel] + "?" + changeQuery
}

// entry asks for the contact of the gate that is due. What was typed before stands in it.
func (f *filler) entry() View {
	g := f.page.Gate
	contact, country, problem := f.note.Contact, f.note.Country, f.note.Problem
	form := f.form(gatePaths[g.Channel], f.asked())
	most := g.SendsLeft // before the first code nothing is said of how many there are
	if g.Asked > 0 {
		most++
	}
	if g.Channel == delivery.Email {
		return &EmailEntry{Frame: f.frame(), Enter: form, Address: contact, SendsLeft: g.SendsLeft, SendsMax: most, Problem: problem}
	}
	countries := f.site.pages.Countries(f.locale, g.Countries...)
	if len(countries) == 0 { // none that is allowed has a name: a number with its country code can be typed all the same
		countries = f.site.pages.Countries(f.locale)
	}
	if !slices.ContainsFunc(countries, func(c Country) bool { return c.Region == country }) {
		country = CountryFor(f.page.Locale, g.Country, f.language, countries)
	}
	return &NumberEntry{
		Frame: f.frame(), Enter: form, Countries: countries, Country: country, Number: contact,
		SendsLeft: g.SendsLeft, SendsMax: most, Problem: problem,
	}
}

// wait asks for patience, until a further code may be asked for where that is known.
func (f *filler) wait(path string) *Wait {
	v := &Wait{Frame: f.frame(), URL: f.hub + path}
	if g := f.page.Gate; g != nil && g.NextSendAt.After(f.page.Now) {
		v.Seconds = seconds(g.NextSendAt.Sub(f.page.Now))
	}
	return v
}

// clock is the first time without seconds at which at is past.
func clock(at time.Time) time.Time {
	if whole := at.Truncate(time.Minute); whole.Before(at) {
		return whole.Add(time.Minute)
	}
	return at
}

func minutes(d time.Duration) int { return int((max(d, 0) + time.Minute - 1) / time.Minute) }

// logoName names a firm's logo by what is in it, so that browsers may keep it. "" is for none.
func logoName(b policy.Brand) string {
	if len(b.Logo) == 0 {
		return ""
	}
	sum := sha256.Sum256(b.Logo)
	return hex.EncodeToString(sum[:6]) + "." + strings.TrimPrefix(b.LogoType, "image/")
}
