package relay

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/egress"
)

// What a receipt names its delivery by.
const (
	ByDelivery  = "delivery_id" // ours, as we sent it
	ByReference = "reference"   // the receiver's own, as it answered
)

// Config is one relay of the configuration.
type Config struct {
	Name           string             `yaml:"name" json:"name"`
	Channels       []delivery.Channel `yaml:"channels" json:"channels"`               // sms, voice, whatsapp
	URL            string             `yaml:"url" json:"url"`                         // where messages are posted
	Secret         delivery.Secret    `yaml:"secret" json:"secret"`                   // whsec_ and base64 of 24 to 64 bytes
	PreviousSecret delivery.Secret    `yaml:"previous_secret" json:"previous_secret"` // still valid while receivers change over
	Receipts       string             `yaml:"receipts" json:"receipts"`               // ByDelivery (default) or ByReference
}

// Validate lists every fault. Empty: none.
func (c Config) Validate() []string {
	var faults []string
	if c.Name == "" {
		faults = append(faults, "name is missing")
	}
	if len(c.Channels) == 0 {
		faults = append(faults, "channels names none; a relay carries sms, voice and whatsapp")
	}
	for _, ch := range c.Channels {
		if ch == delivery.Email || !slices.Contains(delivery.Channels, ch) {
			faults = append(faults, fmt.Sprintf("channels: a relay does not carry %q; it carries sms, voice and whatsapp", ch))
		}
	}
	if err := egress.CheckURL(c.URL); err != nil {
		faults = append(faults, "url: "+err.Error())
	}
	if _, err := parseSecret(c.Secret); err != nil {
		faults = append(faults, "secret: "+err.Error())
	}
	if c.PreviousSecret != "" {
		if _, err := parseSecret(c.PreviousSecret); err != nil {
			faults = append(faults, "previous_secret: "+err.Error())
		}
	}
	if c.Receipts != "" && c.Receipts != ByDelivery && c.Receipts != ByReference {
		faults = append(faults, "receipts must be delivery_id or reference")
	}
	return faults
}

// secretPrefix stands before a key in text (Standard Webhooks, signature scheme).
const secretPrefix = "whsec_"

var errSecret = errors.New("must be whsec_ and the base64 of 24 to 64 random bytes; make one with: " +
	"echo whsec_$(openssl rand -base64 32)")

// parseSecret gives the key of a secret.
func parseSecret(s delivery.Secret) ([]byte, error) {
	text, ok := strings.CutPrefix(s.Reveal(), secretPrefix)
	if !ok {
		return nil, errSecret
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errSecret // the cause would hold a part of the secret
	}
	return key, nil
}
