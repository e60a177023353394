package idenfy

import (
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

// What codes of send-sms are like (ID-46, ID-48), and how soon another may be sent to a number (DESIGN 3.8), unless the tenant's own wait
// is shorter.
const (
	smsLife     = 5 * time.Minute
	smsDigits   = 4
	smsChecks   = 3
	smsCoolDown = 30 * time.Second
	maxSender   = 11
)

// The words of the message (b.3), after the name of the sender.
const smsText = " code: " + delivery.CodeSlot + ". Valid for 5 minutes."

var (
	e164     = regexp.MustCompile(`^\+[1-9][0-9]{4,14}$`)
	digitRun = regexp.MustCompile(`[0-9]{4}`) // it could be taken for the code
	codeForm = regexp.MustCompile(`^[0-9]{4}$`)
	refForm  = regexp.MustCompile(`^[\x21-\x7e]{32,40}$`)
)

// number reads the number of a request.
func (f *form) number() string {
	n := f.text("phone_number", 1, maxName)
	switch {
	case n == "" && f.err == nil:
		f.err = errMissing("phone_number")
	case !e164.MatchString(n):
		f.bad("phone_number", "Give the number in E.164 form, such as +12025550123.")
	}
	return n
}

// sendSMS answers POST /fraud/send-sms. A later message to the same number takes the place of the one before.
func (d *Door) sendSMS(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(r)
	if err != nil {
		return err
	}
	to, sender := f.number(), f.text("sender_name", 1, maxSender)
	if sender != "" && (!delivery.Showable(sender, maxSender) || digitRun.MatchString(sender) || strings.Contains(sender, delivery.CodeSlot)) {
		f.bad("sender_name", "Give 1 to 11 printable characters without a link or four digits in a row.")
	}
	if f.err != nil {
		return f.err
	}
	by := caller(r.Context())
	owner, err := d.cfg.Profiles.Tenant(r.Context(), by.Tenant)
	if err != nil {
		return err
	}
	if sender == "" {
		profile, err := d.cfg.Profiles.Service(r.Context(), by.Tenant, "")
		if err != nil {
			return err
		}
		sender = profile.Name
	}
	rules := &verify.Rules{TTL: smsLife, CodeLength: smsDigits, MaxChecks: smsChecks, CoolDowns: []time.Duration{smsCoolDown}, Wait: true}
	if waits := owner.Limits.CoolDowns; len(waits) > 0 {
		rules.CoolDowns[0] = min(smsCoolDown, waits[0])
	}
	a, err := d.cfg.Verifications.Start(r.Context(), verify.StartRequest{
		Caller: by, To: to, Channel: delivery.SMS, Purpose: verify.ForContact, Text: sender + smsText, Supersede: true,
		Rules: rules,
	})
	if err != nil {
		return err
	}
	write(w, http.StatusOK, map[string]string{"request_id": a.View.ID.UUID()})
	return nil
}

// verifySMS answers POST /fraud/verify-sms. Whatever is not the right code in its time is false, and nobody is told why (ID-47).
func (d *Door) verifySMS(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(r)
	if err != nil {
		return err
	}
	id, code := f.text("request_id", 1, maxName), f.text("received_code", 1, maxName)
	switch {
	case f.err != nil:
		return f.err
	case id == "":
		return errMissing("request_id")
	case code == "":
		return errMissing("received_code")
	case !refForm.MatchString(id):
		return errBad("request_id", "Give the request_id of send-sms.")
	case !codeForm.MatchString(code):
		return errBad("received_code", "Give the four digits of the message.")
	}
	ask := verify.CheckRequest{Caller: caller(r.Context()), Code: code}
	if ask.ID, err = uid.ParseUUID(id); err != nil || ask.ID.IsZero() {
		ask.ID = uid.Random(d.Now()) // nobody's: it takes the same road, and the same time (SEC-80)
	}
	a, err := d.cfg.Verifications.Check(r.Context(), ask)
	if err != nil && !refused(err) {
		return err
	}
	write(w, http.StatusOK, map[string]bool{"is_verified": err == nil && a.Valid})
	return nil
}

// refused reports whether a check is answered by false: there is no such code, it could not be one of it, or wrong codes pause.
func refused(err error) bool {
	f := fault.As(err)
	return f.Kind == fault.NotFound || f.Code == "code_invalid" || f.Kind == fault.Limited
}

// The words for what nobody here has looked up.
const unknown = "unknown"

// routesOf are the vendor's words for lines. What is not here is unknown.
var routesOf = map[recipient.LineType]string{
	recipient.Mobile: "mobile", recipient.Landline: "landline", recipient.Premium: "landline_premium", recipient.SharedCost: "landline_premium",
	recipient.TollFree: "landline_tollfree", recipient.VoIP: "virtual", recipient.Pager: "pager",
}

// risks are ours, from 0 to 99: how likely it is that a line can't be one person's own.
var risks = map[recipient.LineType]int{
	recipient.Mobile: 0, recipient.FixedOrMobile: 10, recipient.Landline: 40, recipient.VoIP: 60, recipient.Pager: 80, recipient.TollFree: 90,
	recipient.UAN: 90, recipient.Personal: 60, recipient.Voicemail: 90, recipient.SharedCost: 90, recipient.Premium: 95,
}

const (
	riskUnknown = 50
	riskNone    = 99 // there is no such number
)

// numberInfo is what is known of a number (b.3).
type numberInfo struct {
	RiskScore       int    `json:"risk_score"`
	CountryCode     string `json:"country_code"`
	CurrentNetwork  string `json:"current_network"`
	OriginalNetwork string `json:"original_network"`
	CurrentRoute    string `json:"current_route"`
	Availability    string `json:"availability"`
	Validity        string `json:"validity"`
	Roaming         string `json:"roaming"`
	RoamingCountry  string `json:"roaming_country"`
	RoamingNetwork  string `json:"roaming_network_name"`
	RequestID       string `json:"request_id"`
}

// validatePhone answers POST /fraud/validate-phone from published number ranges. It contacts nobody and keeps nothing (ID-50).
func (d *Door) validatePhone(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(r)
	if err != nil {
		return err
	}
	number := f.number()
	if where := f.text("current_location", 2, 2); where != "" && strings.ContainsFunc(where, func(r rune) bool { return (r|0x20) < 'a' || (r|0x20) > 'z' }) {
		f.bad("current_location", "Give two letters, such as DE.")
	}
	if f.err != nil {
		return f.err
	}
	out := numberInfo{
		RiskScore: riskNone, CurrentNetwork: unknown, OriginalNetwork: unknown, CurrentRoute: unknown, Availability: unknown,
		Validity: "inferred_not_valid", Roaming: unknown, RequestID: uid.Random(d.Now()).UUID(),
	}
	if n, err := recipient.Inspect(number, d.cfg.Rules); err == nil {
		out.Validity, out.CountryCode, out.RiskScore = "inferred", n.Country, riskUnknown
		if route, ok := routesOf[n.LineType]; ok {
			out.CurrentRoute = route
		}
		if risk, ok := risks[n.LineType]; ok {
			out.RiskScore = risk
		}
	}
	write(w, http.StatusOK, out)
	return nil
}
