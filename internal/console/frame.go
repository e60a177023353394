package console

import (
	"crypto/rand"
	"slices"
	"strings"
)

// FieldToken is the name of the field with Form.Token, in every form.
const FieldToken = "form_token"

// A View is one page with all that it shows.
type View interface {
	name() string // of its template
	frame() *Frame
}

// Frame is what every page has around its content. Its zero value is a page of nobody, as those for signing in are.
type Frame struct {
	Tenant   string    // the firm's name
	Operator Operator  // who is signed in
	At       Section   // the part of the console that the page is in
	Sections []Section // which parts the operator may see; nil: all
	Watches  bool      // the operator sends nothing: no button for it is shown
	Barred   bool      // nothing is open to the operator but the way out
	SignOut  Form      // the button
	Flash    Flash     // what the last form did
	Live     string    // URL of a stream of events (text/event-stream) that says "changed" when the page is out of date; "" without
	Problems []Problem // what kept the last form from being taken
}

func (f *Frame) frame() *Frame { return f }

// Operator is who looks at the page.
type Operator struct {
	Name, Email string
	Role        string // owner, admin, agent or viewer
}

// Form is where a form is sent to, and its token.
type Form struct {
	Action string // URL on our own origin
	Token  string // value of FieldToken
	Once   string // value of FieldOnce, for a form that does something each time that it is sent; "": it has none
}

// once is f with a name, by which a second click is told from another form.
func (f Form) once() Form {
	f.Once = rand.Text()
	return f
}

// Flash says what the last form did. The zero value says nothing, as does a word that isn't known, since it comes by a cookie.
type Flash struct {
	Said   string // flash_{Said} in the messages: "saved", "link_sent", ...
	Object string // what it was done to: {object} in the text; may be ""
	Bad    bool   // it was not done
}

// Problem is what is wrong with a field, in words that say what to do. Without a field it is of the whole form.
type Problem struct {
	Field   string // name of the field: a part that shows a field shows its problem beside it
	Message string
}

// Section is a part of the console.
type Section string

// The sections, in the order of the navigation.
const (
	AtHome          Section = "home"
	AtVerifications Section = "verifications"
	AtMessages      Section = "messages"
	AtServices      Section = "services"
	AtKeys          Section = "keys"
	AtWebhooks      Section = "webhooks"
	AtDeveloper     Section = "developer"
	AtTeam          Section = "team"
	AtAudit         Section = "audit"
	AtSettings      Section = "settings"
	AtProfile       Section = "profile" // below the operator's name, not in the list
)

// group is sections under one heading.
type group struct {
	Name     string // nav_{Name} in the messages; "" has none
	Sections []Section
}

var groups = []group{
	{"", []Section{AtHome, AtVerifications, AtMessages}},
	{"build", []Section{AtServices, AtKeys, AtWebhooks, AtDeveloper}},
	{"firm", []Section{AtTeam, AtAudit, AtSettings}},
}

// link is one line of the navigation.
type link struct {
	Section Section
	URL     string
	Current bool
}

// menu is a group as it is drawn.
type menu struct {
	Name  string
	Links []link
}

// Menus are the navigation for who is signed in.
func (s *scene) Menus() []menu {
	var all []menu
	for _, g := range groups {
		m := menu{Name: g.Name}
		for _, at := range g.Sections {
			if s.Sections == nil || slices.Contains(s.Sections, at) {
				m.Links = append(m.Links, link{at, at.URL(), at == s.At})
			}
		}
		if m.Links != nil {
			all = append(all, m)
		}
	}
	return all
}

// URL is where the section begins.
func (at Section) URL() string {
	switch at {
	case AtHome:
		return Prefix
	case AtSettings:
		return Prefix + "/settings/checks"
	}
	return Prefix + "/" + string(at)
}

// helper is whom operators turn to.
type helper struct{ URL, Text string }

// Support is whom operators turn to when their own firm can't help (RA-53), nil when nobody is named.
func (s *scene) Support() *helper {
	if s.support == "" {
		return nil
	}
	if page, ok := strings.CutPrefix(s.support, "https://"); ok {
		return &helper{s.support, page}
	}
	return &helper{"mailto:" + s.support, s.support}
}

// Sends reports whether the operator sees verifications and may send one.
func (s *scene) Sends() bool {
	return !s.Watches && (s.Sections == nil || slices.Contains(s.Sections, AtVerifications))
}
