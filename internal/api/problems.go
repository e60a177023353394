package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/web"
)

// Huma tells its own errors through package variables. They are replaced once for the process: by default they echo
// the value at fault, which is a phone number or a code here, and have another form than our problems. Once makes
// this safe when several APIs are built at the same time, as tests do: every reader has been through New, and so comes
// after the writes. ValidateStrictCasing makes "To" an unknown field, where encoding/json would take it for "to".
var replaceErrors sync.Once

func setHumaErrors() {
	replaceErrors.Do(func() {
		huma.ValidateStrictCasing = true
		huma.NewErrorWithContext = func(hc huma.Context, status int, msg string, errs ...error) huma.StatusError {
			return humaProblem(hc.Context(), hc.Operation(), status, msg, errs)
		}
		// Without a request: when operations are registered, for the schema alone.
		huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
			return humaProblem(context.Background(), nil, status, msg, errs)
		}
	})
}

// humaProblem is an error of huma's as a problem. The texts of huma's details are made of our schema; their values and
// foreign names are left out.
func humaProblem(ctx context.Context, op *huma.Operation, status int, msg string, errs []error) *web.Problem {
	p := web.NewProblem(ctx, requestFault(op, status, msg, errs))
	if status != http.StatusUnprocessableEntity {
		return p
	}
	for _, err := range errs {
		if d, ok := err.(*huma.ErrorDetail); ok {
			p.Errors = append(p.Errors, web.FieldError{Field: field(d.Location), Detail: d.Message})
		}
	}
	return p
}

func requestFault(op *huma.Operation, status int, msg string, errs []error) error {
	switch status {
	case http.StatusUnprocessableEntity:
		return fault.New(fault.Invalid, "invalid_request", "Some fields can't be taken. Correct those listed in errors.")
	case http.StatusBadRequest:
		detail := "The body is missing. Send the documented JSON object."
		if op != nil && op.RequestBody != nil && op.RequestBody.Content[fileType] != nil {
			detail = "The body is missing. Send the file as CSV, its header first."
		}
		if len(errs) > 0 {
			if d, ok := errs[0].(*huma.ErrorDetail); ok {
				detail = d.Message // one of the texts of decode
			}
		}
		return fault.New(fault.Malformed, "malformed_request", detail)
	case http.StatusUnsupportedMediaType:
		return web.ErrMediaType
	case http.StatusRequestTimeout:
		return web.ErrSlowBody
	}
	cause := errors.Join(errs...)
	if _, ok := errors.AsType[*http.MaxBytesError](cause); ok {
		return web.ErrTooLarge
	}
	if msg == "cannot read request body" {
		return fault.Wrap(fault.Malformed, "malformed_request", "The body broke off. Send the request again.", cause)
	}
	return errors.Join(errors.New(msg), cause)
}

// field is where in the request an error is, in the form of our field names: "body.transaction.amount" becomes
// "transaction.amount". A name that does not look like one of ours was made up by the caller and could hold anything,
// so the path ends before it.
func field(location string) string {
	_, path, nested := strings.Cut(location, ".")
	if !nested {
		return "body"
	}
	if strings.HasPrefix(location, "header.") {
		return path
	}
	kept := 0
	for part := range strings.SplitSeq(path, ".") {
		name, _, _ := strings.Cut(part, "[")
		if !ours(name) {
			break
		}
		kept += len(part) + 1
	}
	if kept == 0 {
		return "body"
	}
	return path[:kept-1]
}

// ours reports whether a name looks like one of our fields.
func ours(name string) bool {
	letters := strings.TrimPrefix(name, "mobile_2fa") // the one word that has a digit
	return name != "" && len(name) <= 40 && strings.Trim(letters, "abcdefghijklmnopqrstuvwxyz_") == ""
}
