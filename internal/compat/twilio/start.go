package twilio

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// ofStart are the parameters that the fields of a start come from.
var ofStart = map[string]string{
	"to": "To", "channel": "Channel", "code": "CustomCode", "locale": "Locale", "metadata": "Tags", "text": "CustomFriendlyName",
	"client.ip": "DeviceIp", "rate_limits": "RateLimits", "transaction.amount": "Amount", "transaction.payee": "Payee",
}

// starting is a create on its way: the request that it becomes.
type starting struct {
	*door
	service tenant.Service
	form    url.Values
	to      recipient.Recipient
	req     verify.StartRequest
}

// createVerification starts a verification, or sends the code of the open one again. Both answer 201.
func (d *door) createVerification(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	st := &starting{door: d, service: s, form: form, req: verify.StartRequest{
		Caller: caller(r.Context()), Service: s.ID.Text(uid.Service),
		Rules: &verify.Rules{TTL: d.Life, HoldExhausted: true, KeepCode: true},
	}}
	for _, read := range []func() error{st.readRecipient, st.readPayment, st.readCode, st.readWords, st.readExtras} {
		if err := read(); err != nil {
			return err
		}
	}
	answer, err := d.start(r.Context(), st)
	if err != nil {
		return err
	}
	body := d.verificationBody(r, found{service: s, view: answer.View, to: answer.View.To, bound: st.req.Transaction})
	reply(w, http.StatusCreated, body)
	return nil
}

// start asks for the verification and puts refusals in Twilio's terms.
func (d *door) start(ctx context.Context, st *starting) (verify.StartAnswer, error) {
	answer, err := d.Verifications.Start(ctx, st.req)
	switch {
	case err == nil && answer.View.Status != verify.Pending: // the risk engine said no
		return answer, errBlocked
	case err == nil:
		return answer, nil
	}
	f := fault.As(err)
	if f.Kind != fault.Invalid {
		return answer, err
	}
	switch f.Code {
	case "service_unknown": // deleted a moment ago
		return answer, errGone
	case "channel_unavailable":
		return answer, st.noRoute()
	}
	return answer, byParameter(err, ofStart)
}

// noRoute is the refusal of a channel that the profile does not allow or no provider carries.
func (st *starting) noRoute() error {
	ch := st.req.Channel
	switch off := len(st.service.Channels) > 0 && !slices.Contains(st.service.Channels, string(ch)); {
	case !off && ch == delivery.Email:
		return errNoEmail
	case !off && ch == delivery.WhatsApp:
		return errWhatsApp
	}
	return errChannelOff
}

// channels are Twilio's words for them. auto begins with a carrier's silent check, which there is none of here, and falls
// back to sms.
var channels = map[string]delivery.Channel{
	"sms": delivery.SMS, "call": delivery.Voice, "email": delivery.Email, "whatsapp": delivery.WhatsApp, "auto": delivery.SMS,
}

// readRecipient reads To and Channel.
func (st *starting) readRecipient() (err error) {
	for _, name := range []string{"To", "Channel"} {
		if st.form.Get(name) == "" {
			return missing(name)
		}
	}
	word := strings.ToLower(st.form.Get("Channel"))
	if word == "sna" {
		return errChannelOff
	}
	ch, ok := channels[word]
	if !ok {
		return invalid("Channel", "Use sms, call, whatsapp or email.")
	}
	st.req.To, st.req.Channel = st.form.Get("To"), ch
	if st.to, err = recipient.Parse(st.req.To, st.Rules); err != nil {
		return invalid("To", fault.As(err).Message)
	}
	if (st.to.Kind == recipient.Email) != (ch == delivery.Email) {
		return invalid("To", "Give an e-mail address for email, and a phone number in E.164 form for other channels.")
	}
	if ch == delivery.SMS && st.to.LineType == recipient.Landline && is(st.service, setLookup) && is(st.service, setSkipLandlines) {
		return errLandline
	}
	return nil
}

// readPayment reads Amount and Payee, which only count with PSD2. The amount is any text, so it has no currency of its own.
func (st *starting) readPayment() error {
	if !is(st.service, setPsd2) {
		return nil
	}
	if st.req.Channel == delivery.Voice {
		return errPsd2Call
	}
	st.req.Transaction = payment(st.form)
	if st.req.Transaction == nil {
		return errPsd2
	}
	return nil
}

// payment is what a form says about one, nil when it does not say both things.
func payment(form url.Values) *delivery.Transaction {
	t := &delivery.Transaction{Amount: form.Get("Amount"), Payee: form.Get("Payee")}
	if t.Amount == "" || t.Payee == "" {
		return nil
	}
	return t
}

// readCode reads CustomCode.
func (st *starting) readCode() error {
	code := st.form.Get("CustomCode")
	if code == "" {
		return nil
	}
	if !is(st.service, setCustomCode) {
		return errCustomCode
	}
	if n := utf8.RuneCountInString(code); n < 4 || n > 10 {
		return invalid("CustomCode", "Give 4 to 10 letters and digits.")
	}
	st.req.Code = code
	return nil
}

// readWords reads what the message shall say.
func (st *starting) readWords() error {
	st.req.Locale = st.form.Get("Locale")
	if st.req.Locale != "" && !isLanguage(st.req.Locale) {
		return invalid("Locale", "")
	}
	t, err := st.readTemplate()
	if err != nil {
		return err
	}
	m := wording{template: t, life: st.Life, name: friendlyName(st.service), profile: st.service.Name, warning: is(st.service, setWarning), appHash: st.form.Get("AppHash")}
	if m.appHash != "" && st.req.Channel != delivery.SMS {
		return errAppHash
	}
	if m.appHash != "" && !appHash.MatchString(m.appHash) {
		return invalid("AppHash", "Give the 11 characters that Android computes for your application.")
	}
	if own := st.form.Get("CustomFriendlyName"); own != "" {
		if !delivery.Showable(own, maxName) {
			return invalid("CustomFriendlyName", "Give a name of at most 32 characters, without links.")
		}
		m.name, m.own = own, true
	}
	st.req.Text = m.text(st.req.Channel, st.req.Locale, st.req.Transaction != nil)
	return nil
}

// Bounds of Tags.
const (
	maxTags     = 10
	maxTagName  = 64 // the most that is kept; Twilio has 128
	maxTagValue = 128
)

// readExtras reads what goes with a verification and is not shown to the person.
func (st *starting) readExtras() error {
	if text := st.form.Get("RateLimits"); text != "" {
		limits, ok := limitValues(text)
		if !ok {
			return invalid("RateLimits", "Give a JSON object of names of rate limits, each with a text or a number.")
		}
		st.req.RateLimits = limits
	}
	if err := checkPassedOver(st.form); err != nil {
		return err
	}
	switch strings.ToLower(st.form.Get("RiskCheck")) {
	case "", "enable":
	case "disable":
		st.req.Rules.Vouched = true
	default:
		return invalid("RiskCheck", "Use enable or disable.")
	}
	if ip := st.form.Get("DeviceIp"); ip != "" {
		st.req.Client = &verify.Client{IP: ip}
	}
	tags := st.form.Get("Tags")
	if tags == "" {
		return nil
	}
	var metadata map[string]string
	if json.Unmarshal([]byte(tags), &metadata) != nil || len(metadata) > maxTags {
		return invalid("Tags", "Give a JSON object of at most 10 texts.")
	}
	for name, value := range metadata {
		if name == "" || !isText(name, maxTagName) || !isText(value, maxTagValue) {
			return invalid("Tags", "Give names of 1 to 64 and values of at most 128 printable characters.")
		}
	}
	st.req.Metadata = metadata
	return nil
}
