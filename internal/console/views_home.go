package console

import "time"

// Hour is what happened in one hour.
type Hour struct {
	At                                      time.Time // its beginning
	Starts, Deliveries, Approvals, Failures int
}

// Need is something that somebody should look at.
type Need struct {
	Kind    string // one of package attention: its words are need_{Kind}, which count
	Count   int
	Capped  bool // there are more
	Urgent  bool
	Example string // a name that belongs to it; ""
	URL     string // where it is solved; "": by whoever runs the server
}

// Step is one of the first steps.
type Step struct {
	Kind string // its words are step_{Kind} and step_{Kind}_lead, _button
	Done bool
	URL  string
}

// Links are the verifications of customers who get a link, in figures.
type Links struct{ Made, Sent, Completed, Lost int }

// Home is the first page.
type Home struct {
	Frame
	AsOf                                    time.Time // all that happened before is counted
	Behind                                  int       // events that are not counted yet
	Since                                   time.Time // hours before are not counted; zero: all of the day are
	Starts, Deliveries, Approvals, Failures int       // of codes, today
	Links                                   Links     // of today
	Hours                                   []Hour
	Needs                                   []Need
	Steps                                   []Step // while nothing was verified yet; else none
}

// EventDoc is one type of event, of which webhooks tell.
type EventDoc struct{ Kind, Means string }

// Doing is something that programs do, as samples of it: its words are does_{Kind} and does_{Kind}_lead.
type Doing struct {
	Kind string // start, check, invite or read
	Code []Sample
}

// Developer is the corner for those who write programs.
type Developer struct {
	Frame
	BaseURL, ReferenceURL, SpecURL string
	KeysURL                        string   // "" when the operator may not make keys
	InboxURL, PhoneURL             string   // of development mode; ""
	Keys                           []Option // to choose the one that the samples are for; none: there is none that works
	Lacks                          []string // scopes that the chosen one needs for them
	Filled                         bool     // it stands in them, as development mode made it
	Does                           []Doing  // that the chosen key may do
	Events                         []EventDoc
}

func (*Home) name() string      { return "home" }
func (*Developer) name() string { return "developer" }

// Stamp is the hour for a script, Clock for people, in UTC.
func (h Hour) Stamp() string { return h.At.UTC().Format(time.RFC3339) }

// Clock is the hour for people, in UTC.
func (h Hour) Clock() string { return h.At.UTC().Format("15:04") + " UTC" }
