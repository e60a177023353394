package egress

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

func TestNew_names_every_fault_of_its_configuration(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		Allow:   []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), {}, netip.MustParsePrefix("::ffff:10.0.0.0/104")},
		Timeout: -1, MaxBody: -1,
	}, prometheus.NewRegistry())
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"allow[1]", "allow[2]", "timeout", "body"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
	reg := prometheus.NewRegistry()
	for i, want := range []bool{true, false} {
		if _, err := New(Config{}, reg); (err == nil) != want {
			t.Errorf("client %d on one registry: %v", i+1, err)
		}
	}
}

func TestCheckURL_says_what_to_do_and_never_the_value(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://example.net":                "",
		"http://example.net:8080/s3cret?a=b": "",
		"HTTPS://[2606:4700::1]:443/":        "",
		"":                                   "must begin with",
		"example.net/s3cret":                 "must begin with",
		"ftp://example.net/s3cret":           "must begin with",
		"javascript:s3cret":                  "must begin with",
		"//example.net/s3cret":               "must begin with",
		"https:///s3cret":                    "needs a host",
		"https://:443/s3cret":                "needs a host",
		"https:example.net/s3cret":           "needs a host",
		"https://s3cret@example.net":         "user name",
		"https://user:s3cret@example.net":    "user name",
		"https://@example.net/s3cret":        "user name",
		"https://example.net:0/s3cret":       "port",
		"https://example.net:65536/s3cret":   "port",
		"https://example.net:s3cret":         "not a URL",
		"https://example.net/s3cret\x7f":     "not a URL",
		"https://exa mple.net/s3cret":        "not a URL",
		"https://example.net/%zzs3cret":      "not a URL",
		"https://[::1/s3cret":                "not a URL",
	} {
		switch err := CheckURL(raw); {
		case want == "" && err != nil:
			t.Errorf("CheckURL(%q): %v", raw, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret")):
			t.Errorf("CheckURL(%q): %v, want %q", raw, err, want)
		}
	}
}

func TestMetrics_count_each_call_by_its_outcome(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			<-r.Context().Done()
		case "/cut":
			panic(http.ErrAbortHandler)
		case "/301":
			w.WriteHeader(http.StatusMovedPermanently)
		case "/404":
			w.WriteHeader(http.StatusNotFound)
		case "/503":
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	reg := prometheus.NewRegistry()
	c, err := New(Config{Allow: loopback()}, reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/", "/301", "/404", "/503", "/cut"} {
		_, _ = c.Do(t.Context(), request(t, "GET", s.URL+path, "")) // the outcome is what is looked at
	}
	_, _ = c.With(50*time.Millisecond).Do(t.Context(), request(t, "GET", s.URL+"/hang", ""))
	_, _ = c.Do(t.Context(), request(t, "GET", "http://10.0.0.1/", ""))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, _ = c.Do(gone, request(t, "GET", s.URL, ""))
	_, _ = c.Dial(t.Context(), "tcp", "10.0.0.1:25")

	want := map[string]float64{
		"calls ok": 2, "calls redirect": 1, "calls client_error": 1, "calls server_error": 1, "calls timeout": 1, "calls failed": 1, "calls refused": 1, "calls canceled": 1,
		"dials ok": 0, "dials refused": 1, "dials timeout": 0, "dials canceled": 0, "dials failed": 0, "duration": 9,
	}
	if diff := cmp.Diff(want, gather(t, reg)); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}

// gather reads the counters by kind and outcome, and how many durations were observed.
func gather(t *testing.T, reg *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if h := m.GetHistogram(); h != nil {
				got["duration"] = float64(h.GetSampleCount())
				continue
			}
			kind := strings.TrimSuffix(strings.TrimPrefix(f.GetName(), "countersign_egress_"), "_total")
			got[kind+" "+m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
	}
	return got
}
