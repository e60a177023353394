package invite

import "slices"

// Status is how far an invitation has come.
type Status string

// The statuses (RA b.5). Completed, Declined, Expired and Canceled are the last ones.
const (
	Created        Status = "created"         // the link is on its way, or with the caller
	Sent           Status = "sent"            // a provider took it
	Undeliverable  Status = "undeliverable"   // it did not arrive by any channel
	Opened         Status = "opened"          // a person, or a machine that reads links
	MobilePending  Status = "mobile_pending"  // a code was asked for; also of an e-mail gate
	MobileVerified Status = "mobile_verified" // all gates are passed
	MobileFailed   Status = "mobile_failed"   // the limits of a gate are used up
	ConsentPending Status = "consent_pending"
	Consented      Status = "consented"
	HandedOff      Status = "handed_off" // the customer was sent on with the signed result
	Completed      Status = "completed"
	Declined       Status = "declined"
	Expired        Status = "expired"
	Canceled       Status = "canceled"
)

// Statuses are all of them, in the order of the documents.
var Statuses = []Status{Created, Sent, Undeliverable, Opened, MobilePending, MobileVerified, MobileFailed, ConsentPending, Consented,
	HandedOff, Completed, Declined, Expired, Canceled}

// Terminal reports whether nothing follows.
func (s Status) Terminal() bool {
	return slices.Contains([]Status{Completed, Declined, Expired, Canceled}, s)
}

func (s Status) known() bool { return slices.Contains(Statuses, s) }
