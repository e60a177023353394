package idenfy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strconv"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/web"
)

// form reads the members of a JSON object, each by its name and with its limits. The first that is wrong is kept in err, and what is
// read after it is of no use. null is the same as nothing. No error holds anything of the body.
type form struct {
	members map[string]json.RawMessage
	read    map[string]bool
	err     error
}

// readForm reads the body of r.
func readForm(r *http.Request) (*form, error) {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, web.ErrMediaType
	}
	text, err := io.ReadAll(r.Body)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, web.ErrSlowBody
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, web.ErrTooLarge
	}
	if err != nil {
		return nil, fault.Wrap(fault.Malformed, codeJSON, "The body broke off. Send the request again.", err)
	}
	if !utf8.Valid(text) {
		return nil, fault.New(fault.Malformed, codeEncoding, "The body is not UTF-8 text.")
	}
	f := &form{read: map[string]bool{}}
	if json.Unmarshal(text, &f.members) != nil || f.members == nil {
		return nil, fault.New(fault.Malformed, codeJSON, "The body is not a JSON object.")
	}
	return f, nil
}

// member reads a member into v, and reports whether it is there.
func (f *form) member(name string, v any, hint string) bool {
	raw, there := f.members[name]
	f.read[name] = true
	if !there || string(raw) == "null" || f.err != nil {
		return false
	}
	if json.Unmarshal(raw, v) != nil {
		f.err = errBad(name, hint)
		return false
	}
	return true
}

// bad refuses a member that was read.
func (f *form) bad(name, hint string) {
	if f.err == nil {
		f.err = errBad(name, hint)
	}
}

// text reads a text of least to most characters; "" when it is not there.
func (f *form) text(name string, least, most int) (s string) {
	hint := "Give a text of " + strconv.Itoa(least) + " to " + strconv.Itoa(most) + " characters."
	if n := 0; f.member(name, &s, hint) {
		if n = utf8.RuneCountInString(s); n < least || n > most {
			f.bad(name, hint)
		}
	}
	return s
}

// flag reads true or false; nil when it is not there.
func (f *form) flag(name string) *bool {
	var on bool
	if f.member(name, &on, "Give true or false.") {
		return &on
	}
	return nil
}

// whole reads a whole number within bounds; instead when it is not there.
func (f *form) whole(name string, least, most, instead int) int {
	var n json.Number
	hint := "Give a whole number from " + strconv.Itoa(least) + " to " + strconv.Itoa(most) + "."
	if raw := f.members[name]; len(raw) > 0 && raw[0] == '"' { // json.Number would take it
		f.bad(name, hint)
	}
	if !f.member(name, &n, hint) {
		return instead
	}
	v, err := strconv.Atoi(n.String())
	if err != nil || v < least || v > most {
		f.bad(name, hint)
	}
	return v
}

// rest are the members that nobody has read.
func (f *form) rest() map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for name, raw := range f.members {
		if !f.read[name] {
			out[name] = raw
		}
	}
	return out
}

// encode is v as JSON.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // answers are strings, numbers, and JSON that was read before: only a programmer's mistake could come here
	}
	return buf.Bytes()
}

// write answers with v.
func write(w http.ResponseWriter, status int, v any) {
	body := encode(v)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone; there is nobody to tell
}
