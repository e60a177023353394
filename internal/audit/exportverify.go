package audit

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign/internal/uid"
)

// maxExportLine bounds the lines that VerifyExport reads, in bytes. An event's data is far smaller.
const maxExportLine = 4 << 20

// LineFinding is something wrong with one line of an export.
type LineFinding struct {
	Line   int    `json:"line"`
	Index  int64  `json:"index"` // as the line states it; -1 when it does not
	Detail string `json:"detail"`
}

// ExportReport is what verifying an export found.
type ExportReport struct {
	Log      string        `json:"log"`
	Size     int64         `json:"size"` // of the log, by the checkpoint
	Root     string        `json:"root"`
	Only     *Selection    `json:"only,omitempty"` // as the export says; nothing signs it
	Events   int64         `json:"events"`         // whose proof holds
	Erased   int64         `json:"erased"`
	Later    int64         `json:"later"` // that the export leaves out, as newer than its checkpoint
	Findings []LineFinding `json:"findings"`
	Omitted  int64         `json:"omitted,omitempty"`
}

// OK reports whether nothing is wrong.
func (r *ExportReport) OK() bool { return len(r.Findings) == 0 }

// String is the report for people.
func (r *ExportReport) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "log      %s\nsize     %d\nroot     %s\n", r.Log, r.Size, r.Root)
	if r.Only != nil {
		fmt.Fprintf(&b, "only     %s\n", r.Only)
	}
	fmt.Fprintf(&b, "events   %d proved, %d with the subject erased, %d newer than the checkpoint and left out\n",
		r.Events, r.Erased, r.Later)
	if r.OK() {
		b.WriteString("result   intact\n")
		return b.String()
	}
	fmt.Fprintf(&b, "result   NOT INTACT: %d findings\n", int64(len(r.Findings))+r.Omitted)
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "  line %d: %s\n", f.Line, f.Detail)
	}
	return b.String()
}

func (r *ExportReport) add(line int, index int64, detail string) {
	if len(r.Findings) >= maxFindings {
		r.Omitted++
		return
	}
	r.Findings = append(r.Findings, LineFinding{Line: line, Index: index, Detail: detail})
}

// VerifyExport checks what Export wrote, with nothing but the public key: that the checkpoint is signed and that each
// event is in the log at its index. That no event of a tenant was left out it cannot tell: Verify can. An error means
// that in could not be read.
func VerifyExport(in io.Reader, v Verifier) (ExportReport, error) {
	x := &exportCheck{verifier: v, report: ExportReport{Log: v.Log(), Findings: []LineFinding{}}}
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, maxExportLine)
	for n := 1; lines.Scan(); n++ {
		x.line(n, lines.Bytes())
	}
	if err := lines.Err(); err != nil {
		return x.report, fmt.Errorf("read export: %w", err)
	}
	if !x.ended {
		x.report.add(x.last+1, -1, "the export is cut short: its last line is missing")
	}
	return x.report, nil
}

// exportCheck is the state of one call of VerifyExport.
type exportCheck struct {
	verifier Verifier
	report   ExportReport
	head     Head
	opened   bool // the checkpoint has come and is good
	ended    bool
	last     int
}

func (x *exportCheck) line(n int, text []byte) {
	x.last = n
	var kind struct {
		Kind string `json:"kind"`
	}
	if err := json.Unmarshal(text, &kind); err != nil {
		x.report.add(n, -1, "it is not JSON")
		return
	}
	switch {
	case x.ended:
		x.report.add(n, -1, "it stands behind the end")
	case n == 1:
		x.checkpoint(n, text)
	case kind.Kind == lineEvent:
		x.event(n, text)
	case kind.Kind == lineEnd:
		x.end(n, text)
	default:
		x.report.add(n, -1, "it is neither an event nor the end")
	}
}

func (x *exportCheck) checkpoint(n int, text []byte) {
	var c checkpointHead
	if err := json.Unmarshal(text, &c); err != nil {
		x.report.add(n, -1, "it is not a checkpoint")
		return
	}
	head, err := x.verifier.Checkpoint([]byte(c.Note))
	if err != nil {
		x.report.add(n, -1, fmt.Sprintf("the checkpoint: %v", err))
		return
	}
	if head != (Head{Size: c.Size, Root: c.Root}) {
		x.report.add(n, -1, "size or root are not those of the checkpoint")
	}
	x.head, x.opened, x.report.Only = head, true, c.Only
	x.report.Size, x.report.Root = head.Size, head.Root.String()
}

func (x *exportCheck) event(n int, text []byte) {
	var l eventLine
	if err := json.Unmarshal(text, &l); err != nil {
		x.report.add(n, -1, "it is not an event")
		return
	}
	e, err := l.event()
	switch {
	case err != nil:
		x.report.add(n, l.Index, err.Error())
	case !x.opened:
		x.report.add(n, l.Index, "there is no good checkpoint to prove it against")
	case e.Leaf() != l.Leaf:
		x.report.add(n, l.Index, fmt.Sprintf("index %d: the event is not the one that was hashed", l.Index))
	case tlog.CheckRecord(l.Proof, x.head.Size, x.head.Root, l.Index, l.Leaf) != nil:
		x.report.add(n, l.Index, fmt.Sprintf("index %d: the proof does not hold: the event is not in the log there", l.Index))
	default:
		x.report.Events++
		if l.Subject == "erased" {
			x.report.Erased++
		}
	}
}

func (x *exportCheck) end(n int, text []byte) {
	x.ended = true
	var e endLine
	if err := json.Unmarshal(text, &e); err != nil {
		x.report.add(n, -1, "it is not the end")
		return
	}
	x.report.Later = e.Later
	if stated, found := e.Events, int64(n-2); stated != found {
		x.report.add(n, -1, fmt.Sprintf("the export has %d events and says that it has %d", found, stated))
	}
}

// event is the event that a line tells of, as far as the leaf covers it.
func (l *eventLine) event() (Event, error) {
	id, err0 := uid.Parse(uid.Event, l.ID)
	tenant, err1 := uid.ParseTenant(l.Tenant)
	object, err2 := parseObject(l.Object)
	if errors.Join(err0, err1, err2) != nil {
		return Event{}, errors.New("id, tenant or object are not identifiers")
	}
	e := Event{
		ID: id, Tenant: tenant, Type: l.Type, Object: object, At: l.At, Actor: l.Actor, RequestID: l.RequestID, Data: l.Data,
	}
	if l.DataBytes != nil {
		e.Data = l.DataBytes
	}
	if copy(e.Subject.Digest[:], l.SubjectDigest) != len(l.SubjectDigest) {
		return Event{}, errors.New("the digest of the subject is too long")
	}
	return e, nil
}

// parseObject reads what objectText writes.
func parseObject(s string) (uid.ID, error) {
	if s == "" {
		return uid.ID{}, nil
	}
	if prefix, _, ok := strings.Cut(s, "_"); ok {
		return uid.Parse(uid.Prefix(prefix), s)
	}
	return uid.ParseUUID(s)
}
