package app

import (
	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/uid"
)

// TwilioCredentials are a tenant and a key of its as Twilio's libraries are configured with them.
type TwilioCredentials struct {
	AccountSID string `json:"account_sid"`
	KeySID     string `json:"key_sid"`    // in place of the account, with the same token as its secret
	AuthToken  string `json:"auth_token"` // as secret as the key
}

// TwilioOf spells the credentials of a tenant's key, whose secret is given, for Twilio's libraries.
func TwilioOf(t uid.Tenant, key uid.ID, secret string) TwilioCredentials {
	return TwilioCredentials{AccountSID: twilio.AccountSID(t), KeySID: twilio.KeySID(key), AuthToken: twilio.AuthToken(secret)}
}
