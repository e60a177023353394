package invite

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"strconv"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// errNoImport is the fault for an import that is not there, also for another firm's.
var errNoImport = fault.New(fault.NotFound, "import_not_found", "There is no such import.")

// GetImport reads how far an import has come. import_not_found.
func (s *Service) GetImport(ctx context.Context, by Caller, id uid.ID) (Import, error) {
	im, err := s.store.Import(ctx, by.Tenant, id)
	if errors.Is(err, ErrNotFound) {
		err = errNoImport
	}
	return im, err
}

// Imports reads a page of imports, newest first; its limit is 1..250, 0: 50. more is where the next page begins in the direction of this
// one, zero at the end.
func (s *Service) Imports(ctx context.Context, by Caller, p uid.Page) (page []Import, more uid.ID, err error) {
	if err := sized(&p); err != nil {
		return nil, more, err
	}
	ask := p
	ask.Limit++ // to know whether there is a next one
	if page, err = s.store.Imports(ctx, by.Tenant, ask); err != nil {
		return nil, more, err
	}
	page, more = uid.Cut(page, p, func(im *Import) uid.ID { return im.ID })
	return page, more, nil
}

// ImportResult is what has become of each row up to now, as CSV in UTF-8, in the order of the file. It holds no name and no contact, and
// no cell that a spreadsheet would compute. import_not_found.
func (s *Service) ImportResult(ctx context.Context, by Caller, id uid.ID) ([]byte, error) {
	im, err := s.GetImport(ctx, by, id)
	if err != nil {
		return nil, err
	}
	rows, err := s.store.ImportRows(ctx, im.Tenant, im.ID, RowFilter{Limit: MaxImportRows})
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	write := func(cells ...string) {
		for i := range cells {
			cells[i] = inert(cells[i])
		}
		_ = w.Write(cells) // to memory: it can't fail
	}
	write("row", "reference", "external_id", "invitation", "status", "field", "code", "detail")
	for _, r := range rows {
		var known label
		if err := s.openRow(&im, r.N, sealImportLabel, r.Label, &known); err != nil {
			return nil, err
		}
		names := ""
		if r.State != RowWaiting && !r.Invitation.IsZero() { // before that it may still come to nothing
			names = r.Invitation.Text(uid.Invitation)
		}
		write(strconv.Itoa(r.N), known.Reference, known.ExternalID, names, string(r.State), r.Field, r.Code, r.Detail)
	}
	w.Flush()
	return out.Bytes(), nil
}

// inert is a cell that no spreadsheet computes: one that begins like a formula gets an apostrophe before it.
func inert(cell string) string {
	if formula(cell) {
		return "'" + cell
	}
	return cell
}
