// Package sandbox is the table of numbers that mean something in a sandbox, the tenant whose messages are never sent.
//
// A number of the table stands for what else only a carrier or the risk engine could bring about: a start that is refused,
// a line of some kind, a message that comes to some end. Every other recipient is an ordinary one whose messages arrive.
// The numbers are of the range that North America keeps for fiction (ATIS-0300115), so that they are valid everywhere and
// nobody's. For a tenant that is no sandbox they mean nothing: whoever asks has made sure of that.
//
// Words only: verify refuses, delivery ends messages, doors tell what a number is. docs/compat-mta.md prints the table.
package sandbox

import "github.com/countersign/countersign/internal/recipient"

// Provider is the name of what takes the messages of sandboxes. No provider of the configuration has it.
const Provider = "sandbox"

// FixedNumber is the test number that every sandbox has from the start, and FixedCode its code.
const (
	FixedNumber = "+12025550170"
	FixedCode   = "000000"
)

// End is what becomes of a message.
type End string

// The ends.
const (
	Delivered     End = "delivered"
	Sent          End = "sent"          // taken, and nothing is heard of it again
	Undelivered   End = "undelivered"   // taken, and given up later
	Undeliverable End = "undeliverable" // refused: there is no such recipient
	Unknown       End = "unknown"       // it is not known whether it left
	Rejected      End = "rejected"      // refused: not this message
)

// The reasons for which a start is refused, in the words of risk decisions.
const (
	DenyList  = "deny_list"
	OptedOut  = "opted_out"
	Suspended = "suspended"
)

// Meaning is what a recipient stands for.
type Meaning struct {
	Deny        string             // the reason for which a start is refused; empty: it is not
	Line        recipient.LineType // the line, where that is not what the number's range says
	Deactivated bool               // nobody has the number any more
	End         End                // of its messages
}

// Of is what a recipient in its normal form means in a sandbox.
func Of(to string) Meaning {
	if m, ok := meanings[to]; ok {
		if m.End == "" {
			m.End = Delivered
		}
		return m
	}
	return Meaning{End: Delivered}
}

// meanings are all numbers that mean something. They are documented: they never change.
var meanings = map[string]Meaning{
	"+12025550180": {Deny: DenyList},
	"+12025550181": {Deny: OptedOut},
	"+12025550182": {Deny: Suspended},
	"+12025550183": {Deactivated: true, End: Undeliverable},
	"+12025550184": {Line: recipient.Landline},
	"+12025550185": {Line: recipient.VoIP},
	"+12025550186": {Line: recipient.Unknown},

	"+12025550190": {End: Sent},
	"+12025550191": {End: Undelivered},
	"+12025550192": {End: Undeliverable},
	"+12025550193": {End: Unknown},
	"+12025550194": {End: Rejected},
}
