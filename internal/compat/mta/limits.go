package mta

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// counted is by what a route's requests are limited. The vendor counts some by account in place of the address: a
// server that sends codes for many people has one address.
type counted int

const (
	byAddress counted = iota
	bySends
	byChecks
)

// meter counts the requests of each key of a kind.
type meter[K comparable] struct {
	limit  ratelimit.Limit
	states *web.Meters[K, ratelimit.TAT]
}

func newMeter[K comparable](limit ratelimit.Limit) *meter[K] {
	return &meter[K]{limit: limit, states: web.NewMeters[K](func(state ratelimit.TAT, now time.Time) bool {
		return int64(state) <= now.UnixMicro()
	})}
}

// take counts cost requests of k at now.
func (m *meter[K]) take(k K, cost int, now time.Time) (d ratelimit.Decision) {
	m.states.Change(k, now, func(was ratelimit.TAT) (next ratelimit.TAT) {
		next, d = ratelimit.Take(was, m.limit, cost, now)
		return next
	})
	return d
}

// meters are all limits of requests of this process.
type meters struct {
	address *meter[netip.Addr]
	account map[counted]*meter[uid.Tenant]
}

func newMeters(l Limits) meters {
	return meters{
		address: newMeter[netip.Addr](l.Address),
		account: map[counted]*meter[uid.Tenant]{
			bySends: newMeter[uid.Tenant](l.Account), byChecks: newMeter[uid.Tenant](l.Account),
		},
	}
}

var errTooMany = fault.New(fault.Limited, "rate_limited", "Too many requests. Wait as the header Retry-After says.")

// countedBy is how the route that r asks for counts. What no route takes counts by address.
func countedBy(r *http.Request) counted {
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), prefix) // another spelling of a path counts by address as well
	for _, rt := range routes() {
		if ok && rt.path == path && rt.method == r.Method {
			return rt.counted
		}
	}
	return byAddress
}

func (d *Door) chargeAddress(w http.ResponseWriter, r *http.Request) error {
	return tell(w, d.cfg.Limits.Address, d.meters.address.take(network(r), 1, d.Now()))
}

func (d *Door) chargeAccount(w http.ResponseWriter, t uid.Tenant, by counted) error {
	return tell(w, d.cfg.Limits.Account, d.meters.account[by].take(t, 1, d.Now()))
}

// network is whom r is counted for: its client address, of IPv6 the /64 that one customer has.
func network(r *http.Request) netip.Addr {
	addr := web.ClientAddr(r.Context())
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return addr
}

// tell writes the rate headers (MTA-36), and is errTooMany when the limit refused.
func tell(w http.ResponseWriter, l ratelimit.Limit, d ratelimit.Decision) error {
	h := w.Header()
	for _, p := range []string{"RateLimit-", "X-RateLimit-"} {
		h.Set(p+"Limit", strconv.Itoa(l.Burst))
		h.Set(p+"Remaining", strconv.Itoa(d.Remaining))
		h.Set(p+"Reset", strconv.FormatInt((d.ResetAfter+time.Millisecond-1).Milliseconds(), 10))
	}
	if !d.Allowed {
		return errTooMany.After(d.RetryAfter)
	}
	return nil
}

// told sees that an answer which was given before any limit was asked has rate headers too. It counts nothing.
func (d *Door) told(w http.ResponseWriter, r *http.Request) {
	if w.Header().Get("RateLimit-Limit") == "" {
		_ = tell(w, d.cfg.Limits.Address, d.meters.address.take(network(r), 0, d.Now())) // asking for none is never refused
	}
}
