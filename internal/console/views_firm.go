package console

import "time"

// The names of the fields that the pages of this file send; those of a list stand in its URL.
const (
	QueryActor      = "actor"
	QueryObject     = "object"
	FieldRole       = "role"
	FieldWas        = "was" // the role that the form was drawn of
	FieldOldPass    = "old_password"
	FieldOwnLocale  = "locale"
	FieldOwnName    = "name"
	FieldEndSession = "session"
)

// MemberRow is one operator, or one who was invited.
type MemberRow struct {
	URL         string // of the operator; "" for who was invited
	Name, Email string
	Role        string // owner, admin, agent or viewer
	State       string // active, disabled, invited, or ended: invited by somebody who may not invite them any more
	TOTP        bool
	At          time.Time // signed in last; of who was invited, when the invitation ends
	Withdraw    string    // URL to take an invitation back; ""
	You         bool
}

// Team is the list of operators.
type Team struct {
	Frame
	Rows []MemberRow
	May  bool
}

// Invitation asks whom to invite to the team.
type Invitation struct {
	Frame
	Act   Form
	Email string // as typed before
	Role  string
	Roles []string // that the operator may give
}

// Member is the window of an operator.
type Member struct {
	Frame
	Act                      Form // changes the role; Action "" when the operator may not
	Name, Email, Role, State string
	Roles                    []string
	TOTP, You                bool
	CreatedAt, LastAt        time.Time
	DisableURL, EnableURL    string // "" when it can't be
	ResetURL, EndSessionsURL string
}

// AuditRow is one entry.
type AuditRow struct {
	URL    string
	At     time.Time
	Kind   string // type of the event
	Actor  string // as shown
	Object string // what it was about, masked where it is a contact
}

// Audit is the log of the firm.
type Audit struct {
	Frame
	Type, Actor, Object, From, To string
	Types                         []Option
	Filtered                      bool
	Rows                          []AuditRow
	Pager                         Pager
	ExportURL                     string // of the days that are asked for; "" when the operator may not
}

// Fact is a name with its value, as they stand in an event.
type Fact struct{ Name, Value string }

// AuditEntry is one entry with its proof.
type AuditEntry struct {
	Frame
	ID, Kind, Actor string
	At              time.Time
	Facts           []Fact
	Proof           string // valid, invalid or pending
	Detail          string // what is wrong, or waited for
	Index, Size     int64  // place in the log, and how many entries the log had when it was checked
	Leaf, Root      string // hashes, in base64
	Path            []string
	DownloadURL     string // entry and proof, as an export of this one event
	BackURL         string
}

// Profile is the operator's own.
type Profile struct {
	Frame
	Act     Form
	Name    string // as typed or kept
	Locales []Option
}

// SessionRow is one sign-in that is still open.
type SessionRow struct {
	Device     string // as the browser calls itself, in words
	At, SeenAt time.Time
	Current    bool
	End        Form // with ID as FieldEndSession
	ID         string
}

// Security is Profile > Security.
type Security struct {
	Frame
	TOTP        bool
	EnrolURL    string
	CodesLeft   int
	FewCodes    bool   // so few that new ones should be made
	CodesURL    string // makes a new set
	PasswordURL string
	Sessions    []SessionRow
	EndAll      string // URL to end all others; ""
}

// ChangePassword asks for the old password and a new one.
type ChangePassword struct {
	Frame
	Act   Form
	Least int
}

func (*Team) name() string           { return "team" }
func (*Invitation) name() string     { return "invitation" }
func (*Member) name() string         { return "member" }
func (*Audit) name() string          { return "audit" }
func (*AuditEntry) name() string     { return "auditentry" }
func (*Profile) name() string        { return "profile" }
func (*Security) name() string       { return "security" }
func (*ChangePassword) name() string { return "changepassword" }

// ProfileTabs are the parts of Profile.
func (s *scene) ProfileTabs(current string) ([]tab, error) {
	return s.Tabs(current, "profile", Prefix+"/profile", "security", Prefix+"/profile/security")
}

// Event is an event of a type alone, for its words.
func (s *scene) Event(kind string) Event { return Event{Kind: kind} }
