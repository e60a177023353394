package console

import (
	"maps"
	"slices"
	"strconv"
	"time"
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
	for _, c := range v.carry() {
		if c.Name != FieldVersion {
			page.Carry = append(page.Carry, c)
		}
	}
	page.Carry = append(page.Carry, Carried{FieldVersion, strconv.FormatInt(now.version, 10)})
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
