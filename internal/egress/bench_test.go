package egress

import (
	"io"
	"net/http"
	"testing"
)

func BenchmarkDo(b *testing.B) {
	s := serve(b, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	c := client(b, Config{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Do(b.Context(), request(b, "POST", s.URL, "{}")); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBareTransport is what BenchmarkDo can't be faster than.
func BenchmarkBareTransport(b *testing.B) {
	s := serve(b, func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	transport := &http.Transport{DisableCompression: true}
	b.Cleanup(transport.CloseIdleConnections)
	b.ReportAllocs()
	for b.Loop() {
		res, err := transport.RoundTrip(request(b, "POST", s.URL, "{}"))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			b.Fatal(err)
		}
		if err := res.Body.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
