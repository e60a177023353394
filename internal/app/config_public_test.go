package app

import (
	"strings"
	"testing"
)

// TestPublicURLIsPrivate: customers' pages and their cookies go over https, or do not leave the machine.
func TestPublicURLIsPrivate(t *testing.T) {
	t.Parallel()
	for base, ok := range map[string]bool{
		"https://verify.example.com": true, "https://10.0.0.5:8443": true, "http://127.0.0.1:8080": true, "http://localhost:8080": true, "http://[::1]:8080/": true,
		"http://verify.example.com": false, "http://10.0.0.5:8080": false, "HTTP://verify.example.com": false, "http://localhost.example.com": false,
	} {
		_, err := load(t, "public_url: "+base+"\n")
		if (err == nil) != ok {
			t.Errorf("%s: %v, want it taken: %t", base, err, ok)
		}
		if err != nil && !strings.Contains(err.Error(), "Give the https URL") {
			t.Errorf("%s: the fault does not say what to do: %v", base, err)
		}
	}
	if _, err := load(t, "listen: 127.0.0.1:0\n", "COUNTERSIGN_PUBLIC_URL=http://verify.example.com"); err == nil || !strings.Contains(err.Error(), "COUNTERSIGN_PUBLIC_URL: is not https") {
		t.Errorf("from the environment: %v", err)
	}
}

// TestLinksNeedAnAddress: without a public_url, links begin with the address of listen where that is private, else there are none.
func TestLinksNeedAnAddress(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]string{"127.0.0.1:8080": "http://127.0.0.1:8080", ":8080": "http://localhost:8080", "10.0.0.5:8080": ""} {
		c, err := load(t, "listen: "+listen+"\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := linkBase(c); got != want {
			t.Errorf("%s: links begin with %q, want %q", listen, got, want)
		}
	}
}
