package camara

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

// The longest texts, in characters.
const (
	maxMessage = 160
	maxID      = 36
	maxCode    = 10
)

// remembered is how long after its end a verification is told from one that never was.
const remembered = 24 * time.Hour

// optedOut is the reason that the risk engine gives for a recipient who wants no messages.
const optedOut = "opted_out"

// sendCode starts a verification that takes the place of an open one.
func (d *door) sendCode(w http.ResponseWriter, r *http.Request) error {
	var number, message string
	if err := readObject(r, map[string]*string{"phoneNumber": &number, "message": &message}); err != nil {
		return err
	}
	if !isNumber(number) {
		return errNumber
	}
	if utf8.RuneCountInString(message) > maxMessage || !strings.Contains(message, delivery.CodeSlot) {
		return errMessage
	}
	to, err := recipient.Parse(number, d.Rules)
	if err != nil {
		return err
	}
	if to.LineType == recipient.Landline { // what else can't be sent to, Parse refuses
		return errNotAllowed
	}
	answer, err := d.Verifications.Start(r.Context(), verify.StartRequest{
		Caller: caller(r.Context()), To: number, Channel: delivery.SMS, Text: message, Supersede: true, Rules: &verify.Rules{},
	})
	if err != nil {
		return err
	}
	switch v := answer.View; v.Status {
	case verify.Denied, verify.Challenge:
		if slices.Contains(v.Decision.Reasons, optedOut) {
			return errBlocked
		}
		return errNotAllowed
	default:
		write(w, http.StatusOK, struct {
			AuthenticationID string `json:"authenticationId"`
		}{v.ID.UUID()})
		return nil
	}
}

// validateCode hands in a code.
func (d *door) validateCode(w http.ResponseWriter, r *http.Request) error {
	var id, code string
	if err := readObject(r, map[string]*string{"authenticationId": &id, "code": &code}); err != nil {
		return err
	}
	if id == "" || utf8.RuneCountInString(id) > maxID {
		return errID
	}
	if code == "" || utf8.RuneCountInString(code) > maxCode {
		return errCode
	}
	verification, err := uid.ParseUUID(id)
	if err != nil || verification.IsZero() {
		return errUnknown
	}
	ctx := r.Context()
	answer, err := d.Verifications.Check(ctx, verify.CheckRequest{Caller: caller(ctx), ID: verification, Code: code})
	switch {
	case err != nil && notCompared(err):
		return d.standing(ctx, verification)
	case err != nil:
		return err
	case answer.Valid:
		w.WriteHeader(http.StatusNoContent)
		return nil
	case answer.Status == verify.Exhausted:
		return errFailed
	}
	return errWrong
}

// notCompared reports whether err says that the verification is not live, or that the code could never be right: either
// way no check was spent.
func notCompared(err error) bool {
	f := fault.As(err)
	return f.Kind == fault.NotFound || f.Kind == fault.Invalid && f.Field == "code"
}

// standing tells how the verification stands whose code was not compared.
func (d *door) standing(ctx context.Context, id uid.ID) error {
	record, err := d.Verifications.Get(ctx, caller(ctx), id, false)
	if fault.Is(err, fault.NotFound) {
		return errUnknown
	}
	if err != nil {
		return err
	}
	switch v := record.View; {
	case v.Status == verify.Pending:
		return errWrong
	case v.Status == verify.Denied || v.Status == verify.Challenge: // its id was never given out here
		return errUnknown
	case d.Now().Sub(v.EndedAt) >= remembered:
		return errUnknown
	}
	return errEnded
}

// isNumber matches the pattern of Commonalities' PhoneNumber, ^\+[1-9][0-9]{4,14}$.
func isNumber(s string) bool {
	digits, plus := strings.CutPrefix(s, "+")
	return plus && len(digits) >= 5 && len(digits) <= 15 && digits[0] != '0' && strings.Trim(digits, "0123456789") == ""
}

// caller is who asks, for the services below.
func caller(ctx context.Context) verify.Caller {
	p := web.Principal(ctx)
	return verify.Caller{Tenant: p.Tenant, Actor: "key:" + p.Key.Text(uid.Key), RequestID: web.RequestID(ctx)}
}
