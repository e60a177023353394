package twilio

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/tenant"
)

// Settings of a service that the core does not know, by their names in tenant.Service.Vendor.
const (
	setCustomCode     = "twilio.custom_code_enabled"
	setLookup         = "twilio.lookup_enabled"
	setSkipLandlines  = "twilio.skip_sms_to_landlines"
	setWarning        = "twilio.do_not_share_warning_enabled"
	setPsd2           = "twilio.psd2_enabled"
	setDTMF           = "twilio.dtmf_input_required"
	setTTS            = "twilio.tts_name"
	setTemplate       = "twilio.default_template_sid"
	setIssuer         = "twilio.totp.issuer"
	setTimeStep       = "twilio.totp.time_step"
	setTOTPLength     = "twilio.totp.code_length"
	setSkew           = "twilio.totp.skew"
	setWhatsAppSender = "twilio.whatsapp.msg_service_sid"
	setWhatsAppFrom   = "twilio.whatsapp.from"
	setPushDate       = "twilio.push.include_date"
	setAPN            = "twilio.push.apn_credential_sid"
	setFCM            = "twilio.push.fcm_credential_sid"
	setPartyID        = "twilio.passkeys.relying_party.id"
	setPartyName      = "twilio.passkeys.relying_party.name"
	setPartyOrigins   = "twilio.passkeys.relying_party.origins"
	setAttachment     = "twilio.passkeys.authenticator_attachment"
	setDiscoverable   = "twilio.passkeys.discoverable_credentials"
	setUserCheck      = "twilio.passkeys.user_verification"
	setSubscription   = "twilio.verify_event_subscription_enabled"

	// What the door notes about a service itself.
	setFriendlyName = "twilio.friendly_name" // as it was given, where the profile's name had to be another
	setNamedAs      = "twilio.named_as"      // the profile's name then; after a renaming elsewhere that name counts
	setDeleted      = "twilio.deleted"       // deleted while a verification of it was open: hidden here, removed later
)

// setting is one parameter of a service and where it is kept.
type setting struct {
	parameter, key string
	read           reader
}

// settings are all parameters of a service but FriendlyName and CodeLength, which are the profile's own.
func settings() []setting {
	const short, long = 255, 512
	return []setting{
		{"CustomCodeEnabled", setCustomCode, boolean},
		{"LookupEnabled", setLookup, boolean},
		{"SkipSmsToLandlines", setSkipLandlines, boolean},
		{"DoNotShareWarningEnabled", setWarning, boolean},
		{"Psd2Enabled", setPsd2, boolean},
		{"DtmfInputRequired", setDTMF, boolean},
		{"TtsName", setTTS, text(short)},
		{"DefaultTemplateSid", setTemplate, sidOf(sidTemplate)},
		{"Totp.Issuer", setIssuer, text(short)},
		{"Totp.TimeStep", setTimeStep, between(20, 60)},
		{"Totp.CodeLength", setTOTPLength, between(3, 8)},
		{"Totp.Skew", setSkew, between(0, 2)},
		{"Whatsapp.MsgServiceSid", setWhatsAppSender, text(short)},
		{"Whatsapp.From", setWhatsAppFrom, text(short)},
		{"Push.IncludeDate", setPushDate, boolean},
		{"Push.ApnCredentialSid", setAPN, text(short)},
		{"Push.FcmCredentialSid", setFCM, text(short)},
		{"Passkeys.RelyingParty.Id", setPartyID, text(short)},
		{"Passkeys.RelyingParty.Name", setPartyName, text(short)},
		{"Passkeys.RelyingParty.Origins", setPartyOrigins, text(long)},
		{"Passkeys.AuthenticatorAttachment", setAttachment, oneOf("platform", "cross-platform", "any")},
		{"Passkeys.DiscoverableCredentials", setDiscoverable, oneOf("required", "preferred", "discouraged")},
		{"Passkeys.UserVerification", setUserCheck, oneOf("required", "preferred", "discouraged")},
		{"VerifyEventSubscriptionEnabled", setSubscription, boolean},
	}
}

// changes are what a form sets of a service.
type changes struct {
	friendlyName string // empty: left as it is
	codeLength   int    // zero: left as it is
	vendor       map[string]string
}

// readChanges reads what form sets. The first parameter that can't be taken is refused.
func (d *door) readChanges(form url.Values) (c changes, err error) {
	c.vendor = map[string]string{}
	if form.Has("FriendlyName") {
		c.friendlyName = form.Get("FriendlyName")
		if c.friendlyName == "" || !isText(c.friendlyName, maxFriendlyName) || strings.Contains(c.friendlyName, delivery.CodeSlot) {
			return c, invalid("FriendlyName", "Give a name of 1 to 32 characters, without "+delivery.CodeSlot+".")
		}
	}
	if form.Has("CodeLength") {
		length, ok := between(4, 10)(form.Get("CodeLength"))
		if !ok {
			return c, invalid("CodeLength", "Give a number from 4 to 10.")
		}
		c.codeLength, _ = strconv.Atoi(length) // it was one
	}
	for _, s := range settings() {
		if !form.Has(s.parameter) {
			continue
		}
		value, ok := s.read(form.Get(s.parameter))
		if !ok {
			return c, invalid(s.parameter, "")
		}
		if s.key == setTemplate && value != "" && d.template(value) == nil {
			return c, errTemplate
		}
		c.vendor[s.key] = value
	}
	return c, nil
}

// apply sets on s all of c but the name. The settings of s are its own.
func (c changes) apply(s *tenant.Service) {
	if c.codeLength > 0 {
		s.CodeLength = c.codeLength
	}
	for key, value := range c.vendor {
		s.SetVendor(key, value)
	}
}

// is reports whether a flag of s is set.
func is(s tenant.Service, key string) bool { return s.Vendor[key] == "true" }
