package console

// The names of the fields that the pages at the door send.
const (
	FieldEmail    = "email"
	FieldPassword = "password"
	FieldCode     = "code"  // of an authenticator, or a recovery code: as typed, with spaces and hyphens
	FieldLink     = "token" // the part of a link after #, which a script takes from the address and a person can paste
	FieldName     = "name"
	FieldFirm     = "firm"
	FieldNext     = "next" // path on our own origin that was asked for before signing in
)

// SignIn asks for e-mail address and password. A wrong one of either is told by the second step alone.
type SignIn struct {
	Frame
	Act   Form
	Email string // as typed before
	Next  string // value of FieldNext; "" leads to the first page
}

// SecondFactor asks for a code of the authenticator or a recovery code.
type SecondFactor struct {
	Frame
	Act      Form
	Next     string
	StartURL string // to begin anew
}

// Prove asks who is signed in to prove it again, before something that needs it fresh.
type Prove struct {
	Frame
	Act     Form
	Coded   bool // there is an authenticator: ask for its code as well
	Next    string
	BackURL string
}

// What OpenLink.Kind says.
const (
	LinkSetup      = "setup"
	LinkInvitation = "invitation"
	LinkReset      = "reset"
)

// OpenLink takes what stands behind # in a link that came by e-mail or on the server's terminal. With script it goes on by itself.
type OpenLink struct {
	Frame
	Act  Form
	Kind string
}

// SetupDone is what the address of the set-up has once there is an operator.
type SetupDone struct{ Frame }

// Setup makes the first firm and its first owner.
type Setup struct {
	Frame
	Act               Form
	Link              string // value of FieldLink, carried on; "" has the page take it from its address, or ask
	Firm, Email, Name string // as typed before
	Least             int    // characters of a password
}

// Join has somebody who was invited to a team choose a name and a password.
type Join struct {
	Frame
	Act         Form
	Link        string
	Firm, Email string
	Role        string // owner, admin, agent or viewer
	Name        string // as typed before
	Least       int
}

// SetPassword has somebody whose sign-in was reset choose a new password.
type SetPassword struct {
	Frame
	Act   Form
	Link  string
	Email string
	Least int
}

// Enrol sets up an authenticator app.
type Enrol struct {
	Frame
	Act     Form
	QRURL   string // picture on our own origin
	Key     string // to be typed instead, in groups
	Account string // under what name the app will show it
	SkipURL string // to go on without; "" when the role needs it
}

// RecoveryCodes shows the codes, once.
type RecoveryCodes struct {
	Frame
	Codes   []string
	NextURL string
}

func (*SignIn) name() string        { return "signin" }
func (*SecondFactor) name() string  { return "secondfactor" }
func (*Prove) name() string         { return "prove" }
func (*OpenLink) name() string      { return "openlink" }
func (*Setup) name() string         { return "setup" }
func (*SetupDone) name() string     { return "setupdone" }
func (*Join) name() string          { return "join" }
func (*SetPassword) name() string   { return "setpassword" }
func (*Enrol) name() string         { return "enrol" }
func (*RecoveryCodes) name() string { return "recoverycodes" }
