package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign/internal/uid"
)

// ErrNoCheckpoint is what Export answers before the first checkpoint.
var ErrNoCheckpoint = errors.New("audit: the log has no checkpoint yet; the sealer signs the first with the first events")

// The kinds of lines of an export.
const (
	lineCheckpoint = "checkpoint"
	lineEvent      = "event"
	lineEnd        = "end"
)

// checkpointHead is the first line of an export.
type checkpointHead struct {
	Kind string    `json:"kind"`
	Log  string    `json:"log"`
	Size int64     `json:"size"`
	Root tlog.Hash `json:"root"`
	At   time.Time `json:"at"`
	Note string    `json:"note"` // the signed checkpoint, of which Log, Size and Root are a repetition

	Only *Selection `json:"only,omitempty"` // what was asked for; nothing signs it
}

// Selection says which events of a tenant are in an export, in the words of its lines. What is empty selects all.
type Selection struct {
	Type   string `json:"type,omitempty"`
	Actor  string `json:"actor,omitempty"`
	Object string `json:"object,omitempty"` // as a UUID
	Since  string `json:"since,omitempty"`
	Until  string `json:"until,omitempty"`
}

// String is s for people.
func (s Selection) String() string {
	var all []string
	for _, p := range [][2]string{{"type", s.Type}, {"actor", s.Actor}, {"object", s.Object}, {"since", s.Since}, {"until", s.Until}} {
		if p[1] != "" {
			all = append(all, p[0]+" "+p[1])
		}
	}
	return strings.Join(all, ", ")
}

// eventLine is one event of an export.
type eventLine struct {
	Kind          string           `json:"kind"`
	Index         int64            `json:"index"`
	Leaf          tlog.Hash        `json:"leaf"`
	Proof         tlog.RecordProof `json:"proof"` // RFC 6962 §2.1.1, against the checkpoint in the first line
	ID            string           `json:"id"`
	Tenant        string           `json:"tenant"`
	Type          string           `json:"type"`
	Object        string           `json:"object"`
	At            time.Time        `json:"at"`
	Actor         string           `json:"actor"`
	RequestID     string           `json:"request_id,omitempty"`
	Subject       string           `json:"subject,omitempty"` // "erased", "sealed", or as ExportOptions.Reveal tells
	SubjectDigest []byte           `json:"subject_digest,omitempty"`
	Data          json.RawMessage  `json:"data,omitempty"`
	DataBytes     []byte           `json:"data_bytes,omitempty"` // in the place of Data when that is not JSON on one line
}

// endLine is the last line of an export. An export without it was cut short.
type endLine struct {
	Kind   string `json:"kind"`
	Events int64  `json:"events"`
	Later  int64  `json:"later"` // events that are newer than the checkpoint, and so are not here
}

// ExportOptions say what to export.
type ExportOptions struct {
	Verifier Verifier
	Tenant   uid.Tenant // the zero tenant for all
	Since    time.Time  // from this time on; the zero time for the beginning
	Until    time.Time  // before this time; the zero time for the end
	Type     string     // of events; "" for all, and so on
	Actor    string
	Object   uid.ID // what they are about

	// Reveal says what to show of a sealed subject. Without it that is "sealed".
	Reveal func(e *Event) (string, error)
}

// only is what opts select, nil for all.
func (opts *ExportOptions) only() *Selection {
	s := Selection{Type: opts.Type, Actor: opts.Actor}
	if !opts.Object.IsZero() {
		s.Object = opts.Object.UUID()
	}
	if !opts.Since.IsZero() {
		s.Since = opts.Since.UTC().Format(time.RFC3339)
	}
	if !opts.Until.IsZero() {
		s.Until = opts.Until.UTC().Format(time.RFC3339)
	}
	if s == (Selection{}) {
		return nil
	}
	return &s
}

// selects reports whether an event of the time and tenant of opts is to be written.
func (opts *ExportOptions) selects(e *Event) bool {
	return (opts.Type == "" || e.Type == opts.Type) && (opts.Actor == "" || e.Actor == opts.Actor) &&
		(opts.Object.IsZero() || e.Object == opts.Object)
}

// Export writes events as JSON lines, in nearly the order of the log, each with a proof against the newest
// checkpoint, which is the first line. It fails rather than write an event whose proof does not hold; and where not all of a time is
// selected, rather than leave one out that is not as it was sealed: it might have been changed so as not to be selected.
func Export(ctx context.Context, w io.Writer, r Reader, opts ExportOptions) error {
	last, err := r.LastCheckpoint(ctx)
	if err != nil {
		return fmt.Errorf("read last checkpoint: %w", err)
	}
	if last.Size == 0 {
		return ErrNoCheckpoint
	}
	head, err := opts.Verifier.Checkpoint(last.Note)
	if err != nil {
		return fmt.Errorf("last checkpoint: %w", err)
	}
	out := bufio.NewWriter(w)
	x := &exporter{opts: opts, head: head, out: out, prover: newProver(ctx, r)}
	x.begin(last)
	if err := x.events(ctx, r); err != nil {
		return err
	}
	if x.err != nil {
		return x.err
	}
	return out.Flush()
}

// exporter is the state of one call of Export.
type exporter struct {
	opts   ExportOptions
	head   Head
	out    *bufio.Writer
	prover *prover
	count  int64
	err    error // the first
}

// begin writes the first line.
func (x *exporter) begin(last Checkpoint) {
	x.write(checkpointHead{
		Kind: lineCheckpoint, Log: x.opts.Verifier.Log(), Size: x.head.Size, Root: x.head.Root, At: last.At, Note: string(last.Note),
		Only: x.opts.only(),
	})
}

func (x *exporter) events(ctx context.Context, r Reader) error {
	s := &scanner{
		reader: r, size: x.head.Size, workers: max(2, runtime.GOMAXPROCS(0)), through: lastID,
		keep: func(e *Event) bool { return x.opts.Tenant.IsZero() || e.Tenant == x.opts.Tenant },
	}
	// No id equals the floor of a time, so it does not matter on which side of the bound it stands.
	if !x.opts.Since.IsZero() {
		s.after = uid.Floor(x.opts.Since)
	}
	if !x.opts.Until.IsZero() {
		s.through = uid.Floor(x.opts.Until)
	}
	if !x.opts.Object.IsZero() {
		s.after = born(x.opts.Object, s.after)
	}
	floor, err := prunedBelow(ctx, r, s.after)
	if err != nil {
		return err
	}
	j := newJoin(x.event, func(id uid.ID, _ entry) bool {
		return compareIDs(id, floor) <= 0 || compareIDs(id, s.through) > 0
	})
	err = s.run(ctx, func(c *chunk) error {
		j.chunk(c)
		return x.err
	})
	if err != nil {
		return err
	}
	end := endLine{Kind: lineEnd, Events: x.count}
	for _, e := range j.early {
		if e.event != nil && x.opts.selects(e.event) {
			end.Later++
		}
	}
	x.write(end)
	return nil
}

// prunedBelow is the id up to which no events are to be waited for: floor, or the bound of the last prune record.
func prunedBelow(ctx context.Context, r Reader, floor uid.ID) (uid.ID, error) {
	records, err := r.Prunes(ctx)
	if err != nil {
		return uid.ID{}, fmt.Errorf("read prune records: %w", err)
	}
	for _, p := range records {
		if compareIDs(p.Before, floor) > 0 {
			floor = p.Before
		}
	}
	return floor, nil
}

// event writes one event, if it is selected.
func (x *exporter) event(at entry, r row) {
	if r.event == nil || x.err != nil {
		return
	}
	if !x.opts.selects(r.event) {
		_, x.err = x.prover.prove(x.head, at.index, r.leaf)
		return
	}
	line, err := x.line(at, r)
	if err != nil {
		x.err = err
		return
	}
	x.count++
	x.write(line)
}

func (x *exporter) line(at entry, r row) (eventLine, error) {
	e := r.event
	proof, err := x.prover.prove(x.head, at.index, r.leaf)
	if err != nil {
		return eventLine{}, err
	}
	subject, err := x.subject(e)
	if err != nil {
		return eventLine{}, fmt.Errorf("open the subject of event %s: %w", e.ID.Text(uid.Event), err)
	}
	line := eventLine{
		Kind: lineEvent, Index: at.index, Leaf: r.leaf, Proof: proof,
		ID: e.ID.Text(uid.Event), Tenant: e.Tenant.Text(), Type: e.Type, Object: objectText(e), At: e.At.UTC(), Actor: e.Actor, RequestID: e.RequestID, Subject: subject,
	}
	if !e.Subject.IsZero() {
		line.SubjectDigest = e.Subject.Digest[:]
	}
	if json.Valid(e.Data) && !bytes.ContainsRune(e.Data, '\n') {
		line.Data = e.Data
	} else {
		line.DataBytes = e.Data
	}
	return line, nil
}

func (x *exporter) subject(e *Event) (string, error) {
	switch {
	case e.Subject.IsZero():
		return "", nil
	case e.Subject.Erased():
		return "erased", nil
	case x.opts.Reveal == nil:
		return "sealed", nil
	}
	return x.opts.Reveal(e)
}

// write writes v as one line.
func (x *exporter) write(v any) {
	if x.err != nil {
		return
	}
	text, err := marshalLine(v)
	if err == nil {
		_, err = x.out.Write(text)
	}
	if err != nil {
		x.err = fmt.Errorf("write export: %w", err)
	}
}

// marshalLine is json.Marshal and a line feed, except that the data of an event stays as it is, byte for byte: it is
// what was hashed, and json.Marshal would rewrite it.
func marshalLine(v any) ([]byte, error) {
	var data json.RawMessage
	if e, ok := v.(eventLine); ok {
		data, e.Data = e.Data, nil
		v = e
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if data != nil {
		text = append(text[:len(text)-1], `,"data":`...)
		text = append(append(text, data...), '}')
	}
	return append(text, '\n'), nil
}

// objectText spells the object as the API does, by the noun that the type begins with, or as a UUID when it has no
// spelling there.
func objectText(e *Event) string {
	if e.Object.IsZero() {
		return ""
	}
	switch noun, _, _ := strings.Cut(e.Type, "."); noun {
	case "verification":
		return e.Object.Text(uid.Verification)
	case "tenant":
		return e.Object.Text(uid.TenantPrefix)
	case "service":
		return e.Object.Text(uid.Service)
	case "key":
		return e.Object.Text(uid.Key)
	}
	return e.Object.UUID()
}
