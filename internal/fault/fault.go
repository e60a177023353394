// Package fault is the one error type that crosses layers.
//
// A fault means "this did not happen": an unknown id, a limit, an invalid value, a database that is away.
// It changes nothing. An expected answer that must be remembered, such as a wrong code, is a value and not a fault.
// Every transport renders a fault in one place, by its Kind; any other error is internal and is shown as such.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the coarse class of a fault. Transports map it to a status by table.
type Kind uint8

// The kinds. The zero value is Internal, so that a fault without a kind is never shown as the caller's.
const (
	Internal        Kind = iota
	Malformed            // the request could not be read at all
	Unauthenticated      // no key, or one that is not known
	Denied               // the key is known and lacks the scope
	NotFound             // no such thing, or not this tenant's: the two look the same
	Conflict             // the thing is in a state that forbids it
	Invalid              // a value is not acceptable
	Limited              // too often; RetryAfter says when
	Unavailable          // not now; RetryAfter says when
)

// Error is a fault. Code is a stable public word, Message is safe to show to anyone, Err is not.
type Error struct {
	Kind       Kind
	Code       string        // stable, snake_case, documented: "recipient_invalid"
	Message    string        // says what to do; never holds a value that was sent
	Field      string        // the request field at fault, in JSON spelling; empty when none
	RetryAfter time.Duration // how long to wait, for Limited and Unavailable
	Err        error         // the cause, for logs only
}

// Error is for logs: it includes the cause.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Code, e.Err)
	}
	return e.Code + ": " + e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes a fault without a cause.
func New(kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

// Wrap makes a fault with a cause that is logged and never shown.
func Wrap(kind Kind, code, message string, err error) *Error {
	return &Error{Kind: kind, Code: code, Message: message, Err: err}
}

// On names the request field at fault.
func (e *Error) On(field string) *Error {
	c := *e
	c.Field = field
	return &c
}

// After sets how long the caller should wait.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// As finds the fault in err. Without one it answers an Internal fault that wraps err.
func As(err error) *Error {
	if f, ok := errors.AsType[*Error](err); ok {
		return f
	}
	return &Error{Kind: Internal, Code: "internal", Message: "Something went wrong on our side. Try again; if it stays, quote the request id.", Err: err}
}

// Is reports whether err is a fault of the given kind.
func Is(err error, kind Kind) bool {
	f, ok := errors.AsType[*Error](err)
	return ok && f.Kind == kind
}
