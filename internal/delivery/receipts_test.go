package delivery

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/fault"
)

// reporter is a provider with receipts.
type reporter struct {
	fake
	receipts []Receipt
	err      error
}

func (r *reporter) ParseReceipts(http.Header, []byte, time.Time) ([]Receipt, error) {
	return r.receipts, r.err
}

func TestReceipts_name_the_provider_and_carry_stable_words(t *testing.T) {
	t.Parallel()
	r := &reporter{fake: fake{name: "a"}, receipts: []Receipt{{State: Failed, Error: "Absent Subscriber +12025550123"}, {State: Failed, Error: "EC-34"}}}
	d, err := New(Config{Standing: live, Providers: []Provider{r, &fake{name: "b"}}}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Receipts("a", nil, nil)
	if err != nil || len(got) != 2 || got[0].Provider != "a" || got[0].Error != "other" || got[1].Error != "ec_34" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, name := range []string{"b", "nobody", ""} {
		if _, err := d.Receipts(name, nil, nil); !fault.Is(err, fault.NotFound) {
			t.Errorf("%q: got %v, want NotFound", name, err)
		}
	}
	r.err = fault.New(fault.Unauthenticated, "signature_invalid", "x")
	if _, err := d.Receipts("a", nil, nil); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("got %v", err)
	}
}
