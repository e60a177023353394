package twilio

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/tenant"
)

// maxIssuer is the longest issuer that an authenticator app is told, in characters.
const maxIssuer = 64

// ofFactor are the parameters that the fields of a factor come from.
var ofFactor = map[string]string{"identity": "Identity", "name": "FriendlyName", "config": "Config", "metadata": "Metadata", "issuer": "Totp.Issuer"}

// shownIssuer is the issuer of s as it stands in a key URI.
func shownIssuer(s tenant.Service) string {
	if name := strings.TrimSpace(cut(issuer(s), maxIssuer)); name != "" {
		return name
	}
	return strings.TrimSpace(friendlyName(s))
}

// defaultConfig is how codes are made in factors of s that don't say.
func defaultConfig(s tenant.Service) factor.Config {
	c := factor.DefaultConfig()
	c.Step = time.Duration(number(s, setTimeStep, 30)) * time.Second
	c.Digits = number(s, setTOTPLength, c.Digits)
	c.Skew = number(s, setSkew, c.Skew)
	return c
}

// configChanges reads what a form sets of how codes are made.
func configChanges(form url.Values) (changes []func(*factor.Config), err error) {
	for _, p := range []struct {
		parameter   string
		least, most int
		set         func(c *factor.Config, n int)
	}{
		{"Config.TimeStep", 20, 60, func(c *factor.Config, n int) { c.Step = time.Duration(n) * time.Second }},
		{"Config.CodeLength", 3, 8, func(c *factor.Config, n int) { c.Digits = n }},
		{"Config.Skew", 0, 2, func(c *factor.Config, n int) { c.Skew = n }},
	} {
		if form.Get(p.parameter) == "" {
			continue
		}
		text, ok := between(p.least, p.most)(form.Get(p.parameter))
		if !ok {
			return nil, badFactor.of(p.parameter, "Give a number from "+strconv.Itoa(p.least)+" to "+strconv.Itoa(p.most)+".")
		}
		n, _ := strconv.Atoi(text) // it was one
		changes = append(changes, func(c *factor.Config) { p.set(c, n) })
	}
	switch alg := factor.Algorithm(form.Get("Config.Alg")); alg {
	case "":
	case factor.SHA1, factor.SHA256, factor.SHA512:
		changes = append(changes, func(c *factor.Config) { c.Algorithm = alg })
	default:
		return nil, badFactor.of("Config.Alg", "Use sha1, sha256 or sha512.")
	}
	return changes, nil
}

// readEnrolment reads what a form says of a new factor.
func readEnrolment(form url.Values, s tenant.Service) (req factor.EnrolRequest, err error) {
	switch form.Get("FactorType") {
	case "":
		return req, missing("FactorType")
	case "totp":
	default:
		return req, badFactor.of("FactorType", "Use totp: other types are not there yet.")
	}
	req.Settings = factor.Settings{Name: form.Get("FriendlyName"), Config: defaultConfig(s)}
	if req.Issuer = shownIssuer(s); req.Settings.Name == "" {
		return req, missing("FriendlyName")
	}
	changes, err := configChanges(form)
	if err != nil {
		return req, err
	}
	for _, change := range changes {
		change(&req.Settings.Config)
	}
	if text := form.Get("Metadata"); text != "" {
		if json.Unmarshal([]byte(text), &req.Settings.Metadata) != nil {
			return req, badFactor.of("Metadata", "Give a JSON object of texts.")
		}
	}
	if text := form.Get("Binding.Secret"); text != "" {
		if req.Secret, err = factor.ParseSecret(text); err != nil {
			return req, badFactor.of("Binding.Secret", "Give 16 to 128 bytes in Base32.")
		}
	}
	return req, nil
}

// isCode reports whether s could be a code of some factor.
func isCode(s string) bool {
	return 3 <= len(s) && len(s) <= 8 && strings.Trim(s, "0123456789") == ""
}
