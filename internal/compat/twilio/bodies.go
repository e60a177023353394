package twilio

import (
	"net/http"
	"strconv"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/verify"
)

// url is the URL of a path of this server, as the client of r reaches it.
func (d *door) url(r *http.Request, path string) string { return d.Origin(r) + path }

// serviceBody is a service in answers.
type serviceBody struct {
	SID              string            `json:"sid"`
	AccountSID       string            `json:"account_sid"`
	FriendlyName     string            `json:"friendly_name"`
	CodeLength       int               `json:"code_length"`
	Lookup           bool              `json:"lookup_enabled"`
	Psd2             bool              `json:"psd2_enabled"`
	SkipLandlines    bool              `json:"skip_sms_to_landlines"`
	DTMF             bool              `json:"dtmf_input_required"`
	TTSName          *string           `json:"tts_name"`
	Warning          bool              `json:"do_not_share_warning_enabled"`
	CustomCode       bool              `json:"custom_code_enabled"`
	Push             map[string]any    `json:"push"`
	TOTP             map[string]any    `json:"totp"`
	Template         *string           `json:"default_template_sid"`
	WhatsApp         map[string]any    `json:"whatsapp"`
	Passkeys         map[string]any    `json:"passkeys"`
	EventsSubscribed bool              `json:"verify_event_subscription_enabled"`
	DateCreated      string            `json:"date_created"`
	DateUpdated      string            `json:"date_updated"`
	URL              string            `json:"url"`
	Links            map[string]string `json:"links"`
}

func (d *door) serviceBody(r *http.Request, s tenant.Service) serviceBody {
	at := d.url(r, Mount+"/v2/Services/"+sid(sidService, s.ID))
	return serviceBody{
		SID: sid(sidService, s.ID), AccountSID: account(r.Context()), FriendlyName: friendlyName(s), CodeLength: s.CodeLength,
		Lookup: is(s, setLookup), Psd2: is(s, setPsd2), SkipLandlines: is(s, setSkipLandlines),
		DTMF: s.Vendor[setDTMF] != "false", TTSName: orNull(s, setTTS), Warning: is(s, setWarning), CustomCode: is(s, setCustomCode),
		Push: map[string]any{"include_date": is(s, setPushDate), "apn_credential_sid": orNull(s, setAPN), "fcm_credential_sid": orNull(s, setFCM)},
		TOTP: map[string]any{"issuer": issuer(s), "time_step": number(s, setTimeStep, 30), "code_length": number(s, setTOTPLength, 6),
			"skew": number(s, setSkew, 1)},
		Template: orNull(s, setTemplate),
		WhatsApp: map[string]any{"msg_service_sid": orNull(s, setWhatsAppSender), "from": orNull(s, setWhatsAppFrom)},
		Passkeys: map[string]any{
			"relying_party":            map[string]any{"id": orNull(s, setPartyID), "name": orNull(s, setPartyName), "origins": orNull(s, setPartyOrigins)},
			"authenticator_attachment": orNull(s, setAttachment), "discoverable_credentials": orNull(s, setDiscoverable),
			"user_verification": orNull(s, setUserCheck),
		},
		EventsSubscribed: is(s, setSubscription),
		DateCreated:      stamp(s.CreatedAt), DateUpdated: stamp(s.UpdatedAt), URL: at,
		Links: map[string]string{
			"verifications": at + "/Verifications", "verification_checks": at + "/VerificationCheck", "rate_limits": at + "/RateLimits",
			"messaging_configurations": at + "/MessagingConfigurations", "entities": at + "/Entities", "webhooks": at + "/Webhooks",
			"access_tokens": at + "/AccessTokens",
		},
	}
}

// orNull is a setting of s, or null without it.
func orNull(s tenant.Service, key string) *string {
	if value := s.Vendor[key]; value != "" {
		return &value
	}
	return nil
}

// number is a setting of s that is one, or what holds without it.
func number(s tenant.Service, key string, otherwise int) int {
	if n, err := strconv.Atoi(s.Vendor[key]); err == nil {
		return n
	}
	return otherwise
}

// verificationBody is a verification in answers. A check has neither attempts nor a URL.
type verificationBody struct {
	SID         string         `json:"sid"`
	ServiceSID  string         `json:"service_sid"`
	AccountSID  string         `json:"account_sid"`
	To          string         `json:"to"`
	Channel     string         `json:"channel"`
	Status      string         `json:"status"`
	Valid       bool           `json:"valid"`
	Lookup      map[string]any `json:"lookup,omitempty"`
	Amount      *string        `json:"amount"`
	Payee       *string        `json:"payee"`
	Attempts    []attemptBody  `json:"send_code_attempts,omitempty"`
	DateCreated string         `json:"date_created"`
	DateUpdated string         `json:"date_updated"`
	SNA         *struct{}      `json:"sna"`
	URL         string         `json:"url,omitempty"`
}

// attemptBody is one send.
type attemptBody struct {
	SID     string `json:"attempt_sid"`
	Channel string `json:"channel"`
	Time    string `json:"time"`
}

// found is a verification that an answer tells of.
type found struct {
	service tenant.Service
	view    verify.View
	to      string                // in full, where the caller may see it
	bound   *delivery.Transaction // nil: none
}

func (d *door) verificationBody(r *http.Request, f found) verificationBody {
	v := &f.view
	b := verificationBody{
		SID: sid(sidVerification, v.ID), ServiceSID: sid(sidService, v.Service), AccountSID: account(r.Context()), To: f.to,
		Channel: channelWord(v.Channel), Status: statusWord(v.Status), Valid: v.Status == verify.Approved, Lookup: d.lookup(f),
		DateCreated: stamp(v.CreatedAt), DateUpdated: stamp(v.CreatedAt),
		URL: d.url(r, Mount+"/v2/Services/"+sid(sidService, v.Service)+"/Verifications/"+sid(sidVerification, v.ID)),
	}
	if f.bound != nil {
		b.Amount, b.Payee = &f.bound.Amount, &f.bound.Payee
	}
	for _, s := range v.Sends {
		b.Attempts = append(b.Attempts, attemptBody{
			SID: sendSID(v.ID, s.N), Channel: channelWord(s.Channel), Time: s.At.UTC().Format("2006-01-02T15:04:05.000Z"),
		})
		b.DateUpdated = stamp(s.At)
	}
	if !v.EndedAt.IsZero() {
		b.DateUpdated = stamp(v.EndedAt)
	}
	return b
}

// lookup tells about the line of a number as far as its range does, for services that want it.
func (d *door) lookup(f found) map[string]any {
	none := map[string]any{"carrier": nil}
	if !is(f.service, setLookup) {
		return none
	}
	to, err := recipient.Parse(f.to, d.Rules)
	if err != nil || to.Kind != recipient.Phone {
		return none
	}
	carrier := map[string]any{"mobile_country_code": nil, "mobile_network_code": nil, "name": nil, "type": nil, "error_code": nil}
	switch to.LineType {
	case recipient.Mobile, recipient.FixedOrMobile:
		carrier["type"] = "mobile"
	case recipient.Landline, recipient.VoIP:
		carrier["type"] = string(to.LineType)
	}
	return map[string]any{"carrier": carrier}
}

// channelWord is a channel as Twilio calls it.
func channelWord(ch delivery.Channel) string {
	if ch == delivery.Voice {
		return "call"
	}
	return string(ch)
}

// statusWord is a status as Twilio calls it.
func statusWord(s verify.Status) string {
	switch s {
	case verify.Exhausted:
		return "max_attempts_reached"
	case verify.Superseded:
		return "canceled"
	case verify.Denied, verify.Challenge:
		return "failed"
	}
	return string(s)
}
