package delivery

import (
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/uid"
)

// The words before the text forms of a delivery, of a send, and of the delivery of a notice.
const (
	idPrefix     uid.Prefix = "dlv"
	sendPrefix   uid.Prefix = "snd"
	noticePrefix uid.Prefix = "ntc"
)

// maxN bounds the numbers within a verification: far above what limits allow, and small enough for any column.
const maxN = 9999

// OfNotice reports whether d is the delivery of a notice.
func (d ID) OfNotice() bool { return !d.Invitation.IsZero() }

// String is the text form: of a code "dlv_", the verification's 26 characters, "_" and N; of a notice "ntc_", the
// invitation's 26 characters, "_", N, "_" and the channel.
func (d ID) String() string {
	if d.OfNotice() {
		return d.Invitation.Text(noticePrefix) + "_" + strconv.Itoa(d.N) + "_" + string(d.Channel)
	}
	return d.Verification.Text(idPrefix) + "_" + strconv.Itoa(d.N)
}

// IsZero reports whether d names no delivery.
func (d ID) IsZero() bool { return d == ID{} }

// next is the delivery of the next try. Every provider gets a notice under the same name.
func (d ID) next() ID {
	if !d.OfNotice() {
		d.N++
	}
	return d
}

// ParseID reads the text form. Anything else, also another spelling of the same number, is uid.ErrSyntax: a delivery
// has one name.
func ParseID(s string) (ID, error) {
	var d ID
	var err error
	rest := s
	if notice := strings.HasPrefix(s, string(noticePrefix)+"_"); notice {
		cut := strings.LastIndexByte(s, '_')
		rest, d.Channel = s[:cut], Channel(s[cut+1:])
		if !slices.Contains(Channels, d.Channel) {
			return ID{}, uid.ErrSyntax
		}
	}
	cut := strings.LastIndexByte(rest, '_')
	if cut < 0 {
		return ID{}, uid.ErrSyntax
	}
	if d.Channel != "" {
		d.Invitation, err = uid.Parse(noticePrefix, rest[:cut])
	} else {
		d.Verification, err = uid.Parse(idPrefix, rest[:cut])
	}
	if err != nil {
		return ID{}, err
	}
	digits := rest[cut+1:]
	d.N, err = strconv.Atoi(digits)
	if err != nil || d.N < 1 || d.N > maxN || strconv.Itoa(d.N) != digits {
		return ID{}, uid.ErrSyntax
	}
	return d, nil
}

// SendKey names a send towards providers: "snd_", the verification's 26 characters, "_" and the number of the send.
// It is the same for every try, every provider and every retry after a crash, so a receiver that has seen it may
// drop the message.
func (m Message) SendKey() string {
	return m.Verification.Text(sendPrefix) + "_" + strconv.Itoa(m.Send)
}
