package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/uid"
)

// FindingKind is what is wrong.
type FindingKind string

// The kinds of findings.
const (
	Changed    FindingKind = "changed"    // the event is not the one that was sealed
	Missing    FindingKind = "missing"    // the log names an event that is not there
	Inserted   FindingKind = "inserted"   // the event was never sealed and does not wait for it; Index is where its id puts it
	Moved      FindingKind = "moved"      // the event was sealed at another index
	Misordered FindingKind = "misordered" // the order names another event than the one sealed there, which is intact
	HashDamage FindingKind = "hash"       // the kept hash was changed, the event is intact
	TileDamage FindingKind = "tile"       // kept hashes or ids are gone, or don't agree with the level above
	Truncated  FindingKind = "truncated"  // a checkpoint knows entries that the log doesn't have
	Forked     FindingKind = "forked"     // a checkpoint states another root: entries of the range were exchanged
	BadHead    FindingKind = "head"       // the head's root is not that of the log
	BadNote    FindingKind = "signature"  // a checkpoint or prune record is not signed for this log
	BadPrune   FindingKind = "prune"      // the order is not the one that a prune record was signed for
	BadSubject FindingKind = "subject"    // a sealed subject does not fit its digest
	Unerased   FindingKind = "erased"     // more subjects are blank than the tombstones account for
)

// Finding is one thing that is wrong.
type Finding struct {
	Kind   FindingKind `json:"kind"`
	Index  int64       `json:"index"`           // the first index concerned; -1 when it concerns none
	End    int64       `json:"end"`             // the index after the last one concerned
	Event  string      `json:"event,omitempty"` // the id of the event
	Detail string      `json:"detail"`
}

// String is one line.
func (f Finding) String() string {
	var b strings.Builder
	switch {
	case f.Index < 0:
		b.WriteString("log")
	case f.End <= f.Index+1:
		fmt.Fprintf(&b, "index %d", f.Index)
	default:
		fmt.Fprintf(&b, "index %d to %d", f.Index, f.End-1)
	}
	fmt.Fprintf(&b, ": %s: %s", f.Kind, f.Detail)
	if f.Event != "" {
		fmt.Fprintf(&b, " (%s)", f.Event)
	}
	return b.String()
}

// PrunedRange is what a prune record accounts for: Count entries from From to before To have no event any more.
type PrunedRange struct {
	From  int64 `json:"from"`
	To    int64 `json:"to"`
	Count int64 `json:"count"`
}

// maxFindings is how many findings a report lists; the rest is counted. One rewritten tile may give hundreds.
const maxFindings = 1000

// Report is what verifying found. It holds no personal data.
type Report struct {
	Log         string        `json:"log"`
	Size        int64         `json:"size"`
	Root        string        `json:"root"`
	Events      int64         `json:"events"`      // entries whose event was there and hashed as sealed
	Pending     int64         `json:"pending"`     // events that are not sealed yet
	Erased      int64         `json:"erased"`      // events whose subject is erased
	Checkpoints int           `json:"checkpoints"` // that were good, those in the database
	Outside     int           `json:"outside"`     // and those in the file outside it
	Covered     int64         `json:"covered"`     // entries below the greatest good checkpoint
	Pruned      []PrunedRange `json:"pruned,omitempty"`
	Findings    []Finding     `json:"findings"`
	Omitted     int64         `json:"omitted,omitempty"` // findings beyond those listed
	Warnings    []string      `json:"warnings,omitempty"`
}

// OK reports whether nothing is wrong.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

// add lists one more finding.
func (r *Report) add(kind FindingKind, index, end int64, event uid.ID, detail string) {
	if len(r.Findings) >= maxFindings {
		r.Omitted++
		return
	}
	f := Finding{Kind: kind, Index: index, End: end, Detail: detail}
	if !event.IsZero() {
		f.Event = event.Text(uid.Event)
	}
	r.Findings = append(r.Findings, f)
}

func (r *Report) warn(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}

// sort orders the findings by index, those of no index last.
func (r *Report) sort() {
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(uint64(a.Index), uint64(b.Index)), cmp.Compare(a.Kind, b.Kind)) // -1 is the greatest
	})
}

// String is the report for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "log          %s\n", r.Log)
	fmt.Fprintf(&b, "size         %d\n", r.Size)
	fmt.Fprintf(&b, "root         %s\n", r.Root)
	fmt.Fprintf(&b, "events       %d as sealed, %d pending, %d with the subject erased\n", r.Events, r.Pending, r.Erased)
	fmt.Fprintf(&b, "checkpoints  %d in the database, %d outside; entries below %d are covered\n",
		r.Checkpoints, r.Outside, r.Covered)
	for _, p := range r.Pruned {
		fmt.Fprintf(&b, "pruned       %d events between index %d and %d, by a signed record\n", p.Count, p.From, p.To-1)
	}
	for _, w := range r.Warnings {
		fmt.Fprintf(&b, "warning      %s\n", w)
	}
	if r.OK() {
		b.WriteString("result       intact\n")
		return b.String()
	}
	fmt.Fprintf(&b, "result       NOT INTACT: %d findings\n", int64(len(r.Findings))+r.Omitted)
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  %s\n", f)
	}
	if r.Omitted > 0 {
		fmt.Fprintf(&b, "  and %d more\n", r.Omitted)
	}
	return b.String()
}
