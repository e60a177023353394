package twilio

import (
	"strings"

	"github.com/countersign/countersign/internal/uid"
)

// The prefixes of SIDs in use.
const (
	sidAccount      = "AC"
	sidKey          = "SK"
	sidService      = "VA"
	sidVerification = "VE"
	sidSend         = "VL"
	sidTemplate     = "HJ"
	sidEntity       = "YE"
	sidFactor       = "YF"
	sidChallenge    = "YC"
	sidSafeNumber   = "GN"
)

// sid is an identifier as Twilio writes it.
func sid(prefix string, id uid.ID) string { return prefix + id.Hex() }

// parseSID reads what sid wrote. All zeros are nobody's.
func parseSID(prefix, s string) (uid.ID, bool) {
	rest, ok := strings.CutPrefix(s, prefix)
	if !ok {
		return uid.ID{}, false
	}
	id, err := uid.ParseHex(rest)
	return id, err == nil && !id.IsZero()
}

// sendSID names send n, from 1 to 15, of a verification: the verification's bits, with n in the place of the four that
// say version 7 in each of our identifiers. So both can be read back from it.
func sendSID(verification uid.ID, n int) string {
	verification[6] = byte(n)<<4 | verification[6]&0x0f
	return sid(sidSend, verification)
}
