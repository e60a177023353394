package api

import (
	"encoding/json"

	"github.com/countersign/countersign/internal/verify"
)

// once is the idempotency of a request, nil without a key. What was asked is told as route, object and the decoded
// body in its canonical form, so that a client whose library orders or spaces JSON differently when it repeats is not
// told that it asked for something else. Optional fields are left out when empty, so a release that adds one does not
// change the form of requests that do not use it.
func (in Repeatable) once(route, object string, body any) *verify.Idempotency {
	if in.Key == "" {
		return nil
	}
	asked, err := json.Marshal([]any{route, object, body})
	if err != nil {
		panic(err) // inputs were decoded from JSON: only a programmer's mistake could come here
	}
	return &verify.Idempotency{Key: in.Key, Body: asked}
}
