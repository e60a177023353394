package invite

import (
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/uid"
)

// Gate is one contact proof of an invitation. Its JSON is that of the stored row.
type Gate struct {
	Channel   delivery.Channel `json:"channel"`           // sms or email: the kind of contact
	Fixed     bool             `json:"fixed"`             // the contact is the firm's; the customer may only confirm it
	Contact   []byte           `json:"contact,omitempty"` // normal form, sealed; nil: not entered yet
	Masked    string           `json:"masked,omitempty"`
	Index     [16]byte         `json:"index"` // blind index of the contact
	MaxSends  int              `json:"max_sends"`
	MaxCycles int              `json:"max_cycles"`

	Cycle       int       `json:"cycle"`              // from 1
	Sends       int       `json:"sends"`              // of the cycle, that count against the customer
	N           int       `json:"n"`                  // starts in all, also those that count no more: part of the idempotency key
	Starting    bool      `json:"starting,omitempty"` // send N is counted, and that it was started is not known yet
	Asker       [32]byte  `json:"asker"`              // the session that asked for send N: the code is for no other (RA-33)
	Verified    uid.ID    `json:"verification"`       // of send N; zero: none
	CodeEnds    time.Time `json:"code_ends"`
	NextSendAt  time.Time `json:"next_send_at"`
	LockedUntil time.Time `json:"locked_until"`   // no send and no check before
	Shut        bool      `json:"shut,omitempty"` // only the firm can unlock (RA-39)
	PassedAt    time.Time `json:"passed_at"`      // zero: not
	PassedBy    [32]byte  `json:"passed_by"`      // the session
	Proof       uid.ID    `json:"proof"`          // the verification that was approved (RA-42)
}
