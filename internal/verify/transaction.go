package verify

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
)

// Bounds of a transaction, in characters.
const (
	maxPayee      = 64 // fits one SMS segment beside the code and the service name
	maxWhole      = 12
	maxFraction   = 4  // the longest minor unit of ISO 4217
	maxFreeAmount = 18 // of an amount that is any text; what a message shows of it
)

// canonTransaction checks t and gives it as it is shown: currency in upper case, payee in NFC. Without a currency the
// amount is any short text, as a vendor's door takes it.
func canonTransaction(t delivery.Transaction) (delivery.Transaction, error) {
	bad := fault.New(fault.Invalid, "transaction_invalid",
		"Give the amount as a decimal number like 12.50, the currency as three letters, and a payee of 1 to 64 characters.")
	whole, fraction, dotted := strings.Cut(t.Amount, ".")
	free := t.Currency == ""
	if free && !delivery.Showable(t.Amount, maxFreeAmount) {
		return t, bad.On("transaction.amount")
	}
	if !free && (!digits(whole, 1, maxWhole) || dotted && !digits(fraction, 1, maxFraction)) {
		return t, bad.On("transaction.amount")
	}
	t.Currency = strings.ToUpper(t.Currency)
	if !free && (len(t.Currency) != 3 || strings.Trim(t.Currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		return t, bad.On("transaction.currency")
	}
	if !utf8.ValidString(t.Payee) {
		return t, bad.On("transaction.payee")
	}
	t.Payee = norm.NFC.String(t.Payee)
	if n := utf8.RuneCountInString(t.Payee); n < 1 || n > maxPayee || strings.ContainsFunc(t.Payee, unprintable) ||
		strings.TrimSpace(t.Payee) == "" {
		return t, bad.On("transaction.payee")
	}
	return t, nil
}

// unprintable is what has no place in a line of text: controls, and marks that turn its direction round.
func unprintable(r rune) bool { return !unicode.IsPrint(r) }

func digits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// bindingText is the one spelling of what a code is bound to (SEC-106): the amount without the zeros that mean nothing.
// It takes what canonTransaction gave. The payee counts exactly, upper and lower case apart, and so does an amount that is
// any text.
func bindingText(t delivery.Transaction) []byte {
	if t.Currency == "" {
		return transactionText(t)
	}
	whole, fraction, _ := strings.Cut(t.Amount, ".")
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if whole == "" {
		whole = "0"
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return []byte(whole + "\n" + t.Currency + "\n" + t.Payee)
}

// transactionText is how a transaction is sealed for the message, as it was written.
func transactionText(t delivery.Transaction) []byte {
	return []byte(t.Amount + "\n" + t.Currency + "\n" + t.Payee)
}

func parseTransaction(text []byte) *delivery.Transaction {
	amount, rest, _ := bytes.Cut(text, []byte("\n"))
	currency, payee, _ := bytes.Cut(rest, []byte("\n"))
	return &delivery.Transaction{Amount: string(amount), Currency: string(currency), Payee: string(payee)}
}
