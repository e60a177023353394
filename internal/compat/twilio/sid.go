package twilio

import (
	"strings"

	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
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
	sidLimit        = "RK"
	sidBucket       = "BL"
	sidWebhook      = "YW"
	sidSafeNumber   = "GN"
)

// version7 is what the seventh byte of each of our identifiers begins with.
const version7 = 0x70

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

// maxSend is the greatest number of a send that numbered has room for.
const maxSend = 15

// sendSID names send n of a verification.
func sendSID(verification uid.ID, n int) string {
	return sid(sidSend, numbered(verify.SendRef{Verification: verification, N: n}))
}

// numbered is the verification's bits, with the number of a send in the place of the four that say version 7 in each of our
// identifiers. So both can be read back from it.
func numbered(ref verify.SendRef) uid.ID {
	id := ref.Verification
	id[6] = byte(ref.N)<<4 | id[6]&0x0f
	return id
}

// sendOf reads what numbered wrote. Other bits may give a number that no send has.
func sendOf(id uid.ID) verify.SendRef {
	n := int(id[6] >> 4)
	id[6] = version7 | id[6]&0x0f
	return verify.SendRef{Verification: id, N: n}
}
