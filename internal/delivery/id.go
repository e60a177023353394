package delivery

import (
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/uid"
)

// The words before the text forms of a delivery and of a send.
const (
	idPrefix   uid.Prefix = "dlv"
	sendPrefix uid.Prefix = "snd"
)

// maxN bounds the numbers within a verification: far above what limits allow, and small enough for any column.
const maxN = 9999

// String is the text form: "dlv_", the verification's 26 characters, "_" and N.
func (d ID) String() string {
	return d.Verification.Text(idPrefix) + "_" + strconv.Itoa(d.N)
}

// IsZero reports whether d names no delivery.
func (d ID) IsZero() bool { return d == ID{} }

// ParseID reads the text form. Anything else, also another spelling of the same number, is uid.ErrSyntax: a delivery
// has one name.
func ParseID(s string) (ID, error) {
	cut := strings.LastIndexByte(s, '_')
	if cut < 0 {
		return ID{}, uid.ErrSyntax
	}
	v, err := uid.Parse(idPrefix, s[:cut])
	if err != nil {
		return ID{}, err
	}
	digits := s[cut+1:]
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > maxN || strconv.Itoa(n) != digits {
		return ID{}, uid.ErrSyntax
	}
	return ID{Verification: v, N: n}, nil
}

// SendKey names a send towards providers: "snd_", the verification's 26 characters, "_" and the number of the send.
// It is the same for every try, every provider and every retry after a crash, so a receiver that has seen it may
// drop the message.
func (m Message) SendKey() string {
	return m.Verification.Text(sendPrefix) + "_" + strconv.Itoa(m.Send)
}
