package mta

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/web"
)

// decode reads the JSON object of r into v. Unknown members are let be, as the vendor does; a member of another type than
// the documented one is refused, and no error holds anything of the body.
func decode(r *http.Request, v any) error {
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return web.ErrMediaType
	}
	text, err := io.ReadAll(r.Body)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return web.ErrSlowBody
	}
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return web.ErrTooLarge
	}
	if err != nil {
		return fault.Wrap(fault.Malformed, "malformed_request", "The body broke off. Send the request again.", err)
	}
	if !utf8.Valid(text) {
		return fault.New(fault.Malformed, "malformed_request", "The body is not UTF-8 text.")
	}
	err = json.Unmarshal(text, v)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field, _, _ := strings.Cut(wrong.Field, ".") // what follows may be a name that the caller made up
		return fault.New(fault.Malformed, "malformed_request", "This has another type than the documentation says.").On(field)
	}
	if err != nil {
		return fault.New(fault.Malformed, "malformed_request", "The body is not a JSON object.")
	}
	return nil
}

// encode is v as JSON.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(err) // answers are strings and numbers: only a programmer's mistake could come here
	}
	return buf.Bytes()
}

// bare encodes the object v as the vendor's send-code and check-code answer: its members as they are, and once more in
// the envelope of the other routes, so that clients of either form work (MTA-A1).
func bare(v any) []byte {
	inner := bytes.TrimSpace(encode(v))
	out := append([]byte(`{"success":true,`), inner[1:len(inner)-1]...)
	out = append(append(out, `,"data":`...), inner...)
	return append(out, '}', '\n')
}

// enveloped is data in the envelope of routes that read.
func enveloped(data any) any {
	return struct {
		Success bool `json:"success"`
		Data    any  `json:"data"`
	}{true, data}
}

// answer writes v with the status 200.
func answer(w http.ResponseWriter, v any) error {
	write(w, http.StatusOK, encode(v))
	return nil
}

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may have gone; there is nobody to tell
}
