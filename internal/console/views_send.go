package console

import (
	"html/template"
	"strconv"
	"time"

	"github.com/countersign/countersign/internal/policy"
)

// The names of the fields that NewVerification sends. Those of a customer end in _ and the customer's place, from 0: "mobile_0".
const (
	FieldFirstName    = "first_name"
	FieldLastName     = "last_name"
	FieldMobile       = "mobile"
	FieldCountry      = "country"
	FieldReference    = "reference"
	FieldNotes        = "notes"
	FieldOwn          = "own"        // "on": it is really the customer's contact (RA-29)
	FieldMobile2FA    = "mobile_2fa" // "on"; a box that is locked or clear sends nothing
	FieldVerifyPhone  = "verify_phone"
	FieldVerifyEmail  = "verify_email"
	FieldLocale       = "locale"
	FieldExpires      = "expires_in_hours"
	FieldRedirect     = "redirect_url"
	FieldExternalID   = "external_id"
	FieldHandOver     = "hand_over"  // "on": the sender hands the link over (ID-51)
	FieldAllowOpen    = "allow_open" // "on": who has an open verification gets another
	FieldAskOpen      = "ask_open"   // "on": that was asked, so the box for it is in sight
	FieldCheck        = "check"      // a button: the file is looked at, nothing is sent
	FieldAdd          = "add"        // a button: one more customer, nothing is sent
	FieldRemove       = "remove"     // a button: its value is the place of the customer to take away
	FieldAgain        = "again"      // what was refused comes back to be corrected, nothing is sent
	FieldMode         = "mode"       // the option of "Mobile 2FA" that the page was drawn for
	FieldFile         = "file"       // of Import
	FieldEmailAddress = "email"      // of a customer
)

// Box is something that the firm has preset for the sender.
type Box struct {
	On     bool
	Locked bool // the sender may not change it
}

// Customer is one of those whom links are sent to.
type Customer struct {
	FirstName, LastName, Email, Mobile, Reference, Notes string // as typed before
	Countries                                            []Option
	AskOwn                                               bool // a contact is that of an operator of the firm: ask whether it is meant
	Own                                                  bool // and it is
}

// OpenOne is an open verification of somebody whom a new one was to go to.
type OpenOne struct {
	URL, Reference string
	At             time.Time
}

// NewVerification asks for whom links are to be sent to.
type NewVerification struct {
	Frame
	Act       Form
	Customers []Customer // one at least
	Most      int        // customers in one form

	Mode       policy.Mode
	Mobile2FA  Box    // what policy.Effective says, or what the sender chose
	Reasoned   bool   // the firm demands a reason for a choice against the preset
	Reason     string // as typed before; FieldReason
	Advanced   bool   // the advanced settings are open
	Locales    []Option
	LocaleSet  bool   // the firm has a language of its own
	Expires    string // hours, as typed before; "" is the firm's setting
	ExpiresSet int    // the firm's setting in hours; 0: never
	Redirect   string
	External   string
	SMS, Email Box  // SMS verification, Email verification
	HandOver   bool // nothing is sent: the sender sees the links once
	AllowOpen  bool // who has an open verification gets another
	AskOpen    bool // one that there is has refused this one: ask whether another is meant
	Open       []OpenOne
	ImportURL  string
}

// SentRow is what became of one of several.
type SentRow struct {
	Name, URL string // URL of the verification; "" when it was refused
	Problem   string // why it was refused, and what to do
	OpenURL   string // the open verification that it was refused for
	Link      string // to be handed over: shown once; "" when it was sent, or was shown before
}

// Sent says what became of several (RA-57): one that is refused does not stop the others.
type Sent struct {
	Frame
	Rows     []SentRow
	Again    Form      // brings the refused ones back to be corrected; Action "" when all were taken
	Carry    []Carried // their fields
	Accepted int
	HandOver bool // the links are handed over by the sender
}

// ImportForm takes a file.
type ImportForm struct {
	Frame
	Act       Form // multipart
	SampleURL string
	Most      int // rows
	Mode      policy.Mode
	AllowOpen bool
	Recent    []ImportRow // the newest first
	Pager     Pager       // of them
}

// ImportRow is a file that was taken in before.
type ImportRow struct {
	URL   string
	At    time.Time
	State string // running or done
	Rows  int
}

// Rejected is a row that was refused.
type Rejected struct {
	Row            int
	Field, Message string
	OpenURL        string // the open verification that it was refused for, in the place of Message
}

// Import is how far a file has come.
type Import struct {
	Frame
	At                               time.Time // when the file was sent
	State                            string    // running, done or failed; checked: it was only looked at
	Done, Total, Accepted, Dismissed int
	Open                             int        // of one that was checked: rows of people who have an open verification
	Rejected                         []Rejected // of them as many as are shown
	ResultURL                        string     // a file with a line for each row; "" until it is done
	URL                              string     // this page
}

func (*NewVerification) name() string { return "newverification" }
func (*Sent) name() string            { return "sent" }
func (*ImportForm) name() string      { return "importform" }
func (*Import) name() string          { return "import" }

// Of is the name of a customer's field.
func (v *NewVerification) Of(field string, place int) string {
	return field + "_" + strconv.Itoa(place)
}

// Number is the place of a customer as people count.
func (v *NewVerification) Number(place int) int { return place + 1 }

// Full reports whether no further customer fits in.
func (v *NewVerification) Full() bool { return len(v.Customers) >= v.Most }

// LockedBy is the key of why the box for Mobile 2FA is locked, "" when it isn't.
func (v *NewVerification) LockedBy() string {
	switch {
	case !v.Mobile2FA.Locked:
		return ""
	case v.Mobile2FA.On:
		return "locked_on"
	}
	return "locked_off"
}

// ToggleLocked is the key of why a toggle is locked, "" when it isn't.
func (v *NewVerification) ToggleLocked(b Box) string {
	if b.Locked {
		return "locked_toggle"
	}
	return ""
}

// ExpiryHint says what holds when nothing is entered.
func (s *scene) ExpiryHint(hours int) (template.HTML, error) {
	switch {
	case hours == 0:
		return s.T("expires_hint_never")
	case hours%24 == 0:
		return s.T("expires_hint_days", "n", hours/24)
	}
	return s.T("expires_hint", "n", hours)
}

// OrNone puts the choice of none, in the words of key, before options of which none has to be chosen.
func (s *scene) OrNone(key string, all []Option) ([]Option, error) {
	none, err := s.Plain(key)
	return append([]Option{{"", none, false}}, all...), err
}
