package console

import (
	"html/template"
	"time"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// The names of the fields in the query of the list of verifications.
const (
	QueryReference = "reference"
	QueryContact   = "contact" // whole, as typed
	QueryStatus    = "status"
	QueryMobile2FA = "mobile_2fa" // one of the gate's words
	QueryFrom      = "from"       // days: 2006-01-02
	QueryTo        = "to"
)

// What became of the mobile gate (RA-59).
const (
	GatePassed     = "passed"
	GateFailed     = "failed"
	GatePending    = "pending"
	GateNotUsed    = "not_used"
	GateNotAllowed = "not_allowed"
)

var gateWords = []string{GatePassed, GateFailed, GatePending, GateNotUsed, GateNotAllowed}

// VerificationFilter is what the list is narrowed to, as in the URL.
type VerificationFilter struct {
	Reference, Contact, From, To string
	Status                       invite.Status // or statusUnknown; "": any
	Mobile2FA                    string        // "": any
}

// VerificationRow is one line of the list.
type VerificationRow struct {
	URL       string
	Name      string // of the customer
	Reference string
	Contacts  []string      // masked: mobile, e-mail
	Status    invite.Status // or statusUnknown
	Mobile2FA string        // GatePassed ...
	At        time.Time
}

// Verifications is the list.
type Verifications struct {
	Frame
	Filter   VerificationFilter
	Filtered bool // something is filtered, so that an empty list says so
	Rows     []VerificationRow
	Pager    Pager
}

// MessageRow is one delivery of a code, or one message of an invitation.
type MessageRow struct {
	At       time.Time
	What     string // link, code, reminder or notice
	Channel  string // sms, email, voice or whatsapp
	To       string // masked
	Provider string
	State    string // sending, sent, delivered, failed, expired or unknown
	Error    string // a word of package delivery, or the provider's own; may be ""
	Took     string // as shown, such as "1.2 s"; may be ""
	Price    string // as shown; may be ""
	URL      string // of the window it belongs to; "" in that window, and of a code that none belongs to

	key uid.ID // where it stands in its list
}

// Contact is one of the customer's, as its window shows it.
type Contact struct {
	Channel     string    // sms or email
	Value       string    // masked, or whole when the view is Revealed
	ConfirmedAt time.Time // zero: not confirmed
	ByCustomer  bool      // the customer gave or changed it
}

// Verification is the window of one.
type Verification struct {
	Frame
	ID         string
	Name       string
	Reference  string
	ExternalID string
	Notes      string        // never shown to the customer
	Status     invite.Status // or statusUnknown
	Mobile2FA  string        // GatePassed ...

	Policy         policy.Mode // in force when it was made
	OverriddenBy   string      // who chose against the preset; "" when nobody did
	OverrideReason string

	CreatedAt, SentAt, OpenedAt, ConsentedAt, ExpiresAt, EndedAt time.Time
	CreatedBy                                                    string

	LockedAt, LockedUntil time.Time // zero: not known; until an operator unlocks it
	WrongCodes            int       // that were entered before it was locked
	WrongKnown            bool

	Contacts []Contact
	Revealed bool // the contacts are whole, since the operator asked for them just now
	Reveal   Form // Action "" when the operator may not

	Timeline []Event
	Messages []MessageRow

	ResendURL, CorrectURL, UnlockURL, CancelURL string // "" when it can't be done, now or by this operator
}

// Resend asks how a new link is to go out.
type Resend struct {
	Frame
	Name    string
	Act     Form
	Version int      // of the link that the form is drawn of
	Ways    []string // of email, sms, both: at least one
	Way     string   // chosen
	Proof   string   // what becomes of what the customer has confirmed: kept or anew; "" when nothing is confirmed
	Left    int      // how many new links may still be sent
	Reason  string   // as typed before
	BackURL string
}

// What Resend.Proof says.
const (
	ProofKept = "kept"
	ProofAnew = "anew"
)

// Correct asks for the right contact.
type Correct struct {
	Frame
	Name             string
	Act              Form
	Version          int    // of the link that the form is drawn of
	Mobile, Email    string // as they are, masked; "" when there is none
	NewMobile        string // as typed before
	NewEmail, Reason string
	Countries        []Option
	BackURL          string
}

// Cannot says that an act can't be done for a customer.
type Cannot struct {
	Frame
	Object   string // what the customer is called
	Ended    bool
	Timeline []Event // what stands in its way, where that is known
	BackURL  string
}

func (*Cannot) name() string        { return "cannot" }
func (*Verifications) name() string { return "verifications" }
func (*Verification) name() string  { return "verification" }
func (*Resend) name() string        { return "resend" }
func (*Correct) name() string       { return "correct" }

// options makes the choices of a filter from the words of a vocabulary.
func (s *scene) options(vocabulary, anything string, words []string, chosen string) ([]Option, error) {
	any, err := s.Plain(anything)
	if err != nil {
		return nil, err
	}
	all := []Option{{"", any, chosen == ""}}
	for _, w := range words {
		label, err := s.Plain(vocabulary + "_" + w)
		if err != nil {
			return nil, err
		}
		all = append(all, Option{w, label, w == chosen})
	}
	return all, nil
}

// Statuses are the choices of the list's filter.
func (s *scene) Statuses(chosen invite.Status) ([]Option, error) {
	var words []string
	for _, w := range invite.Statuses {
		words = append(words, string(w))
		if w == invite.Sent {
			words = append(words, string(statusUnknown))
		}
	}
	return s.options("status", "any_status", words, string(chosen))
}

// Gates are the choices of the list's filter.
func (s *scene) Gates(chosen string) ([]Option, error) {
	return s.options("gate", "any_gate", gateWords, chosen)
}

// ModeKey is the key of the words for an option of "Mobile 2FA".
func (s *scene) ModeKey(m policy.Mode) string { return "mode_" + string(m) }

// Now says what a contact is that may be replaced.
func (s *scene) Now(contact string) (template.HTML, error) {
	if contact == "" {
		return s.T("now_none")
	}
	return s.T("now_is", "contact", s.Own(contact))
}
