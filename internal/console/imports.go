package console

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

const (
	pathImport  = pathVerifications + "/import"
	pathImports = Prefix + "/imports"
	pathSample  = pathImport + "/sample.csv"

	importsShown  = 10 // files of a page
	rejectedShown = 50 // rows
)

// sampleFile is a file to begin with.
const sampleFile = "first_name,last_name,mobile,email,reference\r\nAda,Lovelace,+447700900123,ada@example.org,A-1\r\nGrace,Hopper,+447700900124,,A-2\r\n"

var (
	errNoFile  = fault.New(fault.Invalid, "file_missing", "Choose a file.").On(FieldFile)
	errBigFile = fault.New(fault.Invalid, "file_too_large", "The file has more than 1 MiB. Send it in parts.").On(FieldFile)
	errRowTorn = errors.New("console: a result of an import has another shape")
)

func (s *Site) importRoutes() []route {
	return []route{
		{"GET " + pathImport, AtVerifications, operator.SendVerification, s.showImport},
		{"POST " + pathImport, AtVerifications, operator.SendVerification, s.takeImport},
		{"GET " + pathSample, AtVerifications, operator.SendVerification, s.importSample},
		{"GET " + pathImports + "/{id}", AtVerifications, operator.SeeVerifications, s.importProgress},
		{"GET " + pathImports + "/{id}/result.csv", AtVerifications, operator.SeeVerifications, s.importResult},
	}
}

func (s *Site) showImport(v *visit) (View, error) { return v.importPage() }

// importPage asks for a file, and lists those of before.
func (v *visit) importPage(wrong ...Problem) (View, error) {
	c, err := v.site.Invitations.Checks(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	p, err := v.place(importsShown)
	if err != nil {
		return nil, err
	}
	recent, more, err := v.site.Invitations.Imports(v.ctx(), v.inviter(), p)
	if err != nil {
		return nil, err
	}
	pager, first := v.turned(v.r.URL.RequestURI(), p, more, false)
	if first {
		return nil, nil
	}
	page := &ImportForm{Frame: v.frame(wrong...), Act: v.form(pathImport).once(), SampleURL: pathSample, Most: invite.MaxImportRows, Mode: c.Mobile2FA, AllowOpen: v.ticked(FieldAllowOpen), Pager: pager}
	for _, im := range recent {
		page.Recent = append(page.Recent, ImportRow{URL: importAt(im.ID), At: im.CreatedAt, State: importState(im), Rows: im.Rows})
	}
	return page, nil
}

func importAt(id uid.ID) string { return pathImports + "/" + id.Text(uid.Import) }

// importState is how far a file has come, in the words of its badge.
func importState(im invite.Import) string {
	if im.Status() == invite.ImportDone {
		return "done"
	}
	return "running"
}

// takeImport takes a file in, or only looks at it.
func (s *Site) takeImport(v *visit) (View, error) {
	file, err := v.file()
	if err == nil {
		var made invite.ImportAnswer
		made, err = s.Invitations.Import(v.ctx(), invite.ImportRequest{
			Caller: v.inviter(), File: file, AllowOpen: v.ticked(FieldAllowOpen), DryRun: v.ticked(FieldCheck), Idempotency: v.once("file", file...),
		})
		if err == nil && v.ticked(FieldCheck) {
			return v.checkedFile(&made), nil
		}
		if err == nil {
			return v.leave(importAt(made.Import.ID), Flash{})
		}
	}
	problems, err := wrong(err, nil)
	if err != nil {
		return nil, err
	}
	problems[0].Field = FieldFile // a file has no fields beside itself
	return v.importPage(problems...)
}

// checkedFile says what would be made of a file.
func (v *visit) checkedFile(made *invite.ImportAnswer) View {
	im := &made.Import
	page := &Import{Frame: v.frame(), At: im.CreatedAt, State: "checked", Total: im.Rows, Accepted: im.Accepted, Dismissed: len(made.Rejected), Open: made.Open, URL: pathImport}
	for _, r := range made.Rejected[:min(len(made.Rejected), rejectedShown)] {
		row := Rejected{Row: r.Row, Field: r.Field, Message: r.Detail}
		if !r.Open.IsZero() {
			row.OpenURL = windowOf(r.Open)
		}
		page.Rejected = append(page.Rejected, row)
	}
	return page
}

// file is the one that was sent, as it is.
func (v *visit) file() ([]byte, error) {
	f, head, err := v.r.FormFile(FieldFile)
	if err != nil || head.Size == 0 {
		return nil, errNoFile
	}
	defer func() { _ = f.Close() }() // it is read only
	if head.Size > invite.MaxImportBytes {
		return nil, errBigFile
	}
	return io.ReadAll(f)
}

func (s *Site) importSample(v *visit) (View, error) {
	v.download("sample.csv", []byte(sampleFile))
	return nil, nil
}

// download answers with a file of comma-separated values.
func (v *visit) download(name string, body []byte) {
	h := v.w.Header()
	h.Set("Content-Type", "text/csv; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	v.w.WriteHeader(http.StatusOK)
	_, _ = v.w.Write(body) // a browser that is gone needs no file
}

// importOf is the file of the path.
func (v *visit) importOf() (invite.Import, error) {
	id, err := v.id(uid.Import, "id")
	if err != nil {
		return invite.Import{}, err
	}
	return v.site.Invitations.GetImport(v.ctx(), v.inviter(), id)
}

// importProgress says how far a file has come. While it runs the page asks again by itself, or by its link without script.
func (s *Site) importProgress(v *visit) (View, error) {
	im, err := v.importOf()
	if err != nil {
		return nil, err
	}
	refused := im.Rows - im.Accepted + im.Failed
	page := &Import{
		Frame: v.frame(), At: im.CreatedAt, State: importState(im), Done: refused + im.Created, Total: im.Rows,
		Accepted: im.Accepted - im.Failed, Dismissed: refused, URL: importAt(im.ID),
	}
	if page.State == "done" {
		page.ResultURL = page.URL + "/result.csv"
	}
	if refused == 0 {
		return page, nil
	}
	result, err := s.Invitations.ImportResult(v.ctx(), v.inviter(), im.ID)
	if err != nil {
		return nil, err
	}
	page.Rejected, err = rejectedOf(result)
	return page, err
}

func (s *Site) importResult(v *visit) (View, error) {
	im, err := v.importOf()
	if err != nil {
		return nil, err
	}
	result, err := s.Invitations.ImportResult(v.ctx(), v.inviter(), im.ID)
	if err != nil {
		return nil, err
	}
	v.download(im.ID.Text(uid.Import)+".csv", result)
	return nil, nil
}

// rejectedOf reads the first rows of which nothing was made out of a result.
func rejectedOf(result []byte) (all []Rejected, err error) {
	r := csv.NewReader(bytes.NewReader(result))
	head, err := r.Read()
	if err != nil {
		return nil, errors.Join(errRowTorn, err)
	}
	at := map[string]int{}
	for i, name := range head {
		at[name] = i
	}
	for _, name := range []string{"row", "invitation", "status", "field", "detail"} {
		if _, ok := at[name]; !ok {
			return nil, errRowTorn
		}
	}
	for len(all) < rejectedShown {
		cells, err := r.Read()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, errors.Join(errRowTorn, err)
		}
		if state := invite.RowState(cells[at["status"]]); state != invite.RowFailed && state != invite.RowRejected {
			continue
		}
		n, _ := strconv.Atoi(cells[at["row"]]) // the service wrote it
		row := Rejected{Row: n, Field: cells[at["field"]], Message: cells[at["detail"]]}
		if id, err := uid.Parse(uid.Invitation, cells[at["invitation"]]); err == nil {
			row.OpenURL = windowOf(id)
		}
		all = append(all, row)
	}
	return all, nil
}
