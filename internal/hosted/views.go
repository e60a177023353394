package hosted

import (
	"html/template"
	"strings"
	"time"
)

// The names of the fields that forms send.
const (
	FieldToken    = "form_token" // in every form: Form.Token
	FieldCountry  = "country"    // NumberEntry: two letters, ISO 3166
	FieldNumber   = "number"     // NumberEntry: as typed, national or with + or 00 and a country code
	FieldAddress  = "address"    // EmailEntry: as typed
	FieldCode     = "code"       // CodeEntry: as typed, any digits of Unicode, with separators
	FieldDecision = "decision"   // Consent: DecisionAccept or DecisionDecline
	FieldLanguage = "lang"       // in the query of the language switch: one of Locales
)

// What FieldDecision says.
const (
	DecisionAccept  = "accept"
	DecisionDecline = "decline"
)

// A View is one page with all that it shows.
type View interface {
	name() string // of its template
	frame() *Frame
}

// Frame is what every page has around its content. Its zero value is an English page of nobody.
type Frame struct {
	Locale      string            // language of the page: one of Locales; anything else is English
	LanguageURL string            // path that shows this page in another language when ?lang= is added; "" without a switch
	StopURL     string            // path of Stop; "" where there is nothing to give up
	Step, Steps int               // "Step 1 of 3"; zero Steps says nothing
	Firm        Firm              // who asks
	Texts       map[string]string // the firm's own texts in this language by key, each passed by CheckText
	Still       bool              // it is there to be looked at: no script, nothing takes the focus, and the firm's contact leads nowhere
}

func (f *Frame) frame() *Frame { return f }

// Firm is who sent the customer here.
type Firm struct {
	Name       string // as customers know it; "" where it can't be known, as when a link is unknown
	Contact    string // e-mail address, phone number, https URL or any text of one line, for customers who need help; may be ""
	LogoURL    string // on our own origin; "" shows the name alone
	logo       string // in the place of LogoURL, as a data URL
	Accent     string // #rrggbb; "" is the default colour. Contrast is seen to here as well
	Background string // #rrggbb; "" is the default colour
}

// Form is where a form is sent to, and its token.
type Form struct {
	Action string // URL on our own origin
	Token  string // value of FieldToken
}

// The channels that a code travels by.
const (
	SMS      = "sms"
	Email    = "email"
	Voice    = "voice"
	WhatsApp = "whatsapp"
)

// Problem is what kept the last form from going on; the page says what to do. The zero value is none.
type Problem string

// The problems. Those of the code are of CodeEntry alone.
const (
	Missing   Problem = "missing"   // nothing was entered
	Malformed Problem = "malformed" // not the form of a number, an address or a code: no try was spent
	Unusable  Problem = "unusable"  // no code can be sent there, for whatever reason: the customer isn't told which (ID-54)
	NotSent   Problem = "not_sent"  // the message could not be sent now
	Wrong     Problem = "wrong"     // the code is wrong: ChecksLeft says how many tries remain
	Ended     Problem = "ended"     // the code has expired, was superseded or used, or its tries are spent (RA-41: one text)
	Early     Problem = "early"     // a new code was asked for before ResendIn was over
	Elsewhere Problem = "elsewhere" // a code was asked for since the page was drawn, so that no other was sent

	waiting Problem = "wait" // of no view: in its place the page is Wait
)

// IsError reports whether something is wrong, and not only to be told.
func (p Problem) IsError() bool { return p != "" && p != Elsewhere }

// Intro says to which contact a code will be sent, and has the button that sends it. The contact is the firm's (RA-23).
type Intro struct {
	Frame
	Channel   string  // SMS or Email
	Contact   string  // masked
	Digits    int     // of the code that will come
	Send      Form    // the button Continue
	ChangeURL string  // where the customer may enter another contact; "" when that isn't allowed (RA-30)
	Problem   Problem // NotSent, Elsewhere or none
}

// NumberEntry asks for a mobile number.
type NumberEntry struct {
	Frame
	Enter     Form
	Countries []Country // to choose from, one at least, in the order of the list: Pages.Countries gives them
	Country   string    // chosen: two letters, of one in Countries; else the first is
	Number    string    // as typed before
	SendsLeft int       // how many numbers may still be tried, this one included; shown when it is below SendsMax
	SendsMax  int
	Problem   Problem // Missing, Malformed, Unusable, NotSent, Elsewhere or none
}

// EmailEntry asks for an e-mail address.
type EmailEntry struct {
	Frame
	Enter     Form
	Address   string // as typed before
	SendsLeft int    // how many addresses may still be tried, this one included; shown when it is below SendsMax
	SendsMax  int
	Problem   Problem // Missing, Malformed, Unusable, NotSent, Elsewhere or none
}

// CodeEntry asks for the code.
type CodeEntry struct {
	Frame
	Channel     string // how the last code was sent
	Contact     string // masked
	Digits      int    // of the code
	Minutes     int    // how long a code is good for, from when it was sent
	Check       Form
	StateURL    string  // where the script asks whether a provider has taken the code, which none has yet; "" when one has
	Problem     Problem // Missing, Malformed, Wrong, Ended, NotSent, Early, Elsewhere or none
	ChecksLeft  int     // tries left for this code; shown with Wrong
	Resent      bool    // a new code has just been sent: say so
	Resend      Form
	ResendIn    int    // seconds until a new code may be asked for, whatever the way; 0 when it may be now
	ResendsLeft int    // how many new codes may still be asked for; 0 takes the button away
	Another     []Way  // other ways to get the code; may be empty
	ChangeURL   string // where the customer may correct the contact; "" when that isn't allowed
}

// Way is another way to get the code.
type Way struct {
	Channel string
	Send    Form
}

// Locked says that too much was tried.
type Locked struct {
	Frame
	Until   time.Time // when it may be tried again, a whole minute; zero when only the firm can unlock
	Minutes int       // until then, rounded up; used with Until
	URL     string    // the hub, to try again; used with Until
}

// Consent asks for consent (RA-46).
type Consent struct {
	Frame
	Decide     Form
	TextLocale string   // language of the firm's texts below when it isn't that of the page; "" when it is
	Purpose    string   // what the data is for; "": More is all there is
	Data       []string // which data
	Recipients []string // who gets it
	Retention  string   // how long it is kept
	More       []string // further paragraphs; may be empty beside a Purpose
	Version    string   // of the text
	Ours       bool     // the text is the product's own, with the firm's name put in
}

// Leave goes on to the firm's own site by itself, at once, with a link for browsers that don't. It takes the place of a
// redirect: form-action 'self' bars a form from ending on another origin, by however many redirects (Chromium holds to
// that), and the last step before the hand-over is a form. Answer the form with 303 to the hub and draw this there.
type Leave struct {
	Frame
	URL string // where the firm goes on, with all that it is handed (RA-48)
}

// Done says that all is done, and that the page may be closed. Where the firm goes on there is Leave instead.
type Done struct{ Frame }

// Stop asks whether the customer really wants to give up (ID-32).
type Stop struct {
	Frame
	Give    Form   // gives up
	StayURL string // goes on
}

// An ending with a ContinueURL goes on there by itself, at once, as Leave does: the page is for browsers that don't (ID-32).

// Declined says that the customer declined or gave up, and that the link is dead.
type Declined struct {
	Frame
	Left        bool   // gave up before consent was asked for
	ContinueURL string // "" when there is no such place
}

// Expired says that the link no longer works: too old, or a newer one was sent.
type Expired struct {
	Frame
	ContinueURL string // "" when there is no such place
}

// Canceled says that the firm has taken its request back.
type Canceled struct{ Frame }

// Failed says that it can't be completed here, and that the firm can help (RA-54).
type Failed struct {
	Frame
	ContinueURL string // where the firm goes on after a failure (ID-32); "" when there is no such place
}

// Wait asks for patience: a limit was reached that isn't the customer's own fault, or a pause holds. It gives no reason.
type Wait struct {
	Frame
	Seconds int    // until it is worth trying again; 0 when that isn't known
	URL     string // what to try again, by GET
}

// NotFound is for links and addresses that lead nowhere, and for browsers that never opened the link.
type NotFound struct{ Frame }

// Broken is for faults of ours.
type Broken struct {
	Frame
	Reference string // id of the request, for who helps; may be ""
	URL       string // what to try again, by GET; "" when nothing can be
}

// Stale is for forms that are out of date: another tab went on, the page lay open too long, the token doesn't fit.
type Stale struct {
	Frame
	URL string // the hub
}

func (*Intro) name() string       { return "intro" }
func (*NumberEntry) name() string { return "numberentry" }
func (*EmailEntry) name() string  { return "emailentry" }
func (*CodeEntry) name() string   { return "codeentry" }
func (*Locked) name() string      { return "locked" }
func (*Consent) name() string     { return "consent" }
func (*Stop) name() string        { return "stop" }
func (*Leave) name() string       { return "leave" }
func (*Done) name() string        { return "done" }
func (*Declined) name() string    { return "declined" }
func (*Expired) name() string     { return "expired" }
func (*Canceled) name() string    { return "canceled" }
func (*Failed) name() string      { return "failed" }
func (*Wait) name() string        { return "wait" }
func (*NotFound) name() string    { return "notfound" }
func (*Broken) name() string      { return "broken" }
func (*Stale) name() string       { return "stale" }

// Marked is a piece of the text as HTML. In one of ours the firm's name is kept apart from the text's direction; in one of the firm's it
// stands as the firm wrote it.
func (v *Consent) Marked(text string) template.HTML {
	if !v.Ours || v.Firm.Name == "" {
		return template.HTML(template.HTMLEscapeString(text)) // escaped
	}
	pieces := strings.Split(text, v.Firm.Name)
	for i := range pieces {
		pieces[i] = template.HTMLEscapeString(pieces[i])
	}
	return template.HTML(strings.Join(pieces, string(name(v.Firm.Name)))) // escaped
}

// Chosen is the country that is chosen.
func (v *NumberEntry) Chosen() Country {
	for _, c := range v.Countries {
		if c.Region == v.Country {
			return c
		}
	}
	return v.Countries[0]
}

// OfCode reports whether the problem is one of the code that was entered.
func (v *CodeEntry) OfCode() bool {
	switch v.Problem {
	case Missing, Malformed, Wrong, Ended:
		return true
	}
	return false
}
