package console

import (
	"fmt"
	"html/template"
	"strings"
	"time"
)

// Option is one of several values of a field.
type Option struct {
	Value  string
	Label  string // as it is shown; where the page's own words are meant, it is their key and the part says so
	Chosen bool
}

// Event is one line of a timeline.
type Event struct {
	At     time.Time
	Kind   string   // the event's type, such as "invitation.sent": its words are event_invitation_sent, else the type itself
	Tone   Tone     // "": Plain
	By     string   // who did it; "" when the customer or the product did
	Detail []string // further lines, already masked
	Lines  []Line   // further lines in our words
}

// Line is a text by its key, with a value from outside for {value} in it where there is one.
type Line struct{ Key, Value string }

// Tone is what a badge or an event means at a glance. Each has its own shape beside its colour.
type Tone string

// The tones.
const (
	Plain Tone = "plain" // nothing to say about it
	Good  Tone = "good"
	Busy  Tone = "busy" // it goes on
	Wait  Tone = "wait" // somebody should look
	Bad   Tone = "bad"
)

// badge is a state in a word and a shape.
type badge struct {
	Tone Tone
	Text template.HTML
}

// tones says what the words of each vocabulary mean. Their texts are {vocabulary}_{word}.
var tones = map[string]map[string]Tone{
	"status": {"created": Busy, "sent": Busy, "sent_unknown": Wait, "undeliverable": Bad, "opened": Busy, "mobile_pending": Busy, "mobile_verified": Busy,
		"mobile_failed": Bad, "consent_pending": Busy, "consented": Busy, "handed_off": Busy, "completed": Good, "declined": Bad,
		"expired": Plain, "canceled": Plain},
	"gate":     {"passed": Good, "failed": Bad, "pending": Busy, "not_used": Plain, "not_allowed": Plain},
	"delivery": {"sending": Busy, "sent": Busy, "delivered": Good, "failed": Bad, "expired": Bad, "unknown": Wait},
	"key":      {"active": Good, "rotating": Wait, "expired": Plain, "revoked": Plain},
	"endpoint": {"enabled": Good, "failing": Wait, "disabled": Plain},
	"hook":     {"delivered": Good, "pending": Busy, "dead": Bad},
	"member":   {"active": Good, "invited": Busy, "disabled": Plain, "ended": Plain},
	"factor":   {"on": Good, "off": Wait},
	"proof":    {"valid": Good, "invalid": Bad, "pending": Busy},
	"import":   {"running": Busy, "done": Good, "failed": Bad, "checked": Plain},
}

// Badge shows a word of a vocabulary: {{template "badge" (.Badge "status" .Status)}}.
func (s *scene) Badge(vocabulary string, word any) (badge, error) {
	w := fmt.Sprint(word)
	tone, ok := tones[vocabulary][w]
	if !ok {
		return badge{}, fmt.Errorf("no %s %q", vocabulary, w)
	}
	text, err := s.T(vocabulary + "_" + w)
	return badge{tone, text}, err
}

// field is a label, a hint, something to fill in, and a place for its problem.
type field struct {
	*scene
	Name, ID                 string
	Label, Hint, Unit        template.HTML
	Value, Error             string
	Type, Autocomplete, Mode string // attributes of the input; Mode is its inputmode
	Min, Max, Form           string // Form is the id of the form that it belongs to, where it stands outside
	Rows                     int    // above 0: several lines
	Options                  []Option
	Optional, Focus, Own     bool // Own: left to right, in any language
	Checked                  bool
	Locked                   template.HTML // why it can't be changed; "" when it can
}

// Field makes a field of one line: {{template "field" (.Field "email" "signin_email" .V.Email "type" "email")}}. The pairs are
// hint, unit and locked (keys of texts), hinted (a text), type, complete, mode, min, max, id, form, rows, options, optional, focus, own.
func (s *scene) Field(name, label string, value any, pairs ...any) (*field, error) {
	f := &field{scene: s, Name: name, ID: strings.NewReplacer(".", "-", "[", "-", "]", "").Replace(name), Type: "text"}
	if v := fmt.Sprint(value); value != nil {
		f.Value = v
	}
	var err error
	if f.Label, err = s.T(label); err != nil {
		return nil, err
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := f.set(fmt.Sprint(pairs[i]), pairs[i+1]); err != nil {
			return nil, fmt.Errorf("field %q: %w", name, err)
		}
	}
	f.Error = s.Wrong(name)
	return f, nil
}

// set takes one of Field's pairs.
func (f *field) set(name string, value any) (err error) {
	text, _ := value.(string)
	switch name {
	case "hint":
		f.Hint, err = f.T(text)
	case "hinted":
		f.Hint, _ = value.(template.HTML)
	case "unit":
		f.Unit, err = f.T(text)
	case "locked":
		if text != "" {
			f.Locked, err = f.T(text)
		}
	case "type":
		f.Type = text
	case "complete":
		f.Autocomplete = text
	case "mode":
		f.Mode = text
	case "id":
		f.ID = text
	case "form":
		f.Form = text
	case "min":
		f.Min = fmt.Sprint(value)
	case "max":
		f.Max = fmt.Sprint(value)
	case "rows":
		f.Rows, _ = value.(int)
	case "options":
		f.Options, _ = value.([]Option)
	case "optional":
		f.Optional, _ = value.(bool)
	case "focus":
		f.Focus = value == true && len(f.Problems) == 0 // else what went wrong has the focus
	case "own":
		f.Own, _ = value.(bool)
	default:
		return fmt.Errorf("no setting %q", name)
	}
	return err
}

// Check makes a box to tick, with Field's pairs. A locked one says why, and sends nothing.
func (s *scene) Check(name, label string, checked bool, pairs ...any) (*field, error) {
	f, err := s.Field(name, label, nil, pairs...)
	if err != nil {
		return nil, err
	}
	f.Checked = checked
	return f, nil
}

// Described lists what says more about the field, for aria-describedby.
func (f *field) Described() string {
	var ids []string
	if f.Hint != "" {
		ids = append(ids, f.ID+"-hint")
	}
	if f.Locked != "" {
		ids = append(ids, f.ID+"-locked")
	}
	if f.Error != "" {
		ids = append(ids, f.ID+"-error")
	}
	return strings.Join(ids, " ")
}

// Wrong is the problem of a field, "" when it has none.
func (s *scene) Wrong(name string) string {
	for _, p := range s.Problems {
		if p.Field == name {
			return p.Message
		}
	}
	return ""
}

// card is one of several choices that need a sentence each.
type card struct {
	Value       string
	Label, Hint template.HTML
	Chosen      bool
}

// cards are radio buttons as cards.
type cards struct {
	*scene
	Name   string
	Legend template.HTML
	Hint   template.HTML
	All    []card
	Error  string
}

// Cards makes radio cards for values whose texts are {words}_{value} and {words}_{value}_hint. hint is a text's key or "".
func (s *scene) Cards(name, legend, hint, words string, values []string, chosen any) (*cards, error) {
	c := &cards{scene: s, Name: name, Error: s.Wrong(name)}
	var err error
	if c.Legend, err = s.T(legend); err != nil {
		return nil, err
	}
	if hint != "" {
		if c.Hint, err = s.T(hint); err != nil {
			return nil, err
		}
	}
	for _, v := range values {
		one := card{Value: v, Chosen: v == fmt.Sprint(chosen)}
		if one.Label, err = s.T(words + "_" + v); err != nil {
			return nil, err
		}
		if one.Hint, err = s.T(words + "_" + v + "_hint"); err != nil {
			return nil, err
		}
		c.All = append(c.All, one)
	}
	return c, nil
}

// secret is something that is shown once.
type secret struct {
	*scene
	Label template.HTML
	Value string
}

// Secret shows a key or a secret with a button that copies it.
func (s *scene) Secret(label, value string) (*secret, error) {
	text, err := s.T(label)
	return &secret{s, text, value}, err
}

// copied is a value with a button that copies it.
type copied struct {
	*scene
	Value string
}

// Copy shows an id with a button that copies it.
func (s *scene) Copy(value string) copied { return copied{s, value} }

// sample is code to read and to copy.
type sample struct {
	*scene
	Label, Code string
	Long        bool // has a box of its own to scroll in
}

// Sample shows code. The label is a name such as "curl", not a text.
func (s *scene) Sample(label, code string) sample { return sample{s, label, code, false} }

// Long shows what may have very many lines, once on a page.
func (s *scene) Long(label, code string) sample { return sample{s, label, code, true} }

// eventKey is the key of the words of a kind of event.
func eventKey(kind string) string { return "event_" + strings.ReplaceAll(kind, ".", "_") }

// Happened gives the words of an event.
func (s *scene) Happened(e Event) (template.HTML, error) {
	key := eventKey(e.Kind)
	if !s.Knows(key) {
		return template.HTML("<code>" + template.HTMLEscapeString(e.Kind) + "</code>"), nil // escaped
	}
	return s.T(key)
}

// Word gives the words for what somebody outside or another package said in one; what has none here is told as it is.
func (s *scene) Word(vocabulary, word string) (template.HTML, error) {
	if !s.Knows(vocabulary + "_" + word) {
		return template.HTML("<bdi>" + template.HTMLEscapeString(word) + "</bdi>"), nil // escaped
	}
	return s.T(vocabulary + "_" + word)
}

// Line gives the words of a line; one without words is its value alone.
func (s *scene) Line(l Line) (template.HTML, error) {
	if !s.Knows(l.Key) {
		return template.HTML(template.HTMLEscapeString(l.Value)), nil // escaped
	}
	return s.T(l.Key, "value", l.Value)
}

// Flashed gives the words of the flash, "" when there is none.
func (s *scene) Flashed() (template.HTML, error) {
	key := "flash_" + s.Flash.Said
	if s.Flash.Said == "" || !s.Knows(key) {
		return "", nil
	}
	return s.T(key, "object", s.Flash.Object)
}

// crumb leads one page up.
type crumb struct {
	URL   string
	Label template.HTML
}

// Crumb makes the way back above a title.
func (s *scene) Crumb(url, label string) (crumb, error) {
	text, err := s.T(label)
	return crumb{url, text}, err
}

// paged is a Pager with words.
type paged struct {
	*scene
	Pager
}

// Paged draws a pager.
func (s *scene) Paged(p Pager) paged { return paged{s, p} }

// tab is one of several pages side by side.
type tab struct {
	Label   template.HTML
	URL     string
	Current bool
}

// Tabs makes tabs whose texts are tab_{name}, from pairs of name and URL.
func (s *scene) Tabs(current string, pairs ...string) ([]tab, error) {
	var all []tab
	for i := 0; i+1 < len(pairs); i += 2 {
		label, err := s.T("tab_" + pairs[i])
		if err != nil {
			return nil, err
		}
		all = append(all, tab{label, pairs[i+1], pairs[i] == current})
	}
	return all, nil
}

// Strings makes a list where a template needs one.
func (s *scene) Strings(all ...string) []string { return all }
