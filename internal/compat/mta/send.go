package mta

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// coolDown is the wait between two sends to a number at this door, unless the tenant's own is shorter.
const coolDown = 30 * time.Second

// The bounds of what send-code takes.
const (
	minTimeout     = 30 // seconds
	maxTimeout     = 600
	maxServiceName = 30 // characters
	maxSenderName  = 11
)

// The words of the message (MTA-7), around the name of the service.
const (
	textBefore = "Your "
	textAfter  = " verification code is: " + delivery.CodeSlot
)

var (
	errNoNumber    = fault.New(fault.Malformed, "to_missing", "Give the number as a string, in E.164 form.").On("to")
	errTimeout     = fault.New(fault.Invalid, "timeout_invalid", "Give 30 to 600 whole seconds.").On("timeoutSeconds")
	errCodeLength  = fault.New(fault.Invalid, "code_length_invalid", "Give a length of 4 to 10 digits.").On("codeLength")
	errServiceName = fault.New(fault.Invalid, "service_name_invalid",
		"Give 1 to 30 printable characters without a link or four digits in a row.").On("serviceName")
	errSenderName = fault.New(fault.Invalid, "sender_name_invalid", "Give at most 11 characters.").On("senderName")
	errRequestID  = fault.New(fault.Invalid, "request_id_invalid", "Give 1 to 128 letters, digits, _ or -.").On("X-Request-Id")
)

var (
	requestIDs = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`) // MTA-13
	digitRun   = regexp.MustCompile(`\d{4}`)                  // it could be taken for the code
)

// sendBody is the request of send-code.
type sendBody struct {
	To             *string           `json:"to"`
	ServiceName    *string           `json:"serviceName"`
	TimeoutSeconds *float64          `json:"timeoutSeconds"`
	CodeLength     *float64          `json:"codeLength"`
	Realtime       bool              `json:"realtime"`
	Bypass         bool              `json:"bypass"`
	Gated          bool              `json:"gated"`
	ExternalID     string            `json:"externalId"`
	Tags           map[string]string `json:"tags"`
	LongcodeID     any               `json:"longcodeId"`
	PoolID         any               `json:"poolId"`
	SenderName     string            `json:"senderName"`
}

// sent is the answer of send-code.
type sent struct {
	To             string   `json:"to"`
	TimeoutSeconds int      `json:"timeoutSeconds"`
	Type           string   `json:"type"`
	Status         string   `json:"status"`
	MessageID      string   `json:"messageId"`
	VerificationID string   `json:"verificationId"`
	Deliverable    bool     `json:"deliverable"`
	Reason         string   `json:"reason"`
	Carrier        string   `json:"carrier"`
	LineType       string   `json:"lineType"`
	Risk           *string  `json:"risk"`
	Warnings       []string `json:"warnings,omitempty"`
}

// send answers POST /v3/verify/sms/send-code.
func (d *Door) send(w http.ResponseWriter, r *http.Request) error {
	var b sendBody
	if err := decode(r, &b); err != nil {
		return err
	}
	a, err := d.account(r.Context())
	if err != nil {
		return err
	}
	ask, err := d.asked(r.Context(), a, b)
	if err != nil {
		return err
	}
	if ask.Idempotency, err = once(r); err != nil {
		return err
	}
	v := d.judge(a, *b.To, b.Realtime)
	switch {
	case v.hard && a.strict():
		return errStrict(v)
	case !v.hard && !a.sendsTo(v.country):
		return errCountry
	}
	v.settle(a)
	out := sent{
		To: v.To, TimeoutSeconds: seconds(ask.Rules.TTL), Type: string(delivery.SMS), Status: invalid, Deliverable: v.Deliverable,
		Reason: v.Reason, Carrier: v.Carrier, LineType: v.LineType, Risk: v.Risk, Warnings: b.warnings(),
	}
	if v.hard { // there is nobody whom a verification could be of (MTA-A3)
		write(w, http.StatusOK, bare(out))
		return nil
	}
	ask.Rules.Deny = v.refusal(a, b.Gated, b.Bypass)
	view, err := d.start(r.Context(), ask)
	if err != nil {
		return err
	}
	out.Status, _ = outward(view.Status)
	out.VerificationID, out.MessageID = view.ID.UUID(), messageID(view, len(view.Sends))
	out.TimeoutSeconds = lifetime(view, out.TimeoutSeconds)
	if out.Status == invalid { // MTA-26
		risk := deniedRisk(view.Decision.Reasons)
		out.Deliverable, out.Reason, out.Risk = false, "blocked", &risk
	}
	write(w, http.StatusOK, bare(out))
	return nil
}

// start asks for the verification. A request that repeats an X-Request-Id is told so, and has sent nothing (MTA-11).
func (d *Door) start(ctx context.Context, ask verify.StartRequest) (verify.View, error) {
	a, err := d.cfg.Verifications.Start(ctx, ask)
	switch {
	case err == nil && a.Replayed:
		return verify.View{}, errDuplicate(a.View.ID)
	case err == nil:
		return a.View, nil
	}
	switch fault.As(err).Code {
	case "idempotency_mismatch": // the native API used it as a key of its own
		return verify.View{}, errDuplicate(uid.ID{})
	case "channel_unavailable":
		return verify.View{}, errNoSender
	}
	return verify.View{}, err
}

// asked is the start that b of a asks for, or what is wrong with b. The number itself is judged later.
func (d *Door) asked(ctx context.Context, a account, b sendBody) (verify.StartRequest, error) {
	ask := verify.StartRequest{Caller: caller(ctx), Channel: delivery.SMS, ExternalID: b.ExternalID, Metadata: b.Tags, Supersede: true}
	if b.To == nil {
		return ask, errNoNumber
	}
	ask.To = *b.To
	ttl, ok := whole(b.TimeoutSeconds, minTimeout, maxTimeout)
	if !ok {
		return ask, errTimeout
	}
	length, ok := whole(b.CodeLength, 4, 10)
	if !ok {
		return ask, errCodeLength
	}
	if len([]rune(b.SenderName)) > maxSenderName {
		return ask, errSenderName
	}
	name, err := serviceName(b.ServiceName, a.profile.Name)
	if err != nil {
		return ask, err
	}
	ask.Rules = &verify.Rules{TTL: a.profile.TTL, CodeLength: length, Wait: true}
	if ttl > 0 {
		ask.Rules.TTL = time.Duration(ttl) * time.Second
	}
	ask.Text, ask.Locale = d.words(ask.To, name, ask.Rules.TTL)
	if waits := a.owner.Limits.CoolDowns; len(waits) > 0 {
		ask.Rules.CoolDowns = []time.Duration{min(coolDown, waits[0])}
	}
	return ask, nil
}

// words are those of the message to a number, and the locale they are in: the server's where it has texts in the language of
// the number's country, and else the vendor's English (MTA-8). Name and code are in both.
func (d *Door) words(to, name string, life time.Duration) (text, locale string) {
	if n, err := recipient.Inspect(to, d.cfg.Rules); err == nil && d.cfg.Words != nil {
		if text, locale, ok := d.cfg.Words(n.Country, name, life); ok {
			return text, locale
		}
	}
	return textBefore + name + textAfter, ""
}

// once is what the header X-Request-Id asks for: nil without one. What is asked is left out of it, so that the same id with
// another body is a repetition too (MTA-11). The native API's keys are told apart by the word before.
func once(r *http.Request) (*verify.Idempotency, error) {
	id := r.Header.Get("X-Request-Id")
	if id == "" {
		return nil, nil
	}
	if !requestIDs.MatchString(id) {
		return nil, errRequestID
	}
	return &verify.Idempotency{Key: "mta:" + id}, nil
}

// serviceName is the name in the message: the caller's, or else the profile's.
func serviceName(asked *string, profile string) (string, error) {
	if asked == nil {
		return profile, nil
	}
	name := *asked
	if !delivery.Showable(name, maxServiceName) || digitRun.MatchString(name) || strings.Contains(name, delivery.CodeSlot) {
		return "", errServiceName
	}
	return name, nil
}

// whole reads an optional whole number within bounds: zero when it is not given.
func whole(f *float64, least, most int) (n int, ok bool) {
	if f == nil {
		return 0, true
	}
	n = int(*f)
	return n, float64(n) == *f && least <= n && n <= most
}

// warnings are about fields that have no effect here: our routes choose the sender (MTA-A10).
func (b sendBody) warnings() (list []string) {
	ignored := func(field string, given bool) {
		if given {
			list = append(list, field+" is ignored: the server's routes choose the sender")
		}
	}
	ignored("longcodeId", b.LongcodeID != nil)
	ignored("poolId", b.PoolID != nil)
	ignored("senderName", b.SenderName != "")
	return list
}

// lifetime is how long the code of v is right, in seconds. One that was denied has no life: what was asked for is told.
func lifetime(v verify.View, asked int) int {
	if n := seconds(v.ExpiresAt.Sub(v.CreatedAt)); n > 0 {
		return n
	}
	return asked
}

func seconds(d time.Duration) int { return int(d / time.Second) }
