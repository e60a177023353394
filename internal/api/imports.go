package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"strings"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// Imports is what the API asks of invite.Service about files of invitations.
type Imports interface {
	Import(ctx context.Context, r invite.ImportRequest) (invite.ImportAnswer, error)
	GetImport(ctx context.Context, by invite.Caller, id uid.ID) (invite.Import, error)
	Imports(ctx context.Context, by invite.Caller, p uid.Page) (page []invite.Import, more uid.ID, err error)
	ImportResult(ctx context.Context, by invite.Caller, id uid.ID) ([]byte, error)
}

const fileType = "text/csv"

var (
	errNoImport = fault.New(fault.NotFound, "import_not_found", "There is no such import.")
	errFileType = fault.New(fault.Malformed, web.ErrMediaType.Code, "Send the file as text/csv.")
	errCharset  = fault.New(fault.Malformed, "encoding", "Save the file as CSV in UTF-8, and send it as text/csv; charset=utf-8.")
	errFileSize = fault.New(fault.Malformed, web.ErrTooLarge.Code, "The file is larger than 1 MiB. Send it in parts, of at most 1000 rows each.")
)

// failAPI tells an error of the chain: of a file that is too large, what size it may have.
func failAPI(w http.ResponseWriter, r *http.Request, err error) {
	if r.URL.Path == invitationsImport && fault.As(err).Code == errFileSize.Code {
		err = errFileSize
	}
	web.WriteProblem(w, r, err)
}

// Import is a file of invitations in answers.
type Import struct {
	_ struct{} `additionalProperties:"true"`

	ID         string `json:"id,omitempty" example:"imp_06c4zk9r2m8t7v5w3x1y0a2b4c" doc:"Absent in the answer to a dry run"`
	Status     string `json:"status" enum:"pending,running,done"`
	Rows       int    `json:"rows" doc:"Of the file, empty ones and the header left out"`
	Accepted   int    `json:"accepted" doc:"Of which invitations are made; the others were rejected at once"`
	Created    int    `json:"created" doc:"Of the accepted ones: made up to now"`
	Failed     int    `json:"failed" doc:"Of the accepted ones: refused when their turn came, as your settings had changed"`
	CreatedAt  string `json:"created_at" format:"date-time"`
	FinishedAt string `json:"finished_at,omitempty" format:"date-time" doc:"Absent until each accepted row is done with"`
}

// ImportStarted is what will be made of a file.
type ImportStarted struct {
	_ struct{} `additionalProperties:"true"`

	Import
	Open     int               `json:"open" doc:"Rows of people who have an open invitation: refused, or let through by allow_open"`
	Rejected []RejectedFileRow `json:"rejected" nullable:"false"`
}

// RejectedFileRow is a row of a file of which nothing is made.
type RejectedFileRow struct {
	_ struct{} `additionalProperties:"true"`

	Row    int    `json:"row" doc:"Its place in the file as a spreadsheet counts: the header is 1"`
	Field  string `json:"field,omitempty" doc:"The column at fault"`
	Code   string `json:"code" doc:"As in problems, and formula, duplicate, invitation_open, too_long, columns" example:"mobile_required"`
	Detail string `json:"detail" doc:"For people; never a value that was sent"`
	Open   string `json:"open_invitation,omitempty" doc:"With invitation_open: the one that the person has" example:"inv_06c4zk9r2m8t7v5w3x1y0a2b4c"`
}

func importBody(im invite.Import) Import {
	out := Import{
		Status: string(im.Status()), Rows: im.Rows, Accepted: im.Accepted, Created: im.Created, Failed: im.Failed,
		CreatedAt: stamp(im.CreatedAt), FinishedAt: stamp(im.FinishedAt),
	}
	if !im.ID.IsZero() {
		out.ID = im.ID.Text(uid.Import)
	}
	return out
}

type importInvitationsInput struct {
	Repeatable
	Type      string `header:"Content-Type" hidden:"true"`
	DryRun    bool   `query:"dry_run" doc:"Only look at the rows, and answer 200: nothing is kept or made"`
	AllowOpen bool   `query:"allow_open" doc:"Invite people who have an open invitation once more; without it their rows are refused"`
	RawBody   []byte `contentType:"text/csv"`
}

type importInvitationsOutput struct {
	Status int
	Body   ImportStarted
}

func (a *api) importInvitations(ctx context.Context, in *importInvitationsInput) (*importInvitationsOutput, error) {
	kind, params, err := mime.ParseMediaType(in.Type)
	if err != nil || kind != fileType {
		return nil, errFileType
	}
	if set := strings.ToLower(params["charset"]); set != "" && set != "utf-8" && set != "us-ascii" {
		return nil, errCharset
	}
	sum := sha256.Sum256(in.RawBody)
	made, err := a.Invitations.Import(ctx, invite.ImportRequest{
		Caller: inviter(ctx), File: in.RawBody, AllowOpen: in.AllowOpen, DryRun: in.DryRun,
		Idempotency: in.once("POST "+invitationsImport, map[bool]string{true: "allow_open"}[in.AllowOpen], hex.EncodeToString(sum[:])),
	})
	if err != nil {
		return nil, err
	}
	out := &importInvitationsOutput{Status: http.StatusAccepted, Body: ImportStarted{Import: importBody(made.Import), Open: made.Open, Rejected: []RejectedFileRow{}}}
	if in.DryRun {
		out.Status = http.StatusOK
	}
	for _, r := range made.Rejected {
		row := RejectedFileRow{Row: r.Row, Field: r.Field, Code: r.Code, Detail: r.Detail}
		if !r.Open.IsZero() {
			row.Open = r.Open.Text(uid.Invitation)
		}
		out.Body.Rejected = append(out.Body.Rejected, row)
	}
	return out, nil
}

// file is the import of the path.
func (in Identified) file() (uid.ID, error) {
	id, err := uid.Parse(uid.Import, in.ID)
	if err != nil {
		return id, errNoImport
	}
	return id, nil
}

type importOutput struct {
	Body Import
}

func (a *api) getImport(ctx context.Context, in *Identified) (*importOutput, error) {
	id, err := in.file()
	if err != nil {
		return nil, err
	}
	im, err := a.Invitations.GetImport(ctx, inviter(ctx), id)
	if err != nil {
		return nil, err
	}
	return &importOutput{Body: importBody(im)}, nil
}

type importResultOutput struct {
	Type string `header:"Content-Type"`
	Name string `header:"Content-Disposition"`
	Body []byte
}

func (a *api) importResult(ctx context.Context, in *Identified) (*importResultOutput, error) {
	id, err := in.file()
	if err != nil {
		return nil, err
	}
	text, err := a.Invitations.ImportResult(ctx, inviter(ctx), id)
	if err != nil {
		return nil, err
	}
	return &importResultOutput{Type: fileType + "; charset=utf-8", Name: `attachment; filename="` + id.Text(uid.Import) + `.csv"`, Body: text}, nil
}

type listImportsInput struct {
	Cursor string `query:"cursor" maxLength:"64" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"250" default:"50"`
}

// ImportList is a page of imports.
type ImportList struct {
	_ struct{} `additionalProperties:"true"`

	Data []Import `json:"data" nullable:"false"`
	Next *string  `json:"next" doc:"Cursor of the next page, null at the end"`
}

type listImportsOutput struct {
	Body ImportList
}

func (a *api) listImports(ctx context.Context, in *listImportsInput) (*listImportsOutput, error) {
	before, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	page, more, err := a.Invitations.Imports(ctx, inviter(ctx), uid.Page{Before: before, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	out := &listImportsOutput{Body: ImportList{Data: make([]Import, len(page)), Next: cursor(more)}}
	for i, im := range page {
		out.Body.Data[i] = importBody(im)
	}
	return out, nil
}
