package invite

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/fault"
)

// read reads a file that is one.
func read(t *testing.T, file string) []fileRow {
	t.Helper()
	rows, err := readFile([]byte(file))
	if err != nil {
		t.Fatalf("%q: %v", file, err)
	}
	return rows
}

func TestRA_57_a_file_is_read_whatever_separates_its_cells_and_ends_its_lines(t *testing.T) {
	t.Parallel()
	want := []fileRow{
		{n: 2, cells: map[string]string{"first_name": "Ann", "last_name": "Lee", "mobile": "+447700900123"}},
		{n: 3, cells: map[string]string{"first_name": "Bob, Jr", "last_name": "O;Ray", "email": "bob@example.net"}},
	}
	for name, file := range map[string]string{
		"commas":            "first_name,last_name,mobile,email\nAnn,Lee,+447700900123,\n\"Bob, Jr\",O;Ray,,bob@example.net\n",
		"semicolons":        "first_name;last_name;mobile;email\nAnn;Lee;+447700900123;\nBob, Jr;\"O;Ray\";;bob@example.net\n",
		"tabs":              "first_name\tlast_name\tmobile\temail\nAnn\tLee\t+447700900123\t\nBob, Jr\tO;Ray\t\tbob@example.net\n",
		"a byte order mark": "\ufefffirst_name,last_name,mobile,email\nAnn,Lee,+447700900123,\n\"Bob, Jr\",O;Ray,,bob@example.net\n",
		"CRLF":              "first_name,last_name,mobile,email\r\nAnn,Lee,+447700900123,\r\n\"Bob, Jr\",O;Ray,,bob@example.net\r\n",
		"CR":                "first_name,last_name,mobile,email\rAnn,Lee,+447700900123,\r\"Bob, Jr\",O;Ray,,bob@example.net\r",
		"no end":            "first_name,last_name,mobile,email\nAnn,Lee,+447700900123,\n\"Bob, Jr\",O;Ray,,bob@example.net",
		"capitals, order":   "EMAIL, Mobile ,Last_Name,first_name\n,+447700900123,Lee, Ann \nbob@example.net,,O;Ray,\"Bob, Jr\"",
		"a nameless column": "first_name,last_name,mobile,email,,\nAnn,Lee,+447700900123,,,\n\"Bob, Jr\",O;Ray,,bob@example.net,,\n",
	} {
		if diff := cmp.Diff(want, read(t, file), cmp.AllowUnexported(fileRow{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestRA_57_rows_are_counted_as_a_spreadsheet_does(t *testing.T) {
	t.Parallel()
	var got []int
	for _, r := range read(t, "\r\nfirst_name,last_name,notes,email\n\n\nAnn,Lee,\"a\n\nb\",\nBob,Ray,,\n,,,\n \n\nCy,Fox,,\n") {
		got = append(got, r.n)
	}
	if diff := cmp.Diff([]int{5, 6, 10}, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

const header = "first_name,last_name,mobile,email,notes,reference\n"

func TestRA_57_what_is_wrong_with_a_file_is_told(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		file string
		code string
		says string
	}{
		"nothing":                {"", "header_missing", "first_name"},
		"only a header":          {header, "rows_missing", "no row"},
		"a header, empty rows":   {header + "\n,,,,,\n \n", "rows_missing", "no row"},
		"no header":              {"Ann,Lee,+447700900123,ann@example.net\n", "header_missing", "first row"},
		"an unknown column":      {"first_name,last_name,email,birthday\nAnn,Lee,a@example.net,x\n", "column_unknown", `Column 4 ("birthday")`},
		"one that is no name":    {"first_name,last_name,email,ann@example.net\n", "column_unknown", "Column 4 is"},
		"a column twice":         {"first_name,last_name,email,Email\n", "column_repeated", "email"},
		"no last name":           {"first_name,email\nAnn,a@example.net\n", "column_missing", "last_name"},
		"no contact":             {"first_name,last_name\nAnn,Lee\n", "column_missing", "email and mobile"},
		"UTF-16":                 {"\xff\xfef\x00i\x00r\x00s\x00t\x00", "encoding", "UTF-16"},
		"UTF-16 big end":         {"\xfe\xff\x00f\x00i", "encoding", "UTF-16"},
		"UTF-16 without a mark":  {"f\x00i\x00r\x00s\x00t\x00_\x00", "encoding", "UTF-16"},
		"a workbook":             {"PK\x03\x04\x14\x00\x00\x00", "encoding", "workbook"},
		"an old workbook":        {"\xd0\xcf\x11\xe0\xa1\xb1", "encoding", "workbook"},
		"a NUL":                  {header + "Ann,Lee,,,,\nBob,R\x00y,,,,\n", "encoding", "Line 3"},
		"Latin-1":                {header + "Ann,Lee,,,,\nJos\xe9,Ray,,,,\n", "encoding", "Line 3"},
		"a quote without an end": {header + "Ann,Lee,,,,\n\"Bob,Ray,,,,\nCy,Fox,,,,\n", "csv_malformed", "line 3"},
		"a quote in a cell":      {header + "Ann,Lee,,,,\nBo\"b,Ray,,,,\n", "csv_malformed", "line 3"},
		"1001 rows":              {header + strings.Repeat("Ann,Lee,,,,\n", 1001), "too_many_rows", "1001 rows. Send at most 1000"},
		"10000 rows":             {header + strings.Repeat("Ann,Lee,,,,\n\n", 10000), "too_many_rows", "10000 rows. Send at most 1000"},
		"a byte over 1 MiB":      {strings.Repeat("x", MaxImportBytes+1), "body_too_large", "1 MiB"},
	} {
		rows, err := readFile([]byte(c.file))
		if f := fault.As(err); f.Code != c.code || !strings.Contains(f.Message, c.says) || strings.Contains(f.Message, "example.net") {
			t.Errorf("%s: %v (%d rows), want %s with %q", name, err, len(rows), c.code, c.says)
		}
	}
	if rows := read(t, header+strings.Repeat("Ann,Lee,,,,\n", 1000)); len(rows) != 1000 {
		t.Errorf("%d rows of 1000", len(rows))
	}
}

func TestRA_57_a_cell_that_can_not_be_taken_refuses_its_row_alone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ row, code, field string }{
		"a number":             {"Ann,Lee,+447700900123,,,", "", ""},
		"a number with dashes": {"Ann,Lee,+1 (202) 555-0123,,,", "", ""},
		"an empty one":         {"Ann,Lee,,,,", "", ""},
		"=":                    {"=1+1,Lee,,,,", "formula", "first_name"},
		"+":                    {"Ann,+Lee,,,,", "formula", "last_name"},
		"-":                    {"Ann,Lee,,,- call back,", "formula", "notes"},
		"@":                    {"Ann,Lee,,,,@SUM(A1)", "formula", "reference"},
		"a wide one":           {"Ann,Lee,,,,＝1+1", "formula", "reference"},
		"a tab":                {"Ann,Lee,,,\"\t=1\",", "formula", "notes"},
		"a CR":                 {"Ann,Lee,,,\"\r=1\",", "formula", "notes"},
		"after a space":        {"Ann,Lee,,, =1,", "formula", "notes"},
		"a number that counts": {"Ann,Lee,+1+cmd|' /C calc'!A0,,,", "formula", "mobile"},
		"a number elsewhere":   {"Ann,Lee,,,,+447700900123", "formula", "reference"},
		"too long":             {"Ann,Lee,,,," + strings.Repeat("ü", MaxReference+1), "too_long", "reference"},
		"as long as may be":    {"Ann,Lee,,,," + strings.Repeat("ü", MaxReference), "", ""},
		"too few cells":        {"Ann,Lee", "columns", ""},
		"too many":             {"Ann,Lee,,,,,x", "columns", ""},
	} {
		rows := read(t, header+"Bob,Ray,,,,\n"+c.row+"\nCy,Fox,,,,\n")
		if len(rows) != 3 || rows[0].err != nil || rows[2].err != nil {
			t.Errorf("%s: %+v", name, rows)
			continue
		}
		if f := fault.As(rows[1].err); c.code == "" && rows[1].err != nil || c.code != "" && (f.Code != c.code || f.Field != c.field) {
			t.Errorf("%s: %v, want %q on %q", name, rows[1].err, c.code, c.field)
		}
	}
}

func TestRA_57_cells_ask_for_what_fields_of_the_API_do(t *testing.T) {
	t.Parallel()
	yes, no, life, ever := true, false, 48*time.Hour, time.Duration(0)
	for name, c := range map[string]struct {
		mobile2FA, hours, channels string
		gate                       *bool
		ttl                        *time.Duration
		sent                       string
		field                      string // at fault
	}{
		"left out": {sent: "[]"},
		"true":     {mobile2FA: "TRUE", hours: "48", channels: "Email, sms", gate: &yes, ttl: &life, sent: "[email sms]"},
		"no":       {mobile2FA: "no", hours: "Never", channels: "sms;email", gate: &no, ttl: &ever, sent: "[sms email]"},
		"perhaps":  {mobile2FA: "1", field: "mobile_2fa"},
		"none":     {hours: "0", field: "expires_in_hours"},
		"half":     {hours: "1.5", field: "expires_in_hours"},
	} {
		row := fileRow{cells: map[string]string{"mobile_2fa": c.mobile2FA, "expires_in_hours": c.hours, "channels": c.channels}}
		got, err := row.request()
		if c.field != "" {
			if fault.As(err).Field != c.field {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || !cmp.Equal(got.Mobile2FA, c.gate) || !cmp.Equal(got.LinkTTL, c.ttl) || fmt.Sprint(got.Channels) != c.sent {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func TestRA_57_no_cell_of_a_result_is_computed(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string]string{"": "", "a=1": "a=1", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\t=": "'\t="} {
		if got := inert(cell); got != want {
			t.Errorf("%q becomes %q", cell, got)
		}
	}
}

// FuzzReadFile: whatever is sent, it is rows within the bounds or a fault of ours; a good row has cells of known columns alone, none of
// which a spreadsheet computes, and reads the same when it is written and read again.
func FuzzReadFile(f *testing.F) {
	for _, seed := range []string{
		header + "Ann,Lee,+447700900123,,,\n", "first_name;last_name;email\n\"A\n\nb\";\"c\"\"d\";e\n\n;;\nx;y;z", "\ufefffirst_name\tlast_name\temail\rA\tB\tC",
		header + "=1,@x,+1-2,\"-\",,", "a,b\n", "\xff\xfea\x00", header + "\"", "first_name,last_name,email,,\nA,B,C,,D\n", "\n\n" + header + "\r\nA,B",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		rows, err := readFile(file)
		if err != nil {
			if k := fault.As(err).Kind; k != fault.Invalid && k != fault.Malformed {
				t.Fatalf("not a fault of the file: %v", err)
			}
			return
		}
		if len(rows) < 1 || len(rows) > MaxImportRows {
			t.Fatalf("%d rows", len(rows))
		}
		last := 1
		for _, r := range rows {
			if r.n <= last || r.n > 1+len(file) {
				t.Fatalf("row %d after row %d", r.n, last)
			}
			if last = r.n; r.err != nil {
				continue
			}
			again(t, r)
		}
	})
}

// again writes a good row and reads it.
func again(t *testing.T, r fileRow) {
	t.Helper()
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	names, cells := []string{"first_name", "last_name", "email"}, []string{r.cells["first_name"], r.cells["last_name"], r.cells["email"]}
	for name, cell := range r.cells {
		if most, ok := importColumns[name]; !ok || utf8.RuneCountInString(cell) > most || cell == "" || formula(cell) && name != "mobile" {
			t.Fatalf("%q: %q", name, cell)
		}
		if name != "first_name" && name != "last_name" && name != "email" {
			names, cells = append(names, name), append(cells, cell)
		}
	}
	_ = w.WriteAll([][]string{names, cells}) // to memory
	rows, err := readFile(out.Bytes())
	if err != nil || len(rows) != 1 || !cmp.Equal(rows[0].cells, r.cells) {
		t.Fatalf("%q comes back as %+v, %v", out.Bytes(), rows, err)
	}
}
