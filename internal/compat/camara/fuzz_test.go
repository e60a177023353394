package camara

import (
	"encoding/json"
	"strings"
	"testing"
)

// FuzzDecode holds the reading of bodies to encoding/json: what is taken is an object of the named texts alone, with the
// values that everybody else reads, and what is refused is told without what was sent.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, ``, `null`, `{"a":"x","b":"y"}`, `{"a":"x","a":"y"}`, `{"\u0061":"x"}`, `{"a":{"b":"c"}}`, `{"a":"x"} {}`, `{"a":"\ud800"}`, `{"c":""}`, "{\"a\":\"\xff\"}",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		const unset = "\x00 unset"
		a, b := unset, unset
		if err := decode(body, map[string]*string{"a": &a, "b": &b}); err != nil {
			if len(body) > 20 && strings.Contains(err.Error(), string(body)) {
				t.Errorf("the error holds the body: %v", err)
			}
			return
		}
		var want map[string]string
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatalf("%q was taken: %v", body, err)
		}
		for name, got := range map[string]string{"a": a, "b": b} {
			if text, there := want[name]; there && got != text || !there && got != unset {
				t.Errorf("%q: %s is %q, want %q", body, name, got, text)
			}
			delete(want, name)
		}
		if len(want) > 0 {
			t.Errorf("%q was taken with members more", body)
		}
	})
}

// FuzzCorrelator holds what is repeated in a header to letters that can stand there.
func FuzzCorrelator(f *testing.F) {
	for _, seed := range []string{"", "b4333c46-49c0", "a b", "\r\nx: y", "{<./>}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if isCorrelator(s) && (len(s) > maxCorrelator || strings.ContainsAny(s, " \r\n\t\"\\,") || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })) {
			t.Errorf("%q passes", s)
		}
	})
}
