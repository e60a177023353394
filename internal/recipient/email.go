package recipient

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"github.com/countersign/countersign/internal/fault"
)

// The limits of RFC 5321 §4.5.3.1 in octets; 254 is what remains of a 256-octet path without its brackets
// (RFC 3696, erratum 1690). A domain and its labels: RFC 1035 §2.3.4.
const (
	maxAddress = 254
	maxLocal   = 64
	maxDomain  = 253
	maxLabel   = 63
)

// parseEmail reads an addr-spec: the dot-atom form of RFC 5321 §4.1.2 with the Unicode letters of RFC 6531. Display
// names, quoted local parts, comments, address literals and domains of one label are refused: hardly a mailbox needs
// them, and header injection does.
//
// The normal form is all lower case, the local part in NFC, the domain in A-labels (RFC 5890). RFC 5321 §2.4 leaves
// the case of a local part to its host and advises every host against minding it; the large ones don't. Had the case
// been kept, a stranger could write one mailbox in thousands of ways and find the limits of each unspent. What is
// sent to is the normal form, so the address that a limit counts is the address that gets the code.
//
// Nothing else is folded. Dots and +tags differ from host to host: folding them could send one person's code to another.
func parseEmail(s string) (Recipient, error) {
	s = strings.Trim(s, " ")
	at := strings.LastIndexByte(s, '@')
	if at < 0 || len(s) > maxAddress {
		return Recipient{}, errEmail()
	}
	local, ok := normalLocal(s[:at])
	if !ok {
		return Recipient{}, errEmail()
	}
	domain, ok := normalDomain(s[at+1:])
	if !ok || len(local)+1+len(domain) > maxAddress {
		return Recipient{}, errEmail()
	}
	return Recipient{Kind: Email, Value: local + "@" + domain}, nil
}

// normalLocal checks and folds a local part.
func normalLocal(s string) (string, bool) {
	if s == "" || len(s) > maxLocal ||
		s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return "", false
	}
	for _, r := range s {
		if !localRune(r) {
			return "", false
		}
	}
	folded := norm.NFC.String(strings.ToLower(norm.NFC.String(s)))
	if len(folded) > maxLocal || norm.NFC.String(strings.ToLower(folded)) != folded {
		return "", false
	}
	return folded, true
}

// localRune reports whether r may stand in a local part: atext of RFC 5322 §3.2.3 and the dot, or a letter, mark or
// digit of another script. Refused are those that folding would turn into ASCII, such as the Kelvin sign or the
// dotted capital I: the code would go to another person's address than the one that was typed.
func localRune(r rune) bool {
	if r < utf8.RuneSelf {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~.", r)
	}
	if !unicode.In(r, unicode.L, unicode.M, unicode.Nd) || unicode.ToLower(r) < utf8.RuneSelf {
		return false
	}
	return strings.IndexFunc(norm.NFKC.String(string(r)), isASCII) < 0
}

func isASCII(r rune) bool { return r < utf8.RuneSelf }

// normalDomain checks a domain and gives it in lower-case A-labels, mapped as a browser would (UTS #46).
func normalDomain(s string) (string, bool) {
	domain := s
	if !isPlainDomain(s) { // the mapping changes nothing in plain names and costs a hundred times their check
		var ok bool
		if domain, ok = mapDomain(s); !ok {
			return "", false
		}
	}
	if len(domain) > maxDomain || !strings.Contains(domain, ".") {
		return "", false
	}
	last := ""
	for label := range strings.SplitSeq(domain, ".") {
		if !isLabel(label) {
			return "", false
		}
		last = label
	}
	return domain, !isDigits(last) // no name ends in a number: 192.0.2.1 is an address (RFC 3696 §2)
}

// mapDomain gives the A-labels of a domain. A few names map to labels that are not valid themselves, such as digits
// before right-to-left letters, or bytes that are no UTF-8; no host can have them.
func mapDomain(s string) (string, bool) {
	if strings.ContainsFunc(s, invisible) {
		return "", false
	}
	domain, err := idna.Lookup.ToASCII(s)
	if err != nil {
		return "", false
	}
	again, err := idna.Lookup.ToASCII(domain)
	return domain, err == nil && again == domain
}

// invisible reports control and format characters, which the mapping would drop in silence. The two joiners are
// letters' business in some scripts and are left to its rules.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf) && r != '\u200c' && r != '\u200d'
}

// isPlainDomain reports whether s is lower-case letters, digits, dots and hyphens with no A-label in it.
func isPlainDomain(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '-') {
			return false
		}
	}
	return !strings.Contains(s, "--")
}

// isLabel reports whether s is a host name's label: letters, digits and inner hyphens (RFC 1123 §2.1).
func isLabel(s string) bool {
	if s == "" || len(s) > maxLabel || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

func errEmail() error {
	return fault.New(fault.Invalid, "email_invalid",
		"Send an e-mail address such as name@example.net, without a display name, quotes or comments.")
}
