package idenfy

import (
	"context"
	"crypto/rand"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
	"github.com/countersign/countersign/internal/webhook"
)

// What an invitation keeps as its Vendor settings. Nothing of it is about a person.
const (
	setDialect  = invite.VendorDialect // which webhooks its events are for; every session of this door has it
	setCallback = "callback_url"
	setType     = "token_type"
	setSession  = "session_length" // seconds
	setDigits   = "digit_string"
	setReveal   = "reveal" // "true": made by a key that may see numbers in full
	setAgain    = "again"  // the scanRef of the session that this one takes the place of
)

// refParam carries the scanRef in the redirect URLs of a session that asks for it (ID-33).
const refParam = "scanRef"

// request is the invitation that c is.
func (c *created) request(ctx context.Context) invite.CreateRequest {
	life := time.Duration(c.expiry) * time.Second
	r := invite.CreateRequest{
		Caller: host(ctx), Kind: invite.Entered, FirstName: c.firstName, LastName: c.lastName, VerifyPhone: c.verifyPhone, VerifyEmail: c.verifyEmail,
		Contacts: c.contacts, Reference: c.clientID, ExternalID: c.externalRef, Locale: c.locale, WithoutConsent: true,
		RedirectURL: c.successURL, FailureURL: c.errorURL, UnverifiedURL: c.unverifiedURL, LinkTTL: &life, SessionTTL: time.Duration(c.session) * time.Second, Silent: true,
		Vendor: map[string]string{setDialect: dialectName, setType: c.tokenType, setSession: strconv.Itoa(c.session)},
	}
	if len(c.others) > 0 {
		r.Notes = kept(c.others)
	}
	if c.hookURL != "" {
		r.Vendor[setDialect], r.Vendor[setCallback] = callbackDialect, c.hookURL
	}
	if c.appendRef {
		r.IDParam = refParam
	}
	revealing(ctx, &r)
	return r
}

// revealing notes whether whoever makes a session may see its numbers.
func revealing(ctx context.Context, r *invite.CreateRequest) {
	if allows(web.Principal(ctx), tenant.ScopeRecipientShow) {
		r.Vendor[setReveal] = "true"
	}
}

// A digit string is held under an idempotency key, which counts for a day. So two sessions of an account don't have the same one at a
// time: it is good until the session is opened, and from then the session lives an hour and a half at most (ID-45).
const (
	maxDigitsLife = 12 * 60 * 60 // seconds
	digitsKey     = "idenfy digits "
	maxDigitTries = 16
)

var errDigits = fault.New(fault.Unavailable, "digits_used_up", "No digit string is free. Try again later, or ask for none.")

// create makes an invitation, with a digit string that no other of the account has when one is asked for.
func (d *Door) create(ctx context.Context, r invite.CreateRequest, digits bool) (invite.CreateAnswer, error) {
	if !digits {
		return d.cfg.Sessions.Create(ctx, r)
	}
	for range maxDigitTries {
		n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
		if err != nil {
			return invite.CreateAnswer{}, err
		}
		text := fmt.Sprintf("%08d", n)
		r.Vendor[setDigits] = text
		// The body names this request, so that no other can be taken for a repetition of it.
		r.Idempotency = &verify.Idempotency{Key: digitsKey + text, Body: []byte(uid.Random(d.Now()).Hex())}
		a, err := d.cfg.Sessions.Create(ctx, r)
		if err == nil && !a.Replayed || err != nil && fault.As(err).Code != "idempotency_mismatch" {
			return a, err
		}
	}
	return invite.CreateAnswer{}, errDigits.After(time.Minute)
}

// callbacks sees that the account has the webhook that carries events to URLs which sessions name, and that this one can be posted to.
func (d *Door) callbacks(ctx context.Context, callback string) error {
	if err := d.cfg.Webhooks.CheckURL(callback); err != nil {
		return err
	}
	t := host(ctx).Tenant
	all, err := d.cfg.Webhooks.Endpoints(ctx, t)
	if err != nil {
		return err
	}
	for _, e := range all {
		if e.Dialect == callbackDialect {
			return nil
		}
	}
	_, _, err = d.cfg.Webhooks.Create(ctx, hooker(ctx), CallbackWebhook(t, callback))
	if fault.As(err).Code == "webhook_exists" { // another request made it meanwhile
		return nil
	}
	return err
}

// CallbackWebhook is the webhook of an account that carries events to the URLs that its sessions name. url itself gets
// nothing but tests of the native API.
func CallbackWebhook(t uid.Tenant, url string) webhook.Endpoint {
	return webhook.Endpoint{Tenant: t, Dialect: callbackDialect, URL: url, Events: []string{callbackWord}, Description: "callbackUrl of iDenfy sessions"}
}

// IsCallbackWebhook reports whether e is that of CallbackWebhook.
func IsCallbackWebhook(e webhook.Endpoint) bool { return e.Dialect == callbackDialect }

// link is the hosted link of a session, as the vendor writes it.
func (d *Door) link(r *http.Request, token string) string {
	return d.cfg.Origin(r) + Mount + "/api/v2/redirect?authToken=" + url.QueryEscape(token)
}

// beginning is as much of a token as can be one: mail programs cut links off and put something behind them.
var beginning = regexp.MustCompile(`^[A-Za-z0-9_-]*`)

// tokenForm is what a token can look like. Whether it opens anything is for the page to say.
var tokenForm = regexp.MustCompile(`^[A-Za-z0-9_-]{16,64}$`)

// redirect answers GET /api/v2/redirect: it leads a customer to the page of the link, which tells a browser also that the link is not
// whole (ID-27). It opens nothing, so it may be repeated.
func (d *Door) redirect(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("authToken")
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		if token = beginning.FindString(token); len(token) < 16 {
			token = "incomplete-link"
		}
		token = token[:min(len(token), 65)] // one more than any has is none
	} else if !tokenForm.MatchString(token) {
		return fault.New(fault.Malformed, codeToken, "This is not the token of a session.").On("authToken")
	}
	w.Header().Set("Location", d.cfg.Origin(r)+"/v/"+token)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// gates are those that v has, nil for none.
func gates(v invite.View) (phone, email *invite.GateView) {
	for i := range v.Gates {
		switch v.Gates[i].Channel {
		case delivery.SMS:
			phone = &v.Gates[i]
		case delivery.Email:
			email = &v.Gates[i]
		}
	}
	return phone, email
}
