package console

import (
	"net/url"
	"slices"
	"strconv"
	"time"
)

// mostTyped is above every number that a form asks for.
const mostTyped = 1_000_000

// whole reads a number that somebody typed. What is none is -1, which no field takes: the domain says what it wants instead.
func whole(typed string) int {
	n, err := strconv.Atoi(typed)
	if err != nil || n < 0 || n > mostTyped {
		return -1
	}
	return n
}

// seconds is a time as a form has it.
func seconds(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }

// ticked are boxes for all values, some of which are on.
func ticked(all, on []string) (boxes []Ticked) {
	for _, value := range all {
		boxes = append(boxes, Ticked{Value: value, On: slices.Contains(on, value)})
	}
	return boxes
}

// yes is a box as a page compares it.
func yes(on bool) string {
	if on {
		return "✓"
	}
	return "–"
}

// carried are the fields of a form but some, to be sent on unseen.
func carried(form url.Values, but ...string) (all []Carried) {
	for _, name := range sortedKeys(form) {
		if slices.Contains(but, name) {
			continue
		}
		for _, value := range form[name] {
			all = append(all, Carried{name, lines(value)})
		}
	}
	return all
}

// stale is the page for a form that came too late: it sends the same again to action, over the version that is there now.
func (v *visit) stale(action string, version int64, at time.Time) *Stale {
	view := &Stale{Frame: v.frame(), At: at, Save: v.form(action), ReloadURL: action, Carry: carried(v.r.PostForm, FieldToken, FieldVersion)}
	view.Carry = append(view.Carry, Carried{FieldVersion, strconv.FormatInt(version, 10)})
	return view
}

// differ adds a field when the two are not the same. label is the key of a text.
func (s *Stale) differ(label, theirs, mine string) {
	if theirs != mine {
		s.Differences = append(s.Differences, Difference{label, theirs, mine})
	}
}
