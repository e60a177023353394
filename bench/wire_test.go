package main

import (
	"encoding/hex"
	"testing"
)

func TestAnIdentifierOfADoorIsTheNativeOnesBits(t *testing.T) {
	t.Parallel()
	for _, digits := range []string{"00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff", "019a0123456789abcdef0123456789ab"} {
		got, err := spelling("VE"+digits, digits)
		if err != nil || got.spelled != "VE"+digits {
			t.Fatalf("%s: %+v, %v", digits, got, err)
		}
		if b, err := bits(got.native); err != nil || hex.EncodeToString(b) != digits {
			t.Errorf("%s is %s and comes back as %x, %v", digits, got.native, b, err)
		}
	}
	for _, bad := range []string{"", "12", "019a0123456789abcdef0123456789ax"} {
		if got, err := spelling(bad, bad); err == nil {
			t.Errorf("%q: %+v", bad, got)
		}
	}
	for _, bad := range []string{"", "vrf_1", "vrf_i0000000000000000000000000", "vrf_zzzzzzzzzzzzzzzzzzzzzzzzzz"} {
		if got, err := bits(bad); err == nil {
			t.Errorf("%q: %x", bad, got)
		}
	}
}
