package invite

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
)

// The bounds of a file of invitations.
const (
	MaxImportRows  = 1000
	MaxImportBytes = 1 << 20
)

// importColumns are the columns that a file may have, each with the most characters of a cell, as the native API bounds its fields.
var importColumns = map[string]int{
	"first_name": MaxName, "last_name": MaxName, "email": 320, "mobile": 40, "country": 2, "mobile_2fa": 20, "reference": MaxReference,
	"notes": MaxNotes, "locale": 35, "consent_version": 32, "redirect_url": 2048, "expires_in_hours": 20, "external_id": MaxExternalID,
	"channels": 20, "mobile_2fa_reason": MaxReason,
}

// never is the cell of expires_in_hours for a link without an end.
const never = "never"

// fileRow is a row of a file that is not empty.
type fileRow struct {
	n     int               // its place, as a spreadsheet counts: the header is 1, and empty rows count
	cells map[string]string // by column; those that are empty are left out
	err   error             // a fault of its cells; nil: none was seen
}

// readFile reads the rows of a CSV file: UTF-8, with the columns named in its first row, between commas, semicolons or tabs. Its faults are
// of the file as a whole and hold nothing of it but the name of a column that looks like one.
func readFile(file []byte) ([]fileRow, error) {
	file, err := plainText(file)
	if err != nil {
		return nil, err
	}
	r := csv.NewReader(bytes.NewReader(file))
	r.Comma, r.FieldsPerRecord = separator(file), -1
	header, err := r.Read()
	if err != nil {
		if errors.Is(err, io.EOF) {
			return nil, fault.New(fault.Invalid, "header_missing", headerHelp)
		}
		return nil, badQuotes(err)
	}
	columns, err := readHeader(header)
	if err != nil {
		return nil, err
	}
	return readRows(r, file, columns)
}

// readRows reads all rows below the header, which r has just read. The reader leaves out empty lines, which a spreadsheet counts as rows:
// how many there were is told by the lines between the end of one row and the beginning of the next.
func readRows(r *csv.Reader, file []byte, columns []string) (rows []fileRow, err error) {
	n, _ := r.FieldPos(0)
	line, at := 1, int64(0) // where the row that was read last has ended
	for total := 0; ; {
		end := r.InputOffset()
		line += bytes.Count(file[at:end], []byte{'\n'})
		at = end
		record, err := r.Read()
		switch {
		case errors.Is(err, io.EOF):
			return rows, checkTotal(total)
		case err != nil:
			return nil, badQuotes(err)
		}
		begins, _ := r.FieldPos(0)
		n += 1 + begins - line
		if slices.IndexFunc(record, func(cell string) bool { return strings.TrimSpace(cell) != "" }) < 0 {
			continue
		}
		if total++; total <= MaxImportRows { // the others are only counted
			rows = append(rows, readRow(n, columns, record))
		}
	}
}

// checkTotal is the fault for no rows and for too many.
func checkTotal(n int) error {
	switch {
	case n == 0:
		return fault.New(fault.Invalid, "rows_missing", "The file has a header and no row below it.")
	case n > MaxImportRows:
		return fault.New(fault.Invalid, "too_many_rows", fmt.Sprintf("The file has %d rows. Send at most %d in one file.", n, MaxImportRows))
	}
	return nil
}

// plainText is the file without a byte order mark and with lines that end in "\n", or what is wrong with its bytes.
func plainText(file []byte) ([]byte, error) {
	if len(file) > MaxImportBytes {
		return nil, fault.New(fault.Malformed, "body_too_large", "The file is larger than 1 MiB. Send it in parts.")
	}
	if bytes.HasPrefix(file, []byte("PK\x03\x04")) || bytes.HasPrefix(file, []byte{0xd0, 0xcf, 0x11, 0xe0}) {
		return nil, fault.New(fault.Malformed, "encoding", `The file is a workbook or an archive, not CSV. Save it as "CSV UTF-8" in Excel, or as CSV in another program.`)
	}
	file = bytes.TrimPrefix(file, []byte("\ufeff"))
	line := func(at int) int { return 1 + bytes.Count(file[:at], []byte{'\n'}) }
	nul := bytes.IndexByte(file, 0)
	switch {
	case bytes.HasPrefix(file, []byte{0xff, 0xfe}) || bytes.HasPrefix(file, []byte{0xfe, 0xff}) || nul >= 0 && 4*bytes.Count(file, []byte{0}) > len(file):
		return nil, fault.New(fault.Malformed, "encoding", `The file is UTF-16. Save it as CSV in UTF-8 ("CSV UTF-8" in Excel).`)
	case nul >= 0:
		return nil, fault.New(fault.Malformed, "encoding", fmt.Sprintf("Line %d holds a NUL byte. Save the file as CSV in UTF-8.", line(nul)))
	}
	if at := invalidUTF8(file); at >= 0 {
		return nil, fault.New(fault.Malformed, "encoding", fmt.Sprintf(
			`Line %d is not UTF-8; it may be Latin-1 or Windows-1252. Save the file as CSV in UTF-8 ("CSV UTF-8" in Excel).`, line(at)))
	}
	if !bytes.Contains(file, []byte{'\n'}) { // lines as old Macs end them
		file = bytes.ReplaceAll(file, []byte{'\r'}, []byte{'\n'})
	}
	return file, nil
}

// invalidUTF8 is where text stops being UTF-8, -1: nowhere.
func invalidUTF8(text []byte) int {
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

// separator is what stands between the names of the header most often; a comma when nothing does.
func separator(file []byte) rune {
	header, _, _ := bytes.Cut(bytes.TrimLeft(file, "\r\n"), []byte{'\n'})
	best, most := ',', bytes.Count(header, []byte{','})
	for _, c := range []rune{';', '\t'} {
		if n := bytes.Count(header, []byte{byte(c)}); n > most {
			best, most = c, n
		}
	}
	return best
}

// badQuotes tells where quotes don't fit, the one thing that makes a text no CSV.
func badQuotes(err error) error {
	bad, ok := errors.AsType[*csv.ParseError](err)
	if !ok {
		return err
	}
	return fault.New(fault.Malformed, "csv_malformed", fmt.Sprintf(
		`The quotes in the row that begins in line %d don't fit: each cell with a quote in it stands in quotes, and the quote in it twice.`, bad.StartLine))
}

const headerHelp = "Name the columns in the first row: first_name, last_name, email, mobile, and others that the documentation lists."

// readHeader reads the names of columns; an empty one is of a column that must be empty.
func readHeader(names []string) ([]string, error) {
	columns := make([]string, len(names))
	var known int
	unknown := -1
	for i, name := range names {
		columns[i] = strings.ToLower(strings.TrimSpace(name))
		if _, ok := importColumns[columns[i]]; ok {
			known++
		} else if columns[i] != "" && unknown < 0 {
			unknown = i
		}
	}
	switch {
	case known == 0:
		return nil, fault.New(fault.Invalid, "header_missing", headerHelp)
	case unknown >= 0:
		return nil, fault.New(fault.Invalid, "column_unknown", fmt.Sprintf("Column %d%s is not known. Remove it, or give it a name that the documentation lists.",
			unknown+1, quotedName(columns[unknown])))
	}
	for i, name := range columns {
		if name != "" && slices.Contains(columns[:i], name) {
			return nil, fault.New(fault.Invalid, "column_repeated", "The column "+name+" is there twice.")
		}
	}
	for _, needed := range []string{"first_name", "last_name"} {
		if !slices.Contains(columns, needed) {
			return nil, fault.New(fault.Invalid, "column_missing", "The column "+needed+" is missing.")
		}
	}
	if !slices.Contains(columns, "email") && !slices.Contains(columns, "mobile") {
		return nil, fault.New(fault.Invalid, "column_missing", "The columns email and mobile are missing: one of them has to be there.")
	}
	return columns, nil
}

// quotedName is the name of a column where it looks like one. Of a file without a header the first row is a person's.
func quotedName(name string) string {
	if len(name) > 40 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_ ") != "" {
		return ""
	}
	return fmt.Sprintf(" (%q)", name)
}

// readRow reads the cells of a row, and notes the first that can't be taken.
func readRow(n int, columns, record []string) fileRow {
	row := fileRow{n: n, cells: map[string]string{}}
	if len(record) != len(columns) {
		row.err = fault.New(fault.Invalid, "columns", fmt.Sprintf("The row has %d cells, and the header %d.", len(record), len(columns)))
	}
	for i, raw := range record[:min(len(record), len(columns))] {
		column, cell := columns[i], strings.TrimSpace(raw)
		if cell == "" {
			continue
		}
		switch {
		case row.err != nil:
		case column == "":
			row.err = fault.New(fault.Invalid, "columns", fmt.Sprintf("There is a cell in column %d, which has no name.", i+1))
		case (formula(raw) || formula(cell)) && !(column == "mobile" && isPlainNumber(raw)):
			row.err = invalid("formula", "The cell begins with =, +, -, @ or a tab, as a spreadsheet's formula does. Begin it with something else.", column)
		case utf8.RuneCountInString(cell) > importColumns[column]:
			row.err = invalid("too_long", fmt.Sprintf("Give at most %d characters.", importColumns[column]), column)
		}
		row.cells[column] = cell
	}
	return row
}

// formula reports whether a spreadsheet may compute what begins so: some take the wide forms of East Asian keyboards for the narrow ones.
func formula(cell string) bool {
	first, _ := utf8.DecodeRuneInString(cell)
	return cell != "" && strings.ContainsRune("=+-@\t\r＝＋－＠", first)
}

// isPlainNumber reports whether a cell is a number with its country's code. Of digits and dashes a spreadsheet makes another number, and
// nothing worse.
func isPlainNumber(cell string) bool {
	digits, ok := strings.CutPrefix(strings.Trim(cell, " "), "+")
	return ok && strings.Trim(digits, "0123456789 ()./-") == ""
}

// label is by what the sender knows the row again: as far as it can be kept.
func (r *fileRow) label() label {
	short := func(cell string, most int) string {
		if !isText(cell, most, false) {
			return ""
		}
		return cell
	}
	return label{Reference: short(r.cells["reference"], MaxReference), ExternalID: short(r.cells["external_id"], MaxExternalID)}
}

// request is what a row asks for, without its caller.
func (r *fileRow) request() (req CreateRequest, err error) {
	cell := r.cells
	req = CreateRequest{
		Kind: Fixed, FirstName: cell["first_name"], LastName: cell["last_name"], Email: cell["email"], Mobile: cell["mobile"], Country: cell["country"],
		Notes: cell["notes"], Reference: cell["reference"], ExternalID: cell["external_id"], Locale: cell["locale"],
		ConsentVersion: cell["consent_version"], RedirectURL: cell["redirect_url"], Reason: cell["mobile_2fa_reason"],
	}
	if on := strings.ToLower(cell["mobile_2fa"]); on != "" { // empty: the preset (RA-15)
		yes := on == "true" || on == "yes"
		if !yes && on != "false" && on != "no" {
			return req, invalid("mobile_2fa_invalid", "Give true or false, or leave the cell empty.", "mobile_2fa")
		}
		req.Mobile2FA = &yes
	}
	if life := strings.ToLower(cell["expires_in_hours"]); life != "" {
		hours, err := strconv.Atoi(life)
		if life != never && (err != nil || hours < 1) {
			return req, invalid("expires_in_hours_invalid", "Give 1 to 8760 hours, or never.", "expires_in_hours")
		}
		ttl := time.Duration(hours) * time.Hour
		req.LinkTTL = &ttl
	}
	for _, c := range strings.FieldsFunc(strings.ToLower(cell["channels"]), func(r rune) bool { return strings.ContainsRune(" ,;", r) }) {
		req.Channels = append(req.Channels, delivery.Channel(c))
	}
	return req, nil
}
