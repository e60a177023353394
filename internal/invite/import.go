package invite

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Import is a file of invitations on its way (RA-57). Rows is Accepted and those that were refused at once; of the accepted ones, Created
// and Failed are done with.
type Import struct {
	Tenant     uid.Tenant `json:"-"`
	ID         uid.ID     `json:"id"` // zero: it was only looked at
	Rows       int        `json:"rows"`
	Accepted   int        `json:"accepted"`
	Created    int        `json:"created"`
	Failed     int        `json:"failed"`
	AllowOpen  bool       `json:"allow_open"` // people who have an open invitation get another
	Actor      string     `json:"actor"`      // who sent it, of whom its invitations are
	RequestID  string     `json:"request_id"`
	CreatedAt  time.Time  `json:"created_at"`
	FinishedAt time.Time  `json:"finished_at"` // zero: not yet
}

// ImportStatus is how far an import has come.
type ImportStatus string

// The states of imports.
const (
	ImportPending ImportStatus = "pending" // nothing was made yet
	ImportRunning ImportStatus = "running"
	ImportDone    ImportStatus = "done"
)

// Status is how far it has come.
func (i Import) Status() ImportStatus {
	switch {
	case !i.FinishedAt.IsZero():
		return ImportDone
	case i.settled() > 0:
		return ImportRunning
	}
	return ImportPending
}

// RowState is what became of a row.
type RowState string

// The states of rows. The words are stored and shown.
const (
	RowWaiting  RowState = "waiting"
	RowCreated  RowState = "created"
	RowFailed   RowState = "failed"   // it was good when the file came, and was not any more when its turn came
	RowRejected RowState = "rejected" // it was not good when the file came
)

// ImportRow is one row as it is kept. What it asks for is sealed, and gone as soon as the row is done with.
type ImportRow struct {
	N          int // its place in the file, as a spreadsheet counts: the header is 1
	State      RowState
	Invitation uid.ID // which it is to become, made beforehand so that it becomes no other; of one refused by an open invitation that one; zero: none
	Sealed     []byte // what is asked for; nil: it does not wait
	Label      []byte // sealed reference and external id, by which its sender knows it again
	Field      string // of a row that failed or was rejected
	Code       string
	Detail     string
}

// RefusedRow is a row of which nothing is made, as its sender is told.
type RefusedRow struct {
	Row    int    `json:"row"`
	Field  string `json:"field"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Open   uid.ID `json:"open"` // the open invitation that refuses it; zero: none
}

// ImportRequest asks for the invitations of a file.
type ImportRequest struct {
	Caller    Caller
	File      []byte // CSV, see [MaxImportRows] and [MaxImportBytes]
	AllowOpen bool   // people who have an open invitation get another; else their rows are refused
	DryRun    bool   // only look at it

	Idempotency *verify.Idempotency // not looked at in a dry run
}

// ImportAnswer says what will be made of a file.
type ImportAnswer struct {
	Import   Import       `json:"import"`
	Open     int          `json:"open"` // rows of people who have an open invitation, refused or allowed
	Rejected []RefusedRow `json:"rejected"`
	Replayed bool         `json:"-"`
}

// The labels of what is sealed of a row. They are part of what is stored: they never change.
const (
	sealImport      = "invitation import"
	sealImportRow   = "row"
	sealImportLabel = "label"
)

// rowCounts is what an event says of an import.
type rowCounts struct {
	All      int `json:"all"`
	Accepted int `json:"accepted"`
	Created  int `json:"created"`
	Failed   int `json:"failed"`
}

func (i *Import) counts() *rowCounts {
	return &rowCounts{All: i.Rows, Accepted: i.Accepted, Created: i.Created, Failed: i.Failed}
}

// label is by what a sender knows a row again.
type label struct {
	Reference  string `json:"reference,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
}

// Import takes a file in: every row is held against the rules of Create at once, those that stand are kept, sealed, and made one after
// another by a job (see HandleImport); a bad row stops no other. Faults, which keep nothing: Malformed for what is no CSV in UTF-8 or too
// large, Invalid for its columns, for no rows and for too many; public_url_missing as in Create.
func (s *Service) Import(ctx context.Context, r ImportRequest) (ImportAnswer, error) {
	if r.DryRun {
		f, err := s.readImport(ctx, &r)
		if err != nil {
			return ImportAnswer{}, err
		}
		f.answer.Import.ID = uid.ID{}
		return f.answer, nil
	}
	return once(ctx, s, r.Caller.Tenant, r.Idempotency, "import invitations", func(keep keeper) (ImportAnswer, error) {
		f, err := s.readImport(ctx, &r)
		if err != nil {
			return ImportAnswer{}, err
		}
		im := &f.answer.Import
		fx := outbox.Effects{Events: []audit.Event{im.event(EventImportStarted, r.Caller.by(), im.CreatedAt)}}
		if im.Accepted > 0 {
			fx.Jobs = []outbox.Job{im.next(s.Now())}
		} else {
			im.FinishedAt = im.CreatedAt
			fx.Events = append(fx.Events, im.event(EventImportFinished, system(), im.FinishedAt))
		}
		kept, err := keep(f.answer)
		if err != nil {
			return ImportAnswer{}, err
		}
		return f.answer, s.store.CreateImport(ctx, *im, f.rows, kept, fx)
	}, func(a *ImportAnswer) { a.Replayed = true })
}

func (i *Import) event(kind string, by By, now time.Time) audit.Event {
	return newEvent(i.Tenant, i.ID, kind, by, now, data{Rows: i.counts()})
}

// reading is a file as it is looked at.
type reading struct {
	*Service
	base   making // what holds for all rows
	answer ImportAnswer
	rows   []ImportRow
	seen   map[string]int // contacts of accepted rows, with the row
}

// readImport looks at every row of a file. Its faults are of the file as a whole.
func (s *Service) readImport(ctx context.Context, r *ImportRequest) (*reading, error) {
	rows, err := readFile(r.File)
	if err != nil {
		return nil, err
	}
	f := &reading{Service: s, base: making{Service: s, r: &CreateRequest{Caller: r.Caller}, now: s.moment()}, seen: map[string]int{}}
	if err := f.base.settings(ctx); err != nil {
		return nil, err
	}
	f.answer = ImportAnswer{Rejected: []RefusedRow{}, Import: Import{
		Tenant: r.Caller.Tenant, ID: uid.Random(f.base.now), Rows: len(rows), AllowOpen: r.AllowOpen, Actor: r.Caller.Actor, RequestID: r.Caller.RequestID,
		CreatedAt: f.base.now,
	}}
	for i := range rows {
		if err := f.row(ctx, &rows[i]); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// row accepts a row or rejects it. An error is ours, and stops all.
func (f *reading) row(ctx context.Context, r *fileRow) error {
	im := &f.answer.Import
	kept := ImportRow{N: r.n, State: RowWaiting, Label: f.sealRow(im, r.n, sealImportLabel, r.label())}
	m := f.base
	open, err := m.fromRow(ctx, r, im)
	if len(open) > 0 {
		f.answer.Open++
	}
	if err == nil {
		err = f.unseen(&m, r.n)
	}
	switch {
	case err == nil:
		im.Accepted++
		kept.Invitation, kept.Sealed = m.v.ID, f.sealRow(im, r.n, sealImportRow, r.cells)
	case notTheirs(err):
		return err
	default:
		kept.refuse(RowRejected, err)
		f.answer.Rejected = append(f.answer.Rejected, RefusedRow{Row: r.n, Field: kept.Field, Code: kept.Code, Detail: kept.Detail, Open: kept.Invitation})
	}
	f.rows = append(f.rows, kept)
	return nil
}

// fromRow drafts the invitation of a row, by exactly what Create asks, and finds those that the person has open.
func (m *making) fromRow(ctx context.Context, r *fileRow, im *Import) (open []OpenOne, err error) {
	if r.err != nil {
		return nil, r.err
	}
	req, err := r.request()
	if err != nil {
		return nil, err
	}
	req.Caller, req.IfOpen = Caller{Tenant: im.Tenant, Actor: im.Actor, RequestID: im.RequestID}, OpenRefused
	if im.AllowOpen {
		req.IfOpen = OpenTold
	}
	m.r = &req
	if err := m.check(); err != nil {
		return nil, err
	}
	if err := m.draft(); err != nil {
		return nil, err
	}
	return m.lookForOpen(ctx)
}

// unseen refuses a person whom the file invites already: one file sends nobody two links, whatever they are for.
func (f *reading) unseen(m *making, n int) error {
	contacts := []struct{ value, field, what string }{{m.person.Email, "email", "address"}, {m.person.Mobile, "mobile", "number"}}
	for _, c := range contacts {
		if first := f.seen[strings.ToLower(c.value)]; c.value != "" && first > 0 {
			return invalid("duplicate", fmt.Sprintf("Row %d has this %s already. A file invites each person once.", first, c.what), c.field)
		}
	}
	for _, c := range contacts {
		if c.value != "" {
			f.seen[strings.ToLower(c.value)] = n
		}
	}
	return nil
}

// notTheirs reports whether it is not the row that is at fault.
func notTheirs(err error) bool {
	kind := fault.As(err).Kind
	return kind == fault.Internal || kind == fault.Unavailable
}

// refuse ends a row of which nothing is made. The texts of faults hold no value that was sent.
func (r *ImportRow) refuse(state RowState, err error) {
	f := fault.As(err)
	r.State, r.Sealed, r.Invitation = state, nil, uid.ID{}
	r.Field, r.Code, r.Detail = f.Field, f.Code, f.Message
	if e, ok := errors.AsType[*OpenError](err); ok {
		r.Invitation = e.Open[0].ID
	}
}

// rowPlace binds what is sealed of a row to it.
func rowPlace(im *Import, n int, what string) seal.Place {
	row := binary.BigEndian.AppendUint32(im.ID[:len(im.ID):len(im.ID)], uint32(n))
	return seal.Place{Purpose: sealImport, Tenant: im.Tenant, Row: append(row, what...)}
}

func (s *Service) sealRow(im *Import, n int, what string, value any) []byte {
	text, _ := json.Marshal(value) // texts always encode
	return s.ring.Seal(rowPlace(im, n, what), text)
}

func (s *Service) openRow(im *Import, n int, what string, sealed []byte, value any) error {
	text, err := s.ring.Open(rowPlace(im, n, what), sealed)
	if err != nil {
		return seal.Refusal(err)
	}
	return json.Unmarshal(text, value)
}
