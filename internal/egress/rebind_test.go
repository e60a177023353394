package egress

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// nameServer is a resolver whose server gives each question for an IPv4 address the next of answers, and the last one ever after.
func nameServer(t *testing.T, answers ...[]string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		buf := make([]byte, 1500)
		for asked := 0; ; {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return // closed at the end of the test
			}
			var m dnsmessage.Message
			if err := m.Unpack(buf[:n]); err != nil || len(m.Questions) != 1 {
				t.Errorf("question: %v", err)
				return
			}
			reply := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true}, Questions: m.Questions}
			if q := m.Questions[0]; q.Type == dnsmessage.TypeA {
				for _, a := range answers[min(asked, len(answers)-1)] {
					reply.Answers = append(reply.Answers, dnsmessage.Resource{
						Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 0},
						Body:   &dnsmessage.AResource{A: netip.MustParseAddr(a).As4()},
					})
				}
				asked++
			}
			packed, err := reply.Pack()
			if err != nil {
				t.Errorf("answer: %v", err)
				return
			}
			_, _ = conn.WriteTo(packed, from) // the resolver asks again
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-stopped })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestSEC_85_a_name_that_turns_inward_after_it_was_checked_is_refused(t *testing.T) {
	t.Parallel()
	var called atomic.Bool
	s := serve(t, func(http.ResponseWriter, *http.Request) { called.Store(true) })
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	c := strict(t)
	c.dialer.Resolver = nameServer(t, []string{"8.8.8.8"}, []string{"127.0.0.1"})

	// What a check ahead of the call would see.
	seen, err := c.dialer.Resolver.LookupNetIP(t.Context(), "ip4", "rebind.example.net")
	if err != nil || len(seen) != 1 || testFilter(t).check(seen[0]) != nil {
		t.Fatalf("first look-up = %v, %v, want one public address", seen, err)
	}
	_, err = c.Do(t.Context(), request(t, "GET", "http://rebind.example.net:"+port+"/", ""))
	if refused, ok := errors.AsType[*RefusedError](err); !ok || refused.Class != Loopback {
		t.Errorf("Do: %v, want it refused as loopback", err)
	}
	if _, err := c.Dial(t.Context(), "tcp", "rebind.example.net:"+port); !errors.Is(err, ErrRefused) {
		t.Errorf("Dial: %v, want ErrRefused", err)
	}
	if called.Load() || s.connections.Load() != 0 {
		t.Error("the inner server was reached")
	}
}

func TestSEC_85_every_address_of_a_name_passes_the_filter(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) {})
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	inner := []string{"10.0.0.1", "127.0.0.1", "169.254.169.254"}
	c := strict(t)
	c.dialer.Resolver = nameServer(t, inner)
	_, err = c.Do(t.Context(), request(t, "GET", "http://many.example.net:"+port+"/", ""))
	if !errors.Is(err, ErrRefused) || s.connections.Load() != 0 {
		t.Errorf("Do: %v after %d connections, want ErrRefused after none", err, s.connections.Load())
	}
	for _, a := range inner {
		if strings.Contains(err.Error(), a) {
			t.Errorf("the error tells what an inner name resolves to: %v", err)
		}
	}

	// Of the same addresses, the one that is allowed is found.
	c = client(t, Config{})
	c.dialer.Resolver = nameServer(t, inner)
	if res, err := c.Do(t.Context(), request(t, "GET", "http://many.example.net:"+port+"/", "")); err != nil || res.Status != http.StatusOK {
		t.Errorf("Do with loopback allowed: %v, %v", res, err)
	}
}
