package delivery

import (
	"net/http"
	"strings"

	"github.com/countersign/countersign/internal/fault"
)

// maxErrorWord bounds the error word of a receipt, as it is kept and shown.
const maxErrorWord = 64

// Receipts reads a callback of the named provider: what POST /callbacks/{provider} brought. It answers the faults of
// ReceiptParser, and NotFound for a provider that is not there or sends no receipts. Each receipt names the provider.
func (d *Dispatcher) Receipts(provider string, header http.Header, body []byte) ([]Receipt, error) {
	a := d.accounts[provider]
	if a == nil {
		return nil, errNoCallbacks()
	}
	parser, ok := a.Provider.(ReceiptParser)
	if !ok {
		return nil, errNoCallbacks()
	}
	receipts, err := parser.ParseReceipts(header, body, d.Now())
	switch {
	case fault.Is(err, fault.Unauthenticated):
		a.meters.receipts.WithLabelValues("forged").Inc()
		return nil, err
	case err != nil:
		a.meters.receipts.WithLabelValues("malformed").Inc()
		return nil, err
	}
	a.meters.receipts.WithLabelValues("read").Inc()
	for i := range receipts {
		receipts[i].Provider = provider
		receipts[i].Error = ErrorWord(receipts[i].Error)
	}
	return receipts, nil
}

func errNoCallbacks() error {
	return fault.New(fault.NotFound, "not_found", "There is no such provider, or it sends no receipts.")
}

// ErrorWord makes a stable word of whatever a provider calls an error: lower case, digits, dots and underscores. What
// may hold a number or an address (seven digits, an @) or is too long becomes "other", because the word is kept and
// shown.
func ErrorWord(s string) string {
	digits := 0
	word := strings.Map(func(r rune) rune {
		switch {
		case r >= '0' && r <= '9':
			digits++
			return r
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r == '.', r == '_', r == '@':
			return r
		}
		return '_'
	}, s)
	if digits >= 7 || len(word) > maxErrorWord || strings.ContainsRune(word, '@') {
		return "other"
	}
	return word
}
