package tenant

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// A key's text is a prefix, 32 random bytes and 5 check bytes, the two in base32. The check bytes are a keyed hash of all
// that stands before them, the prefix too: text that somebody made up is told apart without the database, which a flood of
// it therefore never reaches. The prefix tells people a sandbox's key from a live one; whose a key is says the database.
const (
	livePrefix    = "csk_"
	sandboxPrefix = "test_"
	randomLen     = 52 // characters of 32 bytes
	checkLen      = 8  // characters of 5 bytes
	tokenLen      = randomLen + checkLen
	checkLabel    = "check of " // no key begins so: the check is no hash of a key
)

// prefixes are all that a key can begin with.
var prefixes = [...]string{livePrefix, sandboxPrefix}

// IsKey reports whether s begins as keys do, and access tokens of no kind. Whether it is one, Authenticate says.
func IsKey(s string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// Token is a key without its prefix, for clients that take letters and digits only; see AuthenticateToken.
func Token(key string) string {
	for _, p := range prefixes {
		if token, ok := strings.CutPrefix(key, p); ok {
			return token
		}
	}
	return key
}

// prefixOf is what keys of t begin with.
func prefixOf(t Tenant) string {
	if t.Sandbox {
		return sandboxPrefix
	}
	return livePrefix
}

const (
	maxKeys    = 100 // live ones of a tenant
	maxKeyName = 64
)

// Crockford's alphabet in lower case, as for ids.
func base32Text(b []byte) string {
	return base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding).EncodeToString(b)
}

// Secret is the text of a new key. It prints as "[redacted]"; Reveal gives it, for the one answer that shows it.
type Secret struct{ text *string }

// Reveal is the text.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// String is "[redacted]".
func (Secret) String() string { return "[redacted]" }

// Format prints "[redacted]" for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") } // fmt gives no way to report it

// LogValue is "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// MarshalText is "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// knownKey is a key that worked when it was read.
type knownKey struct {
	principal Principal
	expires   time.Time    // zero: never
	used      atomic.Int64 // the minute of last use, in Unix seconds
}

// Authenticate says who key belongs to. Unknown, expired and revoked keys are one fault, Unauthenticated; a good one of a
// suspended tenant is Denied. From memory it takes about a microsecond; a key not seen lately costs a read, and its tenant
// another.
func (d *Directory) Authenticate(ctx context.Context, key string) (Principal, error) {
	if !IsKey(key) || len(Token(key)) != tokenLen {
		return d.refuse("forged")
	}
	hash := d.cfg.Hash(key)
	k, dead := d.cache.live.Load().key(hash)
	if k == nil && !dead {
		if !d.genuine(key) {
			return d.refuse("forged")
		}
		var err error
		if k, err = d.readKey(ctx, hash); err != nil {
			return Principal{}, err
		}
	}
	now := d.Now()
	if k == nil || !k.expires.IsZero() && !now.Before(k.expires) {
		return d.refuse("unknown")
	}
	owner, err := d.Tenant(ctx, k.principal.Tenant)
	switch {
	case err != nil:
		return Principal{}, err
	case !owner.SuspendedAt.IsZero():
		d.meters.authentications.WithLabelValues("suspended").Inc()
		return Principal{}, fault.New(fault.Denied, CodeSuspended, "This account is suspended. Ask whoever runs the server.")
	}
	d.touch(k, now)
	d.meters.accepted.Inc()
	return k.principal, nil
}

// CodeSuspended is the code of the fault that a good key of a suspended tenant gets.
const CodeSuspended = "account_suspended"

// AuthenticateToken is Authenticate for a key without its prefix, which the check bytes tell.
func (d *Directory) AuthenticateToken(ctx context.Context, token string) (Principal, error) {
	if len(token) == tokenLen {
		for _, p := range prefixes {
			if d.genuine(p + token) {
				return d.Authenticate(ctx, p+token)
			}
		}
	}
	return d.refuse("forged")
}

func (d *Directory) refuse(outcome string) (Principal, error) {
	d.meters.authentications.WithLabelValues(outcome).Inc()
	return Principal{}, fault.New(fault.Unauthenticated, "key_invalid",
		"This API key is not known, has expired or was revoked. Make a new one with: countersign key create.")
}

// genuine reports whether this installation, or one with its index key, gave the key out.
func (d *Directory) genuine(key string) bool {
	body, check := key[:len(key)-checkLen], key[len(key)-checkLen:]
	return d.check(body) == check
}

// check is compared in the ordinary way: it only keeps the database from work, and proves nothing.
func (d *Directory) check(body string) string {
	sum := d.cfg.Hash(checkLabel + body)
	return base32Text(sum[:5])
}

// readKey reads a key and remembers the answer. It gives nil for one that doesn't work.
func (d *Directory) readKey(ctx context.Context, hash [32]byte) (known *knownKey, err error) {
	err = d.cache.read(ctx, func(g *generation) error {
		k, dead := g.key(hash)
		if k != nil || dead { // read while this call waited for its turn
			known = k
			return nil
		}
		d.meters.loads.WithLabelValues("key").Inc()
		row, err := d.store.KeyByHash(ctx, hash)
		switch {
		case errors.Is(err, ErrNotFound), err == nil && !row.RevokedAt.IsZero():
			put(g, g.unknown, maxUnknown, hash, struct{}{})
			return nil
		case err != nil:
			return err
		}
		known = &knownKey{
			principal: Principal{Tenant: row.Tenant, Key: row.ID, Scopes: slices.Clip(row.Scopes)},
			expires:   row.ExpiresAt,
		}
		known.used.Store(row.LastUsed.Unix())
		put(g, g.keys, maxKnown, hash, known)
		return nil
	})
	return known, err
}

// touch notes that k was used, at most once a minute.
func (d *Directory) touch(k *knownKey, now time.Time) {
	minute := now.Unix() / 60 * 60
	if last := k.used.Load(); last < minute && k.used.CompareAndSwap(last, minute) {
		d.touchedMu.Lock()
		d.touched[k.principal.Key] = minute
		d.touchedMu.Unlock()
	}
}

// writeTouched writes what touch noted. What can't be written is lost: the next use notes it again.
func (d *Directory) writeTouched(ctx context.Context) {
	d.touchedMu.Lock()
	touched := d.touched
	d.touched = make(map[uid.ID]int64)
	d.touchedMu.Unlock()
	for id, minute := range touched {
		if err := d.store.TouchKey(ctx, id, time.Unix(minute, 0).UTC()); err != nil {
			d.cfg.Log.Warn("the last use of keys could not be written", "error", err)
			return
		}
	}
}

// KeyRequest asks for a key.
type KeyRequest struct {
	Name      string    // for people; up to 64 characters
	Scopes    []string  // at least one
	ExpiresAt time.Time // zero: never

	Idempotency *Idempotency // nil: each request makes one
}

// CreateKey makes a key of a tenant. The secret can't be had again. Keys made before go on working, so that a new one
// can take the place of an old one without a gap.
//
// With Idempotency, an equal request within 24 hours gets the key as it was made the first time, without its secret, which is kept
// nowhere, and nothing is made. Invalid when its key was used for another request.
func (d *Directory) CreateKey(ctx context.Context, by Caller, t uid.Tenant, r KeyRequest) (made Key, secret Secret, err error) {
	o, err := d.once(t, "create key", r.Idempotency)
	if err != nil {
		return Key{}, Secret{}, err
	}
	err = retryStale(func() error {
		made, secret, err = d.createKeyOnce(ctx, by, t, r, o)
		return err
	})
	return made, secret, err
}

// createKeyOnce gives what an equal request was answered, or makes the key. ErrAnswered: such a request came in between.
func (d *Directory) createKeyOnce(ctx context.Context, by Caller, t uid.Tenant, r KeyRequest, o *once) (Key, Secret, error) {
	now := d.moment()
	owner, err := d.store.Tenant(ctx, t)
	if err != nil {
		return Key{}, Secret{}, told(err, "tenant")
	}
	keys, err := d.store.Keys(ctx, t) // before the kept answer, as in createOnce
	if err != nil {
		return Key{}, Secret{}, err
	}
	var made Key
	if found, err := o.find(ctx, now, &made); err != nil || found {
		return made, Secret{}, err
	}
	if err := r.check(now).asError(); err != nil {
		return Key{}, Secret{}, err
	}
	if live := slices.DeleteFunc(keys, func(k Key) bool { return !k.Live(now) }); len(live) >= maxKeys {
		return Key{}, Secret{}, fault.New(fault.Conflict, "too_many_keys", "A tenant has at most 100 keys. Revoke those that are no longer used.")
	}
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails since Go 1.24
	text := prefixOf(owner) + base32Text(random[:])
	text += d.check(text)
	k := Key{
		ID: uid.Random(now), Tenant: t, Name: r.Name, Hash: d.cfg.Hash(text),
		Scopes: slices.Clone(r.Scopes), CreatedAt: now, ExpiresAt: stored(r.ExpiresAt),
	}
	data := map[string]any{"scopes": k.Scopes}
	if !k.ExpiresAt.IsZero() {
		data["expires_at"] = k.ExpiresAt
	}
	keep, err := o.keep(now, k)
	if err != nil {
		return Key{}, Secret{}, err
	}
	if err := d.store.CreateKey(ctx, k, keep, d.change(by, t, "key.created", k.ID, data)); err != nil {
		return Key{}, Secret{}, told(err, "key")
	}
	d.cache.forget() // it may be remembered as unknown
	return k, Secret{text: &text}, nil
}

// Keys lists a tenant's keys, oldest first, dead ones too.
func (d *Directory) Keys(ctx context.Context, t uid.Tenant) ([]Key, error) {
	return d.store.Keys(ctx, t)
}

// RevokeKey ends a key: here at once, on other nodes within a second. Revoking again changes nothing.
func (d *Directory) RevokeKey(ctx context.Context, by Caller, t uid.Tenant, id uid.ID) error {
	err := d.store.RevokeKey(ctx, t, id, d.moment(), d.change(by, t, "key.revoked", id, nil))
	if err == nil {
		d.cache.forget()
	}
	if errors.Is(err, ErrStale) {
		return nil
	}
	return told(err, "key")
}

// Live reports whether the key works at now.
func (k Key) Live(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

func (r KeyRequest) check(now time.Time) (f Faults) {
	if !isLabel(r.Name, maxKeyName) {
		f.add("name_invalid", "name", "Give the key a name of at most 64 printable characters, or none.")
	}
	if len(r.Scopes) == 0 {
		f.add("scopes_invalid", "scopes", "Name at least one scope: "+strings.Join(Scopes(), ", ")+".")
	}
	for _, s := range r.Scopes {
		if !slices.Contains(Scopes(), s) {
			f.add("scopes_invalid", "scopes", "A scope is one of: "+strings.Join(Scopes(), ", ")+".")
			break
		}
	}
	if !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(now) {
		f.add("expires_at_invalid", "expires_at", "Choose an expiry in the future, or none.")
	}
	return f
}

// Scopes are all scopes that a key may hold.
func Scopes() []string {
	return []string{ScopeAll, ScopeVerifyStart, ScopeVerifyCheck, ScopeVerifyRead, ScopeVerifyApprove, ScopeRecipientShow,
		ScopeServicesRead, ScopeServicesWrite, ScopeWebhooksRead, ScopeWebhooksWrite,
		ScopeFactorsRead, ScopeFactorsWrite, ScopeFactorsCheck,
		ScopeInvitesRead, ScopeInvitesWrite, ScopeSettingsRead, ScopeSettingsWrite}
}

// stored is a time as it comes back from the database.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Round(0).UTC().Truncate(time.Microsecond)
}
