package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Server runs one listener until it is told to stop.
type Server struct {
	Handler http.Handler
	TLS     *tls.Config   // nil: plain HTTP, behind a proxy or on loopback
	Drain   time.Duration // how long a stop waits for requests under way; 0: 10 s
	Log     *slog.Logger  // for what goes wrong below HTTP, such as a failed handshake
}

// The times that a peer may take. A request is at most 64 KiB, so seconds are generous; a handler that streams
// lifts its own write deadline.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 10 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 16 << 10
	defaultDrain      = 10 * time.Second
)

// Serve answers on ln until ctx ends. Then it takes no new connection, lets requests under way finish within Drain,
// and returns nil; requests that took longer are cut off, and the error says so. It closes ln.
func (s Server) Serve(ctx context.Context, ln net.Listener) error {
	stopping := context.WithValue(context.WithoutCancel(ctx), stoppingKey{}, ctx)
	srv := &http.Server{
		Handler:           s.Handler,
		TLSConfig:         s.TLS,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelWarn),
		// Not ctx itself: a stop must not cancel what was accepted.
		BaseContext: func(net.Listener) context.Context { return stopping },
	}
	ended := make(chan error, 1)
	go func() {
		if s.TLS != nil {
			ended <- srv.ServeTLS(ln, "", "")
		} else {
			ended <- srv.Serve(ln)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	drain := s.Drain
	if drain == 0 {
		drain = defaultDrain
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	err := srv.Shutdown(limit)
	if err != nil {
		_ = srv.Close() // cuts the rest off; what it could say is the error we have
	}
	if serveErr := <-ended; !errors.Is(serveErr, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", ln.Addr(), serveErr)
	}
	if err != nil {
		return fmt.Errorf("stop %s: requests still under way after %s: %w", ln.Addr(), drain, err)
	}
	return nil
}

type stoppingKey struct{}

// UntilStop is ctx, ended also when the server that answers the request begins to stop. Streams live by it, because
// a stop waits for them; the request's own context goes on. The function it gives must be called.
func UntilStop(ctx context.Context) (context.Context, context.CancelFunc) {
	out, cancel := context.WithCancel(ctx)
	server, ok := ctx.Value(stoppingKey{}).(context.Context)
	if !ok {
		return out, cancel
	}
	unhook := context.AfterFunc(server, cancel)
	return out, func() { unhook(); cancel() }
}
