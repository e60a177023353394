package sandbox

import (
	"testing"

	"github.com/countersign/countersign/internal/recipient"
)

func TestNumbersOfTheTableAreValidEverywhereAndNobodys(t *testing.T) {
	t.Parallel()
	for number := range meanings {
		checkNumber(t, number)
	}
	checkNumber(t, FixedNumber)
	if m := Of(FixedNumber); m != (Meaning{End: Delivered}) {
		t.Errorf("the test number means %+v as well", m)
	}
}

func checkNumber(t *testing.T, number string) {
	t.Helper()
	r, err := recipient.Parse(number, recipient.Rules{})
	if err != nil || r.Value != number || number[:len(number)-2] != "+120255501" {
		t.Errorf("%s: %v, want a number of 555-01xx in its normal form", number, err)
	}
}

func TestAnOrdinaryRecipientIsSentToAndGetsItsMessages(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"+12025550123", "a@example.com", "", "+14155552671"} {
		if m := Of(to); m != (Meaning{End: Delivered}) {
			t.Errorf("%q means %+v", to, m)
		}
	}
}
