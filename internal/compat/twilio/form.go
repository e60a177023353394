package twilio

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/web"
)

var (
	errFormType = &refusal{status: 415, code: 20001, message: "Send the body as application/x-www-form-urlencoded"}
	errForm     = &refusal{status: 400, code: 20001, message: "The body can't be read as a form"}
)

// readForm reads the form in the body of r. Of a parameter that comes twice the first counts.
func readForm(r *http.Request) (url.Values, error) {
	body, err := io.ReadAll(r.Body)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, web.ErrSlowBody
	case err != nil:
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, err
		}
		return nil, fault.Wrap(fault.Malformed, "malformed_request", "The body broke off. Send the request again.", err)
	}
	if t := r.Header.Get("Content-Type"); t != "" && len(body) > 0 {
		if media, _, err := mime.ParseMediaType(t); err != nil || media != "application/x-www-form-urlencoded" {
			return nil, errFormType
		}
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errForm
	}
	return form, nil
}

// A reader checks the value of a parameter, and gives it in the form in which it is kept.
type reader func(value string) (string, bool)

// boolean reads true or false.
func boolean(value string) (string, bool) {
	value = strings.ToLower(value)
	return value, value == "true" || value == "false"
}

// between reads a whole number in a range.
func between(least, most int) reader {
	return func(value string) (string, bool) {
		n, err := strconv.Atoi(value)
		return strconv.Itoa(n), err == nil && least <= n && n <= most
	}
}

// text reads at most limit printable characters; none takes the setting away.
func text(limit int) reader {
	return func(value string) (string, bool) { return value, isText(value, limit) }
}

// oneOf reads one of some words, or none.
func oneOf(words ...string) reader {
	return func(value string) (string, bool) {
		for _, w := range words {
			if value == w {
				return value, true
			}
		}
		return value, value == ""
	}
}

// sidOf reads a SID, or none.
func sidOf(prefix string) reader {
	return func(value string) (string, bool) {
		_, ok := parseSID(prefix, value)
		return value, ok || value == ""
	}
}

// isText reports whether s is printable text of at most limit characters.
func isText(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
}
