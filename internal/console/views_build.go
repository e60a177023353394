package console

import "time"

// The names of the fields that the pages of this file send; those of a list stand in its URL.
const (
	QueryKind      = "kind"  // of a message: code, link, reminder or notice
	QueryState     = "state" // of a delivery
	QueryChannel   = "channel"
	QueryProvider  = "provider"
	QueryOrder     = "order" // "newest"; else failures come first
	QueryType      = "type"  // of an event
	QueryKey       = "key"   // that samples are for, by its id
	FieldDigits    = "code_length"
	FieldSeconds   = "ttl_seconds"
	FieldPostLife  = "email_ttl_seconds"
	FieldMaxChecks = "max_checks"
	FieldMaxSends  = "max_sends"
	FieldResend    = "resend" // same_code or new_code
	FieldChannels  = "channels"
	FieldHost      = "host"
	FieldScopes    = "scopes" // once for each
	FieldExpiry    = "expires_in_days"
	FieldURL       = "url"
	FieldAbout     = "description"
	FieldEvents    = "events" // once for each
	FieldEnabled   = "enabled"
)

// Messages is what was handed to providers, or is to be: what failed, or everything.
type Messages struct {
	Frame
	What, State, Channel, Provider, From, To string
	Providers                                []string // by name
	Newest                                   bool     // all, failures or not
	Filtered                                 bool
	Rows                                     []MessageRow
	Pager                                    Pager
}

// ServiceRow is one profile.
type ServiceRow struct {
	URL, Name, ID string
	Default       bool
	Digits        int
	Life          string   // as shown: "5 min"
	Channels      []string // sms, email, voice, whatsapp; empty: all that have a route
}

// Services is the list of profiles.
type Services struct {
	Frame
	Rows []ServiceRow
	May  bool
}

// Ticked is one of several boxes with one name.
type Ticked struct {
	Value string // its words are {vocabulary}_{value}
	On    bool
}

// Service is the form for a new profile, or for one that is there.
type Service struct {
	Frame
	Act     Form
	Version int64
	May     bool
	ID      string // "" for a new one
	Default bool
	Changed time.Time // when it was last

	Name, Digits, Seconds, PostSeconds, MaxChecks, MaxSends, Host string // as typed or kept
	Resend                                                        string // same_code or new_code
	Channels                                                      []Ticked
	DeleteURL                                                     string // "" when it can't be deleted
}

// KeyRow is one API key, without its secret.
type KeyRow struct {
	ID, Name            string
	State               string // active, rotating, expired or revoked
	Scopes              []string
	CreatedAt, LastUsed time.Time
	ExpiresAt           time.Time // zero: never
	RotateURL           string    // "" when it can't be
	RevokeURL           string
}

// Keys is the list of API keys.
type Keys struct {
	Frame
	Rows []KeyRow
	May  bool
}

// NewKey is the form for a key.
type NewKey struct {
	Frame
	Act    Form
	Name   string
	Days   string   // until it expires; "" never
	Scopes []Ticked // by name, such as verifications:start
}

// KeyMade shows a key, once.
type KeyMade struct {
	Frame
	Name      string
	Secret    string   // "": the same form has made the key before, and its secret was shown then
	Samples   []Sample // of what the key may do; the first has the key in it
	BeforeURL string   // where the one that it replaces is revoked; "" when it is no replacement
	RotateURL string   // where one whose secret was shown gets a successor; "" when it works no longer
}

// EndpointRow is one webhook.
type EndpointRow struct {
	URL, Target, Description, ID string
	State                        string // enabled, failing or disabled
	Events                       []string
	LastAt                       time.Time
	LastState                    string // delivered, pending or dead; "" when nothing was sent yet
}

// Webhooks is the list of endpoints.
type Webhooks struct {
	Frame
	Rows []EndpointRow
	May  bool
}

// EndpointForm is the form for a new endpoint, or for one that is there.
type EndpointForm struct {
	Frame
	Act                 Form
	ID                  string // "" for a new one
	Target, Description string // as typed or kept
	Enabled             bool
	Version             int64
	Events              []Ticked // families such as verification.*; nothing ticked here and in Types: all
	Types               []Ticked // single types
	Single              bool     // one of Types is ticked
	Foreign             string   // the vendor's door that made it, with whose Words it asks: they can't be changed here; ""
	Words               []string
	BackURL             string
}

// HookRow is one delivery to an endpoint.
type HookRow struct {
	URL    string
	At     time.Time
	Type   string // of the event
	State  string // delivered, pending or dead
	Status int    // HTTP; 0 when none came
	Tries  int
	Took   string
}

// Endpoint is the window of one, with its log.
type Endpoint struct {
	Frame
	URL                      string // of this page
	ID, Target, Description  string
	State                    string
	Off                      string // why it is switched off: owner, gone; ""
	Events                   []string
	Secret                   string // shown once, after it was made; ""
	PreviousUntil            time.Time
	Rows                     []HookRow
	HookState                string // filter
	Soon                     int    // in how many seconds Rows are worth another look; 0: when the stream says so
	Pager                    Pager
	Test                     Form // Action "" when the operator may not
	EditURL, RollURL, Remove string
}

// Hook is one delivery: its tries, and the request as each makes it.
type Hook struct {
	Frame
	ID, Type, EventID string
	State             string
	Target, BackURL   string
	Tries             int       // so far
	Log               []HookTry // those on record, the newest first
	Lost              string    // why it was given up without a try, a word of package webhook; ""
	Replay            Form      // Action "" when the operator may not
	NextAt            time.Time
	Request           *HookRequest // nil: it can't be made
	Lack              string       // why: event_gone or unmade
}

// HookTry is one try of a delivery.
type HookTry struct {
	N      int // its number, from 1
	At     time.Time
	Status int
	Error  string // a word of package webhook; "" when it was taken
	Took   string
	Answer string // the first kilobyte of the body
}

// HookRequest is what is posted, made anew.
type HookRequest struct {
	Method, URL string
	At          time.Time // what it is dated
	Headers     string    // a line each, the signature left out
	Body        string    // in lines, contacts masked
}

func (*Messages) name() string     { return "messages" }
func (*Services) name() string     { return "services" }
func (*Service) name() string      { return "service" }
func (*Keys) name() string         { return "keys" }
func (*NewKey) name() string       { return "newkey" }
func (*KeyMade) name() string      { return "keymade" }
func (*Webhooks) name() string     { return "webhooks" }
func (*EndpointForm) name() string { return "endpointform" }
func (*Endpoint) name() string     { return "endpoint" }
func (*Hook) name() string         { return "hook" }

// DeliveryStates are the choices of the filter of messages.
func (s *scene) DeliveryStates(chosen string) ([]Option, error) {
	return s.options("delivery", "any_state", []string{"failed", "expired", "unknown", "sending", "sent", "delivered"}, chosen)
}

// Kinds are the choices of the filter of messages.
func (s *scene) Kinds(chosen string) ([]Option, error) {
	return s.options("what", "any_what", []string{whatCode, whatLink, whatReminder, whatNotice}, chosen)
}

// Channels are the choices of the filter of messages.
func (s *scene) Channels(chosen string) ([]Option, error) {
	return s.options("channel", "any_channel", []string{"sms", "email", "voice", "whatsapp"}, chosen)
}

// ProviderNames are the choices of the filter of messages.
func (s *scene) ProviderNames(names []string, chosen string) ([]Option, error) {
	all, err := s.options("", "any_provider", nil, chosen)
	for _, n := range names {
		all = append(all, Option{n, n, n == chosen})
	}
	return all, err
}

// HookStates are the choices of the filter of an endpoint's log.
func (s *scene) HookStates(chosen string) ([]Option, error) {
	return s.options("hook", "any_state", []string{"dead", "pending", "delivered"}, chosen)
}

// hookTry is a try with words.
type hookTry struct {
	*scene
	HookTry
}

// Try draws a try: {{template "hooktry" (.Try (index .V.Log 0))}}.
func (s *scene) Try(t HookTry) hookTry { return hookTry{s, t} }

// ticks are boxes with one name.
type ticks struct {
	*scene
	Name, Vocabulary string
	All              []Ticked
}

// Ticks draws boxes with one name: {{template "ticks" (.Ticks "channels" "channel" .V.Channels)}}.
func (s *scene) Ticks(name, vocabulary string, all []Ticked) ticks {
	return ticks{s, name, vocabulary, all}
}
