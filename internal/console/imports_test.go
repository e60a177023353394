package console_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

const importPath = "/console/verifications/import"

var progressPath = "/console/imports/" + fileA.Text(uid.Import)

// upload sends a file by the form at importPath; nil sends the form without one.
func (b *browser) upload(file []byte, ticked ...string) *httptest.ResponseRecorder {
	b.t.Helper()
	page := b.get(importPath).Body.String()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	form := page[strings.Index(page, `action="`+importPath+`"`):]
	if err := w.WriteField("form_token", tokenField.FindStringSubmatch(form)[1]); err != nil {
		b.t.Fatal(err)
	}
	for _, name := range append(ticked, "once") {
		if err := w.WriteField(name, "ONCE"); err != nil {
			b.t.Fatal(err)
		}
	}
	if file != nil {
		part, err := w.CreateFormFile("file", "../november.csv")
		if err == nil {
			_, err = part.Write(file)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://console.test"+importPath, &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	r.Header.Set("Origin", "http://console.test")
	return b.do(r)
}

func TestAFileIsTakenInAndItsProgressIsShown(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Agent)
	const file = "first_name,last_name,mobile\nAda,Lovelace,+447700900123\n"
	wantTo(t, b.upload([]byte(file)), progressPath)
	if len(d.did) != 1 || d.did[0] != file {
		t.Errorf("took in %q", d.did)
	}
	d.result = "row,reference,external_id,invitation,status,field,code,detail\n2,A,,,rejected,mobile,x,<b>No such number.\n3,B,,,waiting,,,\n4,C,,inv_1,created,,,\n"
	w := b.get(progressPath)
	body := w.Body.String()
	has(t, body, "2 of 3 rows", `hx-trigger="every 2s"`, `href="`+progressPath+`"`, "&lt;b&gt;No such number.", "<code>mobile</code>")
	hasNot(t, body, "result.csv", "<b>No")
	d.file.Created, d.file.Failed, d.file.FinishedAt = 1, 1, noon
	body = b.get(progressPath).Body.String()
	has(t, body, "3 of 3 rows", progressPath+"/result.csv")
	hasNot(t, body, "hx-trigger")
	has(t, b.get(importPath).Body.String(), progressPath)
	w = b.get(progressPath + "/result.csv")
	if w.Body.String() != d.result || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment; ") || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/csv") {
		t.Errorf("the result is %v %q", w.Header(), w.Body)
	}
}

func TestAFileThatCantBeTakenIsToldAtItsField(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file []byte
		err  error
		want string
	}{
		"none":    {nil, nil, "Choose a file."},
		"empty":   {[]byte{}, nil, "Choose a file."},
		"large":   {make([]byte, invite.MaxImportBytes+1), nil, "more than 1 MiB"},
		"columns": {[]byte("a\nb\n"), fault.New(fault.Invalid, "column_missing", "A column is missing."), "A column is missing."},
	} {
		d := newSender()
		d.refuse = c.err
		w := d.browse(t, operator.Agent).upload(c.file)
		if w.Code != http.StatusOK || len(d.did) != 0 {
			t.Errorf("%s: %d, took in %d", name, w.Code, len(d.did))
		}
		has(t, w.Body.String(), c.want, `id="file-error"`)
	}
	d := newSender()
	whole := bytes.Repeat([]byte("x"), invite.MaxImportBytes)
	if w := d.browse(t, operator.Agent).upload(whole); w.Code != http.StatusSeeOther || len(d.did) != 1 {
		t.Errorf("a file of 1 MiB: %d", w.Code)
	}
	if w := d.browse(t, operator.Agent).upload(make([]byte, 3<<20)); w.Code != http.StatusRequestEntityTooLarge || len(d.did) != 1 {
		t.Errorf("a file beyond all limits: %d", w.Code)
	}
}

func TestRA_57_aFileIsCheckedBeforeItIsSentAndNamesWhoHasAnOpenVerification(t *testing.T) {
	t.Parallel()
	const file = "first_name,last_name,mobile\nAda,Lovelace,+447700900123\n"
	d := newSender()
	b := d.browse(t, operator.Agent)
	w := b.upload([]byte(file), "check")
	has(t, w.Body.String(), "Nothing was sent", "1 row is of a customer who has an open verification", `href="`+window+`"`, `href="`+importPath+`"`, "Checked")
	hasNot(t, w.Body.String(), "hx-trigger", "Words of the API", "result.csv", "rows</p>")
	if w.Code != http.StatusOK || d.allowed {
		t.Errorf("%d; a box that nobody ticked is on: %t", w.Code, d.allowed)
	}
	hasNot(t, b.get(importPath).Body.String(), `name="allow_open" value="on" checked`)
	if wantTo(t, b.upload([]byte(file), "allow_open"), progressPath); !d.allowed {
		t.Error("a box that was ticked is off")
	}
	d.result = "row,reference,external_id,invitation,status,field,code,detail\n2,A,," + adaID.Text(uid.Invitation) + ",rejected,mobile,invitation_open,Words of the API.\n"
	body := b.get(progressPath).Body.String()
	has(t, body, "Has an open verification", `href="`+window+`"`)
	hasNot(t, body, "Words of the API")
}

func TestAnotherFirmsFileIsNotThere(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Owner)
	for _, id := range []string{(uid.ID{0xb}).Text(uid.Import), adaID.Text(uid.Invitation), "imp_"} {
		for _, path := range []string{"/console/imports/" + id, "/console/imports/" + id + "/result.csv"} {
			if w := b.get(path); w.Code != http.StatusNotFound {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
	}
}
