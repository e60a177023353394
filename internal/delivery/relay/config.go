package relay

import (
	"fmt"
	"slices"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/signing"
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
	if err := signing.CheckSecret(c.Secret.Reveal()); err != nil {
		faults = append(faults, "secret: "+err.Error())
	}
	if c.PreviousSecret != "" {
		if err := signing.CheckSecret(c.PreviousSecret.Reveal()); err != nil {
			faults = append(faults, "previous_secret: "+err.Error())
		}
	}
	if c.Receipts != "" && c.Receipts != ByDelivery && c.Receipts != ByReference {
		faults = append(faults, "receipts must be delivery_id or reference")
	}
	return faults
}
