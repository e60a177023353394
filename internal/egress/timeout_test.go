package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestDo_ends_in_time_when_the_other_side_hangs(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/body" {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("some"))
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	})
	c := client(t, Config{Timeout: time.Hour}).With(50 * time.Millisecond)
	for _, path := range []string{"/head", "/body"} {
		res, err := c.Do(t.Context(), request(t, "GET", s.URL+path, ""))
		call, ok := errors.AsType[*CallError](err)
		if !ok || res != nil || !errors.Is(err, context.DeadlineExceeded) || !call.Sent {
			t.Errorf("%s: %v, %v, want DeadlineExceeded and Sent", path, res, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Do(ctx, request(t, "GET", s.URL, "")); !errors.Is(err, context.Canceled) {
		t.Errorf("given up by the caller: %v, want Canceled", err)
	}
}

func TestDo_and_Dial_end_in_time_when_the_name_server_hangs(t *testing.T) {
	t.Parallel()
	c := client(t, Config{Timeout: time.Hour}).With(50 * time.Millisecond)
	c.dialer.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	_, err := c.Do(t.Context(), request(t, "GET", "http://hangs.example.net/", ""))
	if call, ok := errors.AsType[*CallError](err); !ok || !errors.Is(err, context.DeadlineExceeded) || call.Sent {
		t.Errorf("Do: %v, want DeadlineExceeded and not Sent", err)
	}
	if _, err := c.Dial(t.Context(), "tcp", "hangs.example.net:25"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Dial: %v, want DeadlineExceeded", err)
	}
}

func TestDo_ends_in_time_when_the_TLS_handshake_hangs(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	c := client(t, Config{Timeout: 50 * time.Millisecond}).With(time.Hour)
	_, err = c.Do(t.Context(), request(t, "POST", "https://"+silent.Addr().String(), "b"))
	if call, ok := errors.AsType[*CallError](err); !ok || !errors.Is(err, context.DeadlineExceeded) || call.Sent {
		t.Errorf("Do: %v, want DeadlineExceeded and not Sent", err)
	}
}
