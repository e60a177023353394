package mta

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

// replayFor is how long a check that approved may be repeated (MTA-20).
const replayFor = time.Minute

// repeatable is what makes the check ask of r safe to repeat by the same API key with the same X-Request-Id, nil when it is not:
// it has none, or the account does not ask for that.
func repeatable(r *http.Request, a account, ask verify.CheckRequest) (*verify.Idempotency, error) {
	id := r.Header.Get("X-Request-Id")
	if id == "" || !a.replays() {
		return nil, nil
	}
	if !requestIDs.MatchString(id) {
		return nil, errRequestID
	}
	body, err := json.Marshal([]string{ask.To, ask.Code})
	if err != nil {
		panic(err) // strings always encode
	}
	key := web.Principal(r.Context()).Key
	return &verify.Idempotency{Key: "mta:check:" + key.Text(uid.Key) + ":" + id, Body: body}, nil
}

// ask hands in the code. The X-Request-Id of another check makes this one an ordinary check.
func (d *Door) ask(ctx context.Context, ask verify.CheckRequest) (verify.CheckAnswer, error) {
	a, err := d.cfg.Verifications.Check(ctx, ask)
	if ask.Idempotency != nil && err != nil && fault.As(err).Code == "idempotency_mismatch" {
		ask.Idempotency = nil
		return d.cfg.Verifications.Check(ctx, ask)
	}
	return a, err
}

// late reports whether a, the answer to a check that may be a repeated one, approved too long ago to be given again.
func (d *Door) late(ctx context.Context, ask verify.CheckRequest, a verify.CheckAnswer) (bool, error) {
	if ask.Idempotency == nil || !a.Valid {
		return false, nil
	}
	rec, err := d.cfg.Verifications.Get(ctx, ask.Caller, a.ID, false)
	if err != nil {
		return false, asUnknown(err)
	}
	return !d.Now().Before(rec.View.EndedAt.Add(replayFor)), nil
}
