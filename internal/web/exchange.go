package web

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/countersign/countersign/internal/tenant"
)

// exchange is one request with its answer. It is owned by the request's goroutine: handlers that start others must
// copy what they need first.
type exchange struct {
	http.ResponseWriter // the server's; exchange notes the status on the way through

	id        string
	client    netip.Addr
	principal tenant.Principal
	status    int   // 0 until the header is written
	err       error // what was told as a problem, for the log
	code      string
}

// The key is a type of its own, so that no other package can read or replace the exchange.
type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// WriteHeader notes the status. Informational ones pass unnoted.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= 200 {
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write notes that the answer has begun.
func (x *exchange) Write(b []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	return x.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the server's writer.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// RequestID is the id of the request that ctx belongs to, "req_...", or "" outside the chain.
func RequestID(ctx context.Context) string {
	if x := exchangeOf(ctx); x != nil {
		return x.id
	}
	return ""
}

// ClientAddr is the address that the request came from, without zone and with IPv4 as IPv4. It is the zero Addr
// outside the chain or when the server could not tell.
func ClientAddr(ctx context.Context) netip.Addr {
	if x := exchangeOf(ctx); x != nil {
		return x.client
	}
	return netip.Addr{}
}

// SetPrincipal notes who the request comes from, once an edge has proved it.
func SetPrincipal(ctx context.Context, p tenant.Principal) {
	if x := exchangeOf(ctx); x != nil {
		x.principal = p
	}
}

// Principal is who the request comes from. It is zero when no edge has proved it, so that it belongs to no tenant.
func Principal(ctx context.Context) tenant.Principal {
	if x := exchangeOf(ctx); x != nil {
		return x.principal
	}
	return tenant.Principal{}
}
