package relay

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

func testRelay(t testing.TB) *Relay {
	t.Helper()
	cfg := config("https://sms.example.net/send")
	cfg.PreviousSecret = otherSecret
	r, err := New(cfg, client(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// signed are the headers of a receipt as the public library makes them.
func signed(t testing.TB, secret string, at time.Time, body string) http.Header {
	t.Helper()
	library, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := library.Sign("msg_1", at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	h.Set("webhook-id", "msg_1")
	h.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	h.Set("webhook-signature", signature)
	return h
}

func TestSEC_93_receipts_are_verified(t *testing.T) {
	t.Parallel()
	r := testRelay(t)
	now := time.Unix(1800000000, 0)
	const body = `{"reference":"abc","state":"delivered"}`
	good := signed(t, testSecret, now, body)
	nameless := http.Header{}
	r.keys.Sign(nameless, "", now, []byte(body))
	change := func(key, value string) http.Header {
		h := good.Clone()
		h.Set(key, value)
		return h
	}
	for _, c := range []struct {
		name   string
		header http.Header
		body   string
		ok     bool
	}{
		{"good", good, body, true},
		{"by the previous secret", signed(t, otherSecret, now, body), body, true},
		{"among signatures of other versions", change("webhook-signature", "v1a,xyz v2 "+good.Get("webhook-signature")), body, true},
		{"five minutes old", signed(t, testSecret, now.Add(-300*time.Second), body), body, true},
		{"five minutes ahead", signed(t, testSecret, now.Add(300*time.Second), body), body, true},
		{"too old", signed(t, testSecret, now.Add(-301*time.Second), body), body, false},
		{"too far ahead", signed(t, testSecret, now.Add(301*time.Second), body), body, false},
		{"by a stranger", signed(t, "whsec_"+strings.Repeat("A", 32), now, body), body, false},
		{"another body", good, strings.Replace(body, "delivered", "failed", 1), false},
		{"another id", change("webhook-id", "msg_2"), body, false},
		{"signed without an id", nameless, body, false},
		{"no id", change("webhook-id", ""), body, false},
		{"another time", change("webhook-timestamp", strconv.FormatInt(now.Unix()+1, 10)), body, false},
		{"no time", change("webhook-timestamp", ""), body, false},
		{"a time that overflows", change("webhook-timestamp", "9223372036854775807"), body, false},
		{"no signature", change("webhook-signature", ""), body, false},
		{"an empty signature", change("webhook-signature", "v1,"), body, false},
		{"an unknown version", change("webhook-signature", strings.Replace(good.Get("webhook-signature"), "v1", "v0", 1)), body, false},
		{"no headers", http.Header{}, body, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := r.ParseReceipts(c.header, []byte(c.body), now)
			if c.ok && err != nil || !c.ok && !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestParseReceipts_reads_the_documented_form(t *testing.T) {
	t.Parallel()
	r := testRelay(t)
	now := time.Unix(1800000000, 0).UTC()
	id := delivery.ID{Verification: uid.New(now, 5), N: 2}
	for _, c := range []struct {
		name, body string
		want       delivery.Receipt
		code       string // of the fault
	}{
		{"all of it", `{"delivery_id":"` + id.String() + `","reference":"abc","state":"failed","error":"absent",
			"price":{"amount":"0.05","currency":"EUR"},"at":"2027-01-15T08:59:59+01:00"}`,
			delivery.Receipt{Provider: "main", Delivery: id, Reference: "abc", State: delivery.Failed, Error: "absent",
				Price: &delivery.Price{Amount: "0.05", Currency: "EUR"}, At: time.Date(2027, 1, 15, 7, 59, 59, 0, time.UTC)}, ""},
		{"the delivery alone", `{"delivery_id":"` + id.String() + `","state":"sent"}`,
			delivery.Receipt{Provider: "main", Delivery: id, State: delivery.Sent, At: now}, ""},
		{"the reference alone", `{"reference":"abc","state":"expired","future":"field"}`,
			delivery.Receipt{Provider: "main", Reference: "abc", State: delivery.ExpiredAt, At: now}, ""},
		{"a time to come is now", `{"reference":"abc","state":"delivered","at":"2100-01-01T00:00:00Z"}`,
			delivery.Receipt{Provider: "main", Reference: "abc", State: delivery.Delivered, At: now}, ""},
		{"neither", `{"state":"sent"}`, delivery.Receipt{}, "delivery_missing"},
		{"a state of ours alone", `{"reference":"abc","state":"unknown"}`, delivery.Receipt{}, "state_invalid"},
		{"no state", `{"reference":"abc"}`, delivery.Receipt{}, "state_invalid"},
		{"another spelling of the delivery", `{"delivery_id":"` + id.String() + ` ","state":"sent"}`, delivery.Receipt{}, "delivery_id_invalid"},
		{"no JSON", `state=sent`, delivery.Receipt{}, "receipt_malformed"},
		{"empty", ``, delivery.Receipt{}, "receipt_malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := r.ParseReceipts(signed(t, testSecret, now, c.body), []byte(c.body), now)
			if c.code != "" {
				if f := fault.As(err); f.Kind != fault.Malformed || f.Code != c.code {
					t.Errorf("got %v, want %s", err, c.code)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]delivery.Receipt{c.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzParseReceipts(f *testing.F) {
	f.Add(`{"delivery_id":"dlv_00000000000000000000000000_1","state":"sent"}`)
	f.Add(`{"reference":"abc","state":"failed","error":"x","price":{"amount":1,"currency":"EUR"},"at":"2027-01-15T08:59:59+01:00"}`)
	r := testRelay(f)
	now := time.Unix(1800000000, 0)
	f.Fuzz(func(t *testing.T, body string) {
		got, err := r.ParseReceipts(signed(t, testSecret, now, body), []byte(body), now)
		if err != nil {
			if !fault.Is(err, fault.Malformed) {
				t.Fatalf("got %v", err)
			}
			return
		}
		one := got[0]
		if len(got) != 1 || one.Delivery.IsZero() && one.Reference == "" || one.At.After(now) || !delivery.Sending.After(one.State) {
			t.Fatalf("%+v", got)
		}
	})
}
