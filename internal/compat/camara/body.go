package camara

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/web"
)

func errBody(message string) error { return fault.New(fault.Malformed, "malformed_request", message) }

// readBody reads the body of r, which the chain has capped.
func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		return body, nil
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, web.ErrTooLarge
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, web.ErrSlowBody
	}
	return nil, fault.Wrap(fault.Malformed, "malformed_request", "The body broke off. Send the request again.", err)
}

// mediaType is what the body of r is said to be, "" when nothing readable is said.
func mediaType(r *http.Request) string {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return ""
	}
	return kind
}

// readObject reads the body of r into the texts that fields names. Those that the body leaves out stay as they are.
func readObject(r *http.Request, fields map[string]*string) error {
	body, err := readBody(r)
	if err != nil {
		return err
	}
	said := r.Header.Get("Content-Type") != ""
	if len(body) == 0 && !said {
		return errBody("The body is missing. Send the documented JSON object.")
	}
	if mediaType(r) != "application/json" {
		return web.ErrMediaType
	}
	return decode(body, fields)
}

// decode reads body, one JSON object (RFC 8259) whose members are texts named by fields, each at most once.
func decode(body []byte, fields map[string]*string) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return errBody("The body is missing. Send the documented JSON object.")
	}
	if !utf8.Valid(body) || !json.Valid(body) {
		return errBody("The body is not JSON.")
	}
	tokens := json.NewDecoder(bytes.NewReader(body))
	if first, err := tokens.Token(); err != nil || first != json.Delim('{') {
		return errBody("The body is not a JSON object.")
	}
	seen := make(map[string]bool, len(fields))
	for tokens.More() {
		name, err := tokens.Token()
		if err != nil {
			return errBody("The body is not JSON.")
		}
		key, _ := name.(string) // always, in an object
		field := fields[key]
		if field == nil {
			return errBody("The body has a property that is not documented.")
		}
		if seen[key] {
			return errBody("The body has a property twice.")
		}
		seen[key] = true
		value, err := tokens.Token()
		text, ok := value.(string)
		if err != nil || !ok {
			return errBody("Every property of the body is a text.")
		}
		*field = text
	}
	return nil
}
