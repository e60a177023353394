package recipient

import "testing"

func TestANationalNumberIsReadInItsCountry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typed, country, want string }{
		{"0151 23456789", "DE", "+4915123456789"},
		{"+49 151 23456789", "FR", "+4915123456789"}, // it names its country
		{"0049 151 23456789", "FR", "+4915123456789"},
		{"٠١٥١ ٢٣٤٥٦٧٨٩", "DE", "+4915123456789"},
		{"0151 23456789", "", ""},
		{"0151 23456789", "XX", ""},
		{"a@b.example", "DE", "a@b.example"},
		{"12", "DE", ""},
		{"", "DE", ""},
	} {
		got, err := ParseIn(c.typed, c.country, Rules{})
		if got.Value != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q in %s: %q, %v", c.typed, c.country, got.Value, err)
		}
	}
}
