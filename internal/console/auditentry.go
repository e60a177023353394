package console

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

// verdicts are the words of the badge for what proving an entry found.
var verdicts = map[audit.Verdict]string{
	audit.VerdictIntact: "valid", audit.VerdictChanged: "invalid", audit.VerdictUnlogged: "invalid", audit.VerdictUnsealed: "pending",
}

// prove proves the entry that the path names.
func (s *Site) proveEntry(v *visit) (audit.Proof, error) {
	id, err := v.id(uid.Event, "id")
	if err != nil {
		return audit.Proof{}, err
	}
	return s.AuditLog.Prove(v.ctx(), v.Operator.Tenant, id)
}

func (s *Site) auditEntry(v *visit) (View, error) {
	p, err := s.proveEntry(v)
	if err != nil {
		return nil, err
	}
	who, err := v.names()
	if err != nil {
		return nil, err
	}
	e := &p.Event
	page := &AuditEntry{
		Frame: v.frame(), ID: e.ID.Text(uid.Event), Kind: e.Type, Actor: who.of(e.Actor), At: e.At, Facts: facts(e), Proof: verdicts[p.Verdict],
		Detail: p.Detail, Index: p.Index, Size: p.Size, Leaf: p.Leaf.String(), Root: p.Root.String(), BackURL: pathAudit,
	}
	for _, h := range p.Path {
		page.Path = append(page.Path, h.String())
	}
	if p.Lines != nil && v.May(operator.ExportAudit) {
		page.DownloadURL = auditURL(e.ID) + "/proof"
	}
	return page, nil
}

// auditProof gives the entry with its proof: an export of this one event, after an event that it is taken away.
func (s *Site) auditProof(v *visit) (View, error) {
	p, err := s.proveEntry(v)
	if err != nil {
		return nil, err
	}
	if p.Lines == nil {
		return nil, fault.New(fault.Conflict, "not_proven", "This entry has no proof that holds.")
	}
	if err := s.Operators.ExportLog(v.ctx(), v.client(), v.Signed, operator.LogPart{Entry: p.Event.ID.Text(uid.Event)}); err != nil {
		return nil, err
	}
	out := &download{visit: v, name: p.Event.ID.Text(uid.Event) + ".jsonl"}
	_, err = out.Write(p.Lines)
	return nil, out.end(err)
}

// maxFact is how much of one value is shown, in characters.
const maxFact = 2000

// facts are what an event says, as names with values: of an object in it, name.name.
func facts(e *audit.Event) (all []Fact) {
	if about := objectOf(e); about != "" {
		all = append(all, Fact{"object", about})
	}
	if e.Actor != "" {
		all = append(all, Fact{"actor", e.Actor})
	}
	if e.RequestID != "" {
		all = append(all, Fact{"request_id", e.RequestID})
	}
	d := json.NewDecoder(bytes.NewReader(e.Data))
	d.UseNumber()
	var said any
	if len(e.Data) == 0 || d.Decode(&said) != nil {
		return all
	}
	return append(all, flat("", said)...)
}

func flat(name string, value any) (all []Fact) {
	switch value := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(value) {
			all = append(all, flat(strings.TrimPrefix(name+"."+key, "."), value[key])...)
		}
		return all
	case string:
		return []Fact{{name, shortened(value)}}
	case nil:
		return []Fact{{name, "–"}}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil // it was JSON before
	}
	return []Fact{{name, shortened(string(text))}}
}

func shortened(text string) string {
	if all := []rune(text); len(all) > maxFact {
		return string(all[:maxFact-1]) + "…"
	}
	return text
}

// download is a file that is written piece by piece. The first piece begins the answer.
type download struct {
	*visit
	name  string
	begun bool
}

func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.w.Header().Set("Content-Type", "application/jsonl; charset=utf-8")
		d.w.Header().Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
	}
	return d.piece(p)
}

// end tells err by a page when nothing was written yet. Afterwards the connection is broken, which is the only way left.
func (d *download) end(err error) error {
	switch {
	case err == nil:
		return nil
	case d.begun:
		panic(http.ErrAbortHandler)
	case errors.Is(err, audit.ErrNoCheckpoint):
		return fault.Wrap(fault.Unavailable, "log_unsealed", "The log has no checkpoint yet. Try again in a minute.", err)
	}
	return err
}
