package console

import (
	"maps"
	"path"
	"slices"
	"strconv"
	"time"

	"github.com/countersign/countersign/internal/invite"
)

// compared is one field as it is kept and as it was sent.
type compared struct{ label, theirs, mine string }

// edition is which version of settings is kept, and who made it.
type edition struct {
	version int64
	at      time.Time
	by      string // the actor
}

// staleSettings shows what somebody else saved meanwhile beside what was sent to action from the page at reload. Nothing is saved; the
// button sends the same again, for the version of now.
func (v *visit) staleSettings(action, reload string, now edition, fields []compared) (View, error) {
	last, err := v.changed(now.at, now.by)
	if err != nil {
		return nil, err
	}
	page := &Stale{Frame: v.frame(), By: last.By, At: last.At, Save: v.form(action), ReloadURL: reload}
	for _, f := range fields {
		if f.theirs != f.mine {
			page.Differences = append(page.Differences, Difference{Label: f.label, Theirs: f.theirs, Mine: f.mine})
		}
	}
	if page.Differences == nil { // both did the same
		return v.leave(reload, Flash{Said: "saved"})
	}
	page.Carry = append(carried(v.r.PostForm, FieldToken, FieldConfirmed, FieldVersion), Carried{FieldVersion, strconv.FormatInt(now.version, 10)})
	return page, nil
}

// box is a box to tick in words.
func (s *Site) box(ticked bool) string {
	if ticked {
		return s.pages.text("compared_on")
	}
	return s.pages.text("compared_off")
}

// text is one of the pages' texts without values; "" when there is none.
func (p *Pages) text(key string) string { return p.words[Locales[0]].Texts[key].Text }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// overtaken shows what somebody did for a customer since the form was drawn beside what was sent. Nothing was done; the button does it to
// the link of now.
func (v *visit) overtaken(h *helped) (View, error) {
	told, err := v.timeline(h.Target)
	if err != nil {
		return nil, err
	}
	page := v.stale(v.r.URL.Path, int64(h.View.Link()), time.Time{})
	page.Sent, page.ReloadURL = nameOf(&h.View), h.window()
	var theirs Event
	for _, e := range told.events {
		if e.By != "" && (e.Kind == invite.EventResent || e.Kind == invite.EventContactChanged) {
			theirs = e
			break
		}
	}
	page.By, page.At = theirs.By, theirs.At
	page.Differences = []Difference{{"stale_act", v.site.eventText(theirs.Kind), v.site.actText(path.Base(v.r.URL.Path))}}
	if to := v.posted(FieldMobile); to != "" {
		page.differ("mobile_new", h.MaskedMobile, to)
	}
	if to := v.posted(FieldEmailAddress); to != "" {
		page.differ("email_new", h.MaskedEmail, to)
	}
	for _, l := range theirs.Lines {
		if l.Key == reasonKey {
			page.Differences = append(page.Differences, Difference{"reason", l.Value, v.posted(FieldReason)})
		}
	}
	return page, nil
}

// eventText is an event in words, as far as there are any.
func (s *Site) eventText(kind string) string { return s.pages.text(eventKey(kind)) }

// actText is what is done for a customer, as its button has it.
func (s *Site) actText(act string) string {
	for _, key := range []string{act + "_button", "confirm_" + act + "_button"} {
		if text := s.pages.text(key); text != "" {
			return text
		}
	}
	return ""
}
