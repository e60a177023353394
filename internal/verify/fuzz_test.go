package verify

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
)

func FuzzTyped(f *testing.F) {
	for _, seed := range []string{"123456", "123 456", "123-456", "１２３４５６", "١٢٣", "\u200e123456", "12\x0034", "", strings.Repeat("1", 99)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		code, ok := typed(s)
		if !ok {
			return
		}
		if code == "" || len(code) > len(s) || strings.Trim(code, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
			t.Fatalf("%q became %q", s, code)
		}
		if again, ok := typed(code); !ok || again != code {
			t.Fatalf("%q is no fixed point: %q", code, again)
		}
	})
}

func FuzzTransaction(f *testing.F) {
	f.Add("12.50", "EUR", "Zoë Ltd")
	f.Add("0", "usd", "e\u0301")
	f.Add("007.10", "CHF", "a\nb")
	f.Fuzz(func(t *testing.T, amount, currency, payee string) {
		c, err := canonTransaction(delivery.Transaction{Amount: amount, Currency: currency, Payee: payee})
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		again, err := canonTransaction(c)
		if err != nil || again != c {
			t.Fatalf("%+v is no fixed point: %+v, %v", c, again, err)
		}
		if back := parseTransaction(transactionText(c)); *back != c {
			t.Fatalf("%+v came back as %+v", c, back)
		}
		if text := bindingText(c); strings.Count(string(text), "\n") != 2 || !utf8.Valid(text) {
			t.Fatalf("ambiguous binding %q", text)
		}
	})
}

func FuzzStart(f *testing.F) {
	f.Add("+12025550123", "sms", "login", "en-US", "order", "k", "v", "", "192.0.2.1", "dev")
	f.Add("a@example.net", "email", "payment", "", "", "", "", "AB12", "::1", "")
	f.Fuzz(func(t *testing.T, to, channel, purpose, locale, external, name, value, code, ip, device string) {
		fx := setup(t)
		a, err := fx.start(func(r *StartRequest) {
			r.To, r.Channel, r.Purpose, r.Locale, r.ExternalID = to, delivery.Channel(channel), Purpose(purpose), locale, external
			r.Metadata, r.Code, r.Client = map[string]string{name: value}, code, &Client{IP: ip, DeviceID: device}
		})
		if err != nil {
			got := fault.As(err)
			if got.Kind != fault.Invalid || fx.store.calls() != 0 {
				t.Fatalf("%v after %d store calls", err, fx.store.calls())
			}
			for _, sent := range []string{to, external, code, device} {
				if len(sent) > 8 && strings.Contains(got.Message, sent) {
					t.Fatalf("the refusal repeats what was sent: %s", got.Message)
				}
			}
			return
		}
		if a.View.Status != Pending || !a.Sent || !a.Created {
			t.Fatalf("%+v", a)
		}
	})
}
