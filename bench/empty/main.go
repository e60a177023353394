// Command empty is the ceiling of the benchmark: an HTTP server that does nothing but what the wire asks for.
//
// It answers the two POSTs of a verification at once and makes one call to the provider for each start, after the
// answer, from a worker: the same exchanges as the product, without a product in between. It decides nothing and
// keeps nothing: every code is 424242. Its page is empty.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// workers is how many calls to the provider run at once: enough that a slow provider holds up nobody.
const workers = 1024

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	provider := flag.String("provider", "", "URL of the provider")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, *listen, *provider); err != nil {
		fmt.Fprintln(os.Stderr, "empty:", err)
		os.Exit(1)
	}
}

// serve answers until ctx ends.
func serve(ctx context.Context, listen, provider string) error {
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: workers}}
	sends := make(chan string, 1<<16)
	for range workers {
		go func() {
			for id := range sends {
				if err := send(ctx, client, provider, id); err != nil && ctx.Err() == nil {
					fmt.Fprintln(os.Stderr, "empty: provider:", err)
				}
			}
		}()
	}
	srv := &http.Server{Addr: listen, Handler: handler(sends), ReadHeaderTimeout: 5 * time.Second}
	done := context.AfterFunc(ctx, func() { _ = srv.Close() })
	defer done()
	if err := srv.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// handler has the routes of a verification, and puts the id of each start on sends.
func handler(sends chan<- string) http.Handler {
	var ids atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
	})
	mux.HandleFunc("POST /v1/verifications", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		id := "vrf_" + strconv.FormatInt(ids.Add(1), 36)
		answer(w, http.StatusCreated, `{"id":"`+id+`","status":"pending"}`)
		sends <- id
	})
	mux.HandleFunc("POST /v1/verifications/{id}/check", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answer(w, http.StatusOK, `{"id":"`+r.PathValue("id")+`","status":"approved","valid":true,"checks_left":4}`)
	})
	return mux
}

func answer(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// send makes the one call to the provider.
func send(ctx context.Context, client *http.Client, provider, id string) error {
	body := `{"delivery_id":"` + id + `","verification_id":"` + id + `","channel":"sms","body":"Your code is 424242."}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, provider, bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}
