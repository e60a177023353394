package factor

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"pgregory.net/rapid"
)

// rfcSecret is the key of RFC 6238 appendix B: the digits 1234567890 again and again.
func rfcSecret(size int) Secret {
	key := []byte(strings.Repeat("1234567890", 7)[:size])
	return secretOf(key)
}

func TestSEC_40_codes_are_those_of_RFC_4226_appendix_D(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	for n, want := range strings.Fields("755224 287082 359152 969429 338314 254676 287922 162583 399871 520489") {
		if got := c.Code(rfcSecret(20), int64(n)); got != want {
			t.Errorf("counter %d: %s, want %s", n, got, want)
		}
	}
}

func TestSEC_40_codes_are_those_of_RFC_6238_appendix_B(t *testing.T) {
	t.Parallel()
	for _, v := range []struct {
		unix                int64
		one, two56, five512 string
	}{
		{59, "94287082", "46119246", "90693936"},
		{1111111109, "07081804", "68084774", "25091201"},
		{1111111111, "14050471", "67062674", "99943326"},
		{1234567890, "89005924", "91819424", "93441116"},
		{2000000000, "69279037", "90698825", "38618901"},
		{20000000000, "65353130", "77737706", "47863826"},
	} {
		for _, c := range []struct {
			algorithm Algorithm
			size      int
			want      string
		}{{SHA1, 20, v.one}, {SHA256, 32, v.two56}, {SHA512, 64, v.five512}} {
			config := Config{Algorithm: c.algorithm, Step: 30 * time.Second, Digits: 8}
			if got := config.Code(rfcSecret(c.size), config.At(time.Unix(v.unix, 0))); got != c.want {
				t.Errorf("T=%d %s: %s, want %s", v.unix, c.algorithm, got, c.want)
			}
		}
	}
}

// The other implementation is a well-known library's.
func TestSEC_40_codes_are_those_that_another_implementation_makes(t *testing.T) {
	t.Parallel()
	others := map[Algorithm]otp.Algorithm{SHA1: otp.AlgorithmSHA1, SHA256: otp.AlgorithmSHA256, SHA512: otp.AlgorithmSHA512}
	rapid.Check(t, func(t *rapid.T) {
		c := configs().Draw(t, "config")
		key := rapid.SliceOfN(rapid.Byte(), minSecretSize, maxSecretSize).Draw(t, "key")
		step := rapid.Int64Range(0, 1<<40).Draw(t, "step")
		s := secretOf(key)
		want, err := hotp.GenerateCodeCustom(s.Reveal(), uint64(step), hotp.ValidateOpts{Digits: otp.Digits(c.Digits), Algorithm: others[c.Algorithm]})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Code(s, step); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

// configs draws all that are valid.
func configs() *rapid.Generator[Config] {
	return rapid.Custom(func(t *rapid.T) Config {
		return Config{
			Algorithm: rapid.SampledFrom([]Algorithm{SHA1, SHA256, SHA512}).Draw(t, "algorithm"),
			Step:      time.Duration(rapid.IntRange(20, 60).Draw(t, "seconds")) * time.Second,
			Digits:    rapid.IntRange(3, 8).Draw(t, "digits"),
			Skew:      rapid.IntRange(0, 2).Draw(t, "skew"),
		}
	})
}

func TestConfig_is_valid_within_its_bounds_only(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		if c := configs().Draw(t, "config"); !c.Valid() {
			t.Errorf("%+v is refused", c)
		}
	})
	for name, change := range map[string]func(*Config){
		"no algorithm":       func(c *Config) { c.Algorithm = "" },
		"md5":                func(c *Config) { c.Algorithm = "md5" },
		"capital letters":    func(c *Config) { c.Algorithm = "SHA1" },
		"no step":            func(c *Config) { c.Step = 0 },
		"19 s":               func(c *Config) { c.Step = 19 * time.Second },
		"61 s":               func(c *Config) { c.Step = 61 * time.Second },
		"a part of a second": func(c *Config) { c.Step = 30*time.Second + 1 },
		"2 digits":           func(c *Config) { c.Digits = 2 },
		"9 digits":           func(c *Config) { c.Digits = 9 },
		"skew 3":             func(c *Config) { c.Skew = 3 },
		"skew -1":            func(c *Config) { c.Skew = -1 },
	} {
		c := DefaultConfig()
		if change(&c); c.Valid() {
			t.Errorf("%s is taken", name)
		}
	}
}

func TestSEC_10_what_could_never_be_right_is_told_by_its_shape(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{"123456": true, "000000": true, "12345": false, "1234567": false, "": false, "12345a": false,
		"１２３４５６": false, "٠١٢٣٤٥": false, "12 456": false, "-12345": false} {
		if DefaultConfig().Shaped(code) != want {
			t.Errorf("Shaped(%q) = %v", code, !want)
		}
	}
	for digits := minDigits; digits <= maxDigits; digits++ {
		c := DefaultConfig()
		c.Digits = digits
		if code := c.Code(rfcSecret(20), 1); !c.Shaped(code) || len(code) != digits {
			t.Errorf("%s is no code of %s digits", code, strconv.Itoa(digits))
		}
	}
}
