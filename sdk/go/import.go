package countersign

import (
	"context"
	"crypto/rand"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// ImportStatus is how far a file of invitations has come.
type ImportStatus string

// The states of imports.
const (
	ImportPending ImportStatus = "pending" // nothing was made yet
	ImportRunning ImportStatus = "running"
	ImportDone    ImportStatus = "done"
)

// Import is a file of invitations. Rows is Accepted and those that were rejected at once; of the accepted ones, Created and Failed are
// done with.
type Import struct {
	ID         string       `json:"id,omitempty"` // empty: a dry run
	Status     ImportStatus `json:"status"`
	Rows       int          `json:"rows"`
	Accepted   int          `json:"accepted"`
	Created    int          `json:"created"`
	Failed     int          `json:"failed"` // refused when their turn came, as your settings had changed
	CreatedAt  time.Time    `json:"created_at"`
	FinishedAt time.Time    `json:"finished_at,omitzero"`
}

// RejectedRow is a row of a file of which nothing is made.
type RejectedRow struct {
	Row    int    `json:"row"`             // as a spreadsheet counts: the header is 1
	Field  string `json:"field,omitempty"` // the column at fault
	Code   string `json:"code"`
	Detail string `json:"detail"`                    // for people
	Open   string `json:"open_invitation,omitempty"` // of a person who has an open invitation: its id
}

// ImportResult says what will be made of a file.
type ImportResult struct {
	Import
	Open     int           `json:"open"` // rows of people who have an open invitation, refused or allowed
	Rejected []RejectedRow `json:"rejected"`
}

// ImportRequest asks for the invitations of a file.
type ImportRequest struct {
	CSV       []byte // UTF-8, with the columns named in its first row; at most 1000 rows and 1 MiB
	DryRun    bool   // only look at the rows: nothing is kept or made
	AllowOpen bool   // invite people who have an open invitation once more; else their rows are rejected with invitation_open

	IdempotencyKey string // as in InvitationRequest
}

// ImportInvitations invites the customers of a file. Every row is looked at before the answer, and the invitations are made after it; a
// row that is refused stops no other. A file that can't be read as a whole is an *Error, and nothing is made.
func (c *Client) ImportInvitations(ctx context.Context, r ImportRequest) (ImportResult, error) {
	var out ImportResult
	ask := call{method: http.MethodPost, path: "/v1/invitations/import", key: r.IdempotencyKey, body: r.CSV, media: "text/csv"}
	if ask.key == "" {
		ask.key = rand.Text()
	}
	ask.query = url.Values{}
	for name, on := range map[string]bool{"dry_run": r.DryRun, "allow_open": r.AllowOpen} {
		if on {
			ask.query.Set(name, "true")
		}
	}
	_, err := c.do(ctx, ask, &out)
	return out, err
}

// GetImport reads how far the import of a file is.
func (c *Client) GetImport(ctx context.Context, id string) (Import, error) {
	var out Import
	path, err := pathTo("import", id, "")
	if err != nil {
		return out, err
	}
	return out, c.get(ctx, path, nil, &out)
}

// ImportRows reads what has become of each row of a file, as CSV: row, reference, external_id, invitation, status, field, code, detail.
func (c *Client) ImportRows(ctx context.Context, id string) ([]byte, error) {
	path, err := pathTo("import", id, "/result")
	if err != nil {
		return nil, err
	}
	var out []byte
	return out, c.get(ctx, path, nil, &out)
}

// ListImports goes through the imports, newest first; one request fetches pageSize of them, 1 to 250, or 50 when it is 0.
func (c *Client) ListImports(ctx context.Context, pageSize int) iter.Seq2[Import, error] {
	return pages[Import](ctx, c, "/v1/imports", func() url.Values {
		q := url.Values{}
		if pageSize != 0 {
			q.Set("limit", strconv.Itoa(pageSize))
		}
		return q
	})
}
