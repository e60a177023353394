package countersign

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// answers is a transport in the place of a network. It is safe for use by one goroutine.
type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

func counting(n *int, to http.RoundTripper) answers {
	return func(r *http.Request) (*http.Response, error) {
		*n++
		return to.RoundTrip(r)
	}
}

// reply is an answer with the header fields that are given as name and value in turn.
func reply(status int, body string, header ...string) (*http.Response, error) {
	h := http.Header{}
	for pair := range slices.Chunk(header, 2) {
		h.Set(pair[0], pair[1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}, nil
}

const problem = `{"type":"/problems/overloaded","title":"Not available now","status":503,"detail":"Too much waits. Try again.",
"code":"overloaded","request_id":"req_1"}`

func busy(header ...string) (*http.Response, error) {
	return reply(http.StatusServiceUnavailable, problem, append(header, "Content-Type", "application/problem+json; charset=utf-8")...)
}

var errReset = &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}

// tries lets script answer one try after another. It returns when each came, from the first call on, the keys they bore, and
// what the start gave.
func tries(t *testing.T, ctx context.Context, script []answers, opts ...Option) (at []time.Duration, keys []string, err error) {
	t.Helper()
	begin := time.Now()
	transport := answers(func(r *http.Request) (*http.Response, error) {
		at = append(at, time.Since(begin))
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if body, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(body), "+12025550123") {
			t.Errorf("try %d has the body %q, %v", len(at), body, err)
		}
		return script[min(len(at), len(script))-1](r)
	})
	client, err := New("https://example.net", testKey, append(opts, WithHTTPClient(&http.Client{Transport: transport}))...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Start(ctx, StartRequest{To: "+12025550123"})
	return at, keys, err
}

func good(*http.Request) (*http.Response, error) {
	return reply(http.StatusCreated, verificationAnswer)
}
func reset(*http.Request) (*http.Response, error) { return nil, errReset }
func away(*http.Request) (*http.Response, error)  { return busy() }
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestATryWithoutAnAnswerIsMadeAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]answers{
		"connection reset": reset,
		"no answer":        hang,
		"503":              away,
		"502 of a gateway": func(*http.Request) (*http.Response, error) { return reply(http.StatusBadGateway, "<html>") },
		"504 of a gateway": func(*http.Request) (*http.Response, error) { return reply(http.StatusGatewayTimeout, "<html>") },
		"cut in the body": func(*http.Request) (*http.Response, error) {
			r, _ := reply(http.StatusCreated, "")
			r.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"id":"vr`), cut{}))
			return r, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				at, keys, err := tries(t, t.Context(), []answers{first, first, good})
				if err != nil || len(at) != 3 {
					t.Fatalf("%d tries, %v", len(at), err)
				}
				if keys[0] == "" || keys[1] != keys[0] || keys[2] != keys[0] {
					t.Errorf("the keys were %q", keys)
				}
			})
		})
	}
}

// cut is a body that ends in the middle.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestTriesAreBoundedAndWaitsGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at, _, err := tries(t, t.Context(), []answers{reset}, WithRetries(10))
		if len(at) != 11 || !errors.Is(err, errReset) {
			t.Fatalf("%d tries, %v", len(at), err)
		}
		for i := 1; i < len(at); i++ {
			bound := min(firstWait<<(i-1), maxWait)
			if wait := at[i] - at[i-1]; wait < 0 || wait > bound {
				t.Errorf("wait %d is %v, bound %v", i, wait, bound)
			}
		}
	})
	synctest.Test(t, func(t *testing.T) {
		if at, _, err := tries(t, t.Context(), []answers{away}, WithRetries(0)); len(at) != 1 || err == nil {
			t.Errorf("%d tries, %v", len(at), err)
		}
	})
}

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at, _, err := tries(t, t.Context(), []answers{func(*http.Request) (*http.Response, error) { return busy("Retry-After", "7") }, good})
		if err != nil || len(at) != 2 || at[1] < 7*time.Second || at[1] > 8*time.Second {
			t.Errorf("tries at %v, %v", at, err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		date := time.Now().Add(9 * time.Second).UTC().Format(http.TimeFormat)
		at, _, err := tries(t, t.Context(), []answers{func(*http.Request) (*http.Response, error) { return busy("Retry-After", date) }, good})
		if err != nil || len(at) != 2 || at[1] < 8*time.Second || at[1] > 10*time.Second {
			t.Errorf("with a date: tries at %v, %v", at, err)
		}
	})
	synctest.Test(t, func(t *testing.T) { // too long to sit and wait: the caller is told at once
		begin := time.Now()
		at, _, err := tries(t, t.Context(), []answers{func(*http.Request) (*http.Response, error) { return busy("Retry-After", "31") }})
		var e *Error
		if len(at) != 1 || !errors.As(err, &e) || e.RetryAfter != 31*time.Second || time.Since(begin) != 0 {
			t.Errorf("%d tries, %v", len(at), err)
		}
	})
}

func TestWhatTheServerDecidedIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 409, 413, 422, 429, 500} {
		synctest.Test(t, func(t *testing.T) {
			at, _, err := tries(t, t.Context(), []answers{func(*http.Request) (*http.Response, error) {
				return reply(status, problem, "Content-Type", "application/problem+json", "Retry-After", "1")
			}})
			var e *Error
			if len(at) != 1 || !errors.As(err, &e) || e.Status != status {
				t.Errorf("%d: %d tries, %v", status, len(at), err)
			}
			if e.Temporary() != (status == 429) {
				t.Errorf("%d: Temporary is %v", status, e.Temporary())
			}
		})
	}
}

func TestTheContextEndsACallAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // while a try hangs
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		at, _, err := tries(t, ctx, []answers{hang})
		if len(at) != 1 || !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 3*time.Second {
			t.Errorf("%d tries, %v after %v", len(at), err, time.Since(begin))
		}
	})
	synctest.Test(t, func(t *testing.T) { // a wait past the deadline is not begun
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begin := time.Now()
		at, _, err := tries(t, ctx, []answers{func(*http.Request) (*http.Response, error) { return busy("Retry-After", "5") }})
		var e *Error
		if len(at) != 1 || !errors.As(err, &e) || time.Since(begin) != 0 {
			t.Errorf("%d tries, %v after %v", len(at), err, time.Since(begin))
		}
	})
	synctest.Test(t, func(t *testing.T) { // canceled in a wait
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, cancel)
		begin := time.Now()
		_, _, err := tries(t, ctx, []answers{func(*http.Request) (*http.Response, error) { return busy("Retry-After", "20") }})
		if err == nil || time.Since(begin) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

func TestProblemsBecomeErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, _, err := tries(t, t.Context(), []answers{func(*http.Request) (*http.Response, error) {
			return reply(422, `{"title":"Invalid value","status":422,"detail":"Write it as +, country and number.","code":"recipient_invalid",
"request_id":"req_1","errors":[{"field":"to","detail":"Write it so."}]}`, "Content-Type", "application/problem+json")
		}})
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("got %v", err)
		}
		if e.Status != 422 || e.Code != "recipient_invalid" || e.Title != "Invalid value" || e.RequestID != "req_1" || e.RetryAfter != 0 ||
			len(e.Fields) != 1 || e.Fields[0] != (FieldError{Field: "to", Detail: "Write it so."}) {
			t.Errorf("got %+v", e)
		}
		if want := "countersign: 422 recipient_invalid: Write it as +, country and number. (req_1)"; err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	})
}

func TestAnswersOfOthersAreToldAsSuch(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]answers{
		"a page": func(*http.Request) (*http.Response, error) {
			return reply(404, "<html>not here", "Content-Type", "text/html")
		},
		"a page with 200": func(*http.Request) (*http.Response, error) { return reply(200, "<html>welcome") },
		"nothing":         func(*http.Request) (*http.Response, error) { return reply(200, "") },
		"a problem, not one": func(*http.Request) (*http.Response, error) {
			return reply(400, "{", "Content-Type", "application/problem+json")
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			at, _, err := tries(t, t.Context(), []answers{answer})
			if err == nil || len(at) != 1 || !strings.Contains(err.Error(), "check the base URL") {
				t.Errorf("%s: %d tries, %v", name, len(at), err)
			}
		})
	}
}

func TestAnAnswerWithoutEndIsNotReadToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var body endless
		_, _, err := tries(t, t.Context(), []answers{func(*http.Request) (*http.Response, error) {
			r, _ := reply(200, "")
			r.Body = &body
			return r, nil
		}}, WithRetries(0))
		if err == nil || !strings.Contains(err.Error(), "too long") || body > maxAnswer+1<<20 {
			t.Errorf("got %v after %d bytes", err, body)
		}
	})
}

// endless is a body, and how much of it was read.
type endless int

func (e *endless) Read(p []byte) (int, error) {
	*e += endless(len(p))
	return len(p), nil
}

func (e *endless) Close() error { return nil }

func TestErrorsNameNoRecipient(t *testing.T) {
	t.Parallel()
	client, err := New("https://example.net", testKey, WithRetries(0), WithHTTPClient(&http.Client{Transport: answers(reset)}))
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range client.List(t.Context(), ListRequest{To: "+12025550123"}) {
		if err == nil || strings.Contains(err.Error(), "2025550123") || !strings.Contains(err.Error(), "GET /v1/verifications: no answer") {
			t.Errorf("got %v", err)
		}
	}
}
