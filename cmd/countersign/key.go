package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

type keyCmds struct {
	Create keyCreate `cmd:"" help:"Make a key. Its secret is printed once and can't be had again."`
	List   keyList   `cmd:"" help:"List the keys of a tenant, oldest first."`
	Revoke keyRevoke `cmd:"" help:"End a key: every server refuses it within a second."`
}

// keyLine is a key as it is printed.
type keyLine struct {
	ID        string                 `json:"id"`
	Secret    string                 `json:"secret,omitempty"` // at its making alone, as what follows
	Twilio    *app.TwilioCredentials `json:"twilio,omitempty"`
	Tenant    string                 `json:"tenant"`
	Name      string                 `json:"name"`
	Scopes    []string               `json:"scopes"`
	CreatedAt time.Time              `json:"created_at"`
	ExpiresAt time.Time              `json:"expires_at,omitzero"`
	RevokedAt time.Time              `json:"revoked_at,omitzero"`
	LastUsed  time.Time              `json:"last_used,omitzero"`
}

func keyLineOf(k tenant.Key) keyLine {
	return keyLine{
		ID: k.ID.Text(uid.Key), Tenant: k.Tenant.Text(), Name: k.Name, Scopes: k.Scopes,
		CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt, LastUsed: k.LastUsed,
	}
}

type keyCreate struct {
	Tenant  tenantID `required:"" placeholder:"TEN" help:"The tenant."`
	Name    string   `help:"Name, for people."`
	Scope   []string `default:"all" placeholder:"SCOPE" help:"What the key may do; may be given several times. all is everything but verifications:approve and recipients:reveal."`
	Expires lifetime `placeholder:"AGE" help:"How long it works: 12h, 90d. For ever otherwise."`
}

// Run makes a key.
func (c *keyCreate) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		r := tenant.KeyRequest{Name: c.Name, Scopes: c.Scope, ExpiresAt: c.Expires.end(time.Now())}
		k, secret, err := t.Directory.CreateKey(ctx, byCommand, c.Tenant.ID, r)
		if err != nil {
			return err
		}
		sh.note("Keep the secret now: it is not kept here and can't be shown again.")
		l := keyLineOf(k)
		l.Secret = secret.Reveal()
		vendor := app.TwilioOf(k.Tenant, k.ID, l.Secret)
		l.Twilio = &vendor
		return sh.say(l, table([]string{
			"key\t" + l.ID, "secret\t" + l.Secret,
			"for Twilio's libraries:", "account SID\t" + vendor.AccountSID, "key SID\t" + vendor.KeySID, "auth token\t" + vendor.AuthToken,
		}))
	})
}

type keyList struct {
	Tenant tenantID `required:"" placeholder:"TEN" help:"The tenant."`
}

// Run lists keys.
func (c *keyList) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		keys, err := t.Directory.Keys(ctx, c.Tenant.ID)
		if err != nil {
			return err
		}
		all := []keyLine{}
		lines := []string{"ID\tNAME\tSTATE\tSCOPES\tCREATED\tLAST USED"}
		for _, k := range keys {
			l := keyLineOf(k)
			all = append(all, l)
			lines = append(lines, strings.Join([]string{
				l.ID, l.Name, stateOf(k, time.Now()), strings.Join(l.Scopes, ","), stamp(l.CreatedAt), stamp(l.LastUsed),
			}, "\t"))
		}
		return sh.say(map[string]any{"data": all}, table(lines))
	})
}

func stateOf(k tenant.Key, now time.Time) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked " + stamp(k.RevokedAt)
	case !k.Live(now):
		return "expired " + stamp(k.ExpiresAt)
	case !k.ExpiresAt.IsZero():
		return "until " + stamp(k.ExpiresAt)
	}
	return "live"
}

type keyRevoke struct {
	Tenant tenantID `required:"" placeholder:"TEN" help:"The tenant."`
	Key    keyID    `arg:"" placeholder:"KEY" help:"The key's id, never its secret."`
}

// Run ends a key.
func (c *keyRevoke) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		if err := t.Directory.RevokeKey(ctx, byCommand, c.Tenant.ID, c.Key.ID); err != nil {
			return err
		}
		id := c.Key.ID.Text(uid.Key)
		return sh.say(struct {
			ID      string `json:"id"`
			Revoked bool   `json:"revoked"`
		}{id, true}, fmt.Sprintf("Revoked %s.\n", id))
	})
}
