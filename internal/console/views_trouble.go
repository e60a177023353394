package console

import "time"

// What Trouble.Kind says.
const (
	Denied    = "denied"    // 403: the operator's role does not allow it
	Foreign   = "foreign"   // 403: a form of another site
	Suspended = "suspended" // 403: the firm's account is
	Missing   = "missing"   // 404: nothing there, or of another firm
	TooMuch   = "too_much"  // 413: more than is read of a form
	Limited   = "limited"   // 429: too often
	Busied    = "busied"    // 503: it can't be done now
	Outdated  = "outdated"  // a form whose token no longer fits: signed in anew, or the page lay open too long
	Broken    = "broken"    // 500: a fault of ours
)

// Trouble says that a page can't be shown, or an act not be done.
type Trouble struct {
	Frame
	Kind      string
	Act       bool   // it was an act that was refused, not a page
	Reference string // id of the request, for who helps; shown with Broken and Busied
	RetryURL  string // what to try again, by GET; "" when nothing can be
	Again     Form   // sends Carry once more, which the server had no time for; Action "" when it can't be
	Carry     []Carried
}

// Carried is a field of a form that is sent on unseen.
type Carried struct{ Name, Value string }

// FieldReason is the name of the field for a reason, wherever one is asked for.
const FieldReason = "reason"

// FieldOnce names a form that may be sent twice by a second click: an equal one does nothing more.
const FieldOnce = "once"

// FieldConfirmed is set to "yes" by a page that asked whether it is meant.
const FieldConfirmed = "confirmed"

// Confirm asks before something is done that can't be undone, or that all have to know of.
type Confirm struct {
	Frame
	What    string    // which act: texts confirm_{What}_title, _lead, _button and, where there is more to say, _then
	Object  string    // what it is done to: {object} in the texts
	Act     Form      // sends Carry, FieldConfirmed, and FieldReason when one is asked for
	Carry   []Carried // fields of the form that led here
	Reasons bool      // ask for a reason
	Reason  string    // as typed before
	Mild    bool      // nothing is lost: the button is not red
	BackURL string
}

// Difference is one field that two people changed.
type Difference struct {
	Label        string // key of the field's label
	Theirs, Mine string // as shown
}

// Stale says that somebody changed the same thing meanwhile, and shows both.
type Stale struct {
	Frame
	By          string    // who; "" when it is not known
	Sent        string    // what the customer is called to whom they sent a new link; "" where both saved one form
	At          time.Time // when
	Differences []Difference
	Save        Form      // sends Carry: mine, on top of theirs
	Carry       []Carried // with the new version
	ReloadURL   string    // the form with theirs
}

func (*Trouble) name() string { return "trouble" }
func (*Confirm) name() string { return "confirm" }
func (*Stale) name() string   { return "stale" }

// Key is the key of one of the page's texts.
func (v *Confirm) Key(part string) string { return "confirm_" + v.What + "_" + part }
