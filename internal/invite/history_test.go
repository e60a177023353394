package invite

import (
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/policy"
)

func TestRA_59_the_history_has_a_word_for_the_proof_of_the_number(t *testing.T) {
	t.Parallel()
	open := GateView{Channel: delivery.SMS, Fixed: true}
	passed := open
	passed.PassedAt = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	tried := open
	tried.Asked = 1
	mail := GateView{Channel: delivery.Email, PassedAt: passed.PassedAt}
	for name, c := range map[string]struct {
		view View
		want Mobile2FA
	}{
		"passed":                        {View{Kind: Fixed, Status: Consented, Gates: []GateView{passed}}, Mobile2FAPassed},
		"passed and expired":            {View{Kind: Fixed, Status: Expired, Gates: []GateView{passed}}, Mobile2FAPassed},
		"not opened yet":                {View{Kind: Fixed, Status: Sent, Gates: []GateView{open}}, Mobile2FAPending},
		"the e-mail gate is other":      {View{Kind: Entered, Status: MobilePending, Gates: []GateView{open, mail}}, Mobile2FAPending},
		"limits used up":                {View{Kind: Fixed, Status: MobileFailed, Gates: []GateView{open}}, Mobile2FAFailed},
		"expired before":                {View{Kind: Fixed, Status: Expired, Gates: []GateView{tried}}, Mobile2FAFailed},
		"expired, and nobody tried":     {View{Kind: Fixed, Status: Expired, Gates: []GateView{open}}, Mobile2FANotUsed},
		"canceled before anybody tried": {View{Kind: Fixed, Status: Canceled, Gates: []GateView{open}}, Mobile2FANotUsed},
		"canceled after a code":         {View{Kind: Fixed, Status: Canceled, Gates: []GateView{tried}}, Mobile2FAFailed},
		"switched off":                  {View{Kind: Fixed, Status: Sent, Policy: policy.YesOptional}, Mobile2FANotUsed},
		"off by preset":                 {View{Kind: Fixed, Status: Sent, Policy: policy.NoOptional}, Mobile2FANotUsed},
		"ruled out":                     {View{Kind: Fixed, Status: Sent, Policy: policy.NoRequired}, Mobile2FANotAllowed},
		"an entered one without it":     {View{Kind: Entered, Status: Sent, Policy: policy.NoRequired, Gates: []GateView{mail}}, Mobile2FANotUsed},
	} {
		if got := c.view.Mobile2FAState(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
