package delivery

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// The kinds of notices.
const (
	KindInvitation = "invitation" // brings a person the link
	KindReminder   = "reminder"   // brings it again to somebody who has not finished

	KindContactChanged = "contact_changed" // tells an address that it, or a number, was put right; by e-mail alone, and without a link
)

// Notice is a message that holds a link in place of a code, of an invitation or to an operator, or that tells of a change. The link is
// a secret, so a notice lives in memory only and prints as its name.
type Notice struct {
	Tenant   uid.Tenant
	ID       uid.ID // of the invitation; to an operator, of the message
	N        int    // which of its notices by this channel, reminders counted too, 1 to 9999. A repeat after a crash has the same
	To       recipient.Recipient
	Channel  Channel  // any but Voice; Email alone to operators and of what tells of a change
	Locale   string   // BCP 47; empty: the main language of the recipient's country, or English
	Kind     string   // one of the kinds
	Firm     string   // who asks; 30 characters of it are shown
	Name     string   // of the person, as the firm gave it; may be empty; 64 characters of it are shown
	Loosened Loosened // of a setting, for the kind that tells of one
	Link     string   // absolute, http or https, of printable ASCII; up to 100 characters go by two segments of SMS. Empty where the kind brings none
}

// Loosened is who changed which settings, so that less is asked of customers, and when.
type Loosened struct {
	By   string // the name of an operator, or the actor itself
	At   time.Time
	What []policy.Loosening
}

var (
	errNoticeKind = errors.New("a notice is of a known kind, with a number from 1 to 9999")
	errNoticeFirm = errors.New("a notice names who asks")
	errNoticeLink = errors.New("the link of a notice is no http or https URL of printable ASCII, or there is one where there must be none")
)

// Notify carries a notice as Carry carries a message: the same routes, failover, time-outs and errors, and the same standing of
// the tenant. Every try has the same delivery id, so that a repeat after a crash is dropped by a receiver that has the message.
// There is no route for a notice by Voice, since nobody can note down a link; one to an operator, and one that tells of a change, go by
// Email alone. A notice without a kind, a number, a firm or the link that it brings is an error, and nothing is tried.
func (d *Dispatcher) Notify(ctx context.Context, n Notice) (Result, error) {
	text, team := teamTexts[n.Kind]
	texts, known := noticeTexts[n.Kind]
	bare := team && !text.link || known && texts.sms == nil // it tells of something, and brings nothing
	switch {
	case n.Channel == Voice, (bare || team) && n.Channel != Email:
		return Result{}, ErrNoRoute
	case !known && !team, n.N < 1, n.N > maxN:
		return Result{}, errNoticeKind
	case clean(n.Firm, maxServiceName) == "":
		return Result{}, errNoticeFirm
	case bare && n.Link != "", !bare && !isLink(n.Link):
		return Result{}, errNoticeLink
	}
	write, name := d.renderer.notice, clean(n.Firm, maxServiceName)
	if team {
		write, name = d.renderer.team, ""
	}
	return d.carry(ctx, letter{n: 1, write: func() (Content, error) { return write(n) }, out: Outgoing{
		ID:      n.delivery(),
		SendKey: n.SendKey(),
		Tenant:  n.Tenant,
		Channel: n.Channel,
		To:      n.To,
		Name:    name,
		Link:    Secret(n.Link),
	}})
}

// SendKey names a notice towards providers, as Message.SendKey does a send: it is the id of the delivery.
func (n Notice) SendKey() string { return n.delivery().String() }

func (n Notice) delivery() ID { return ID{Invitation: n.ID, N: n.N, Channel: n.Channel} }

// Format prints the name of the notice for every verb and flag.
func (n Notice) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, n.SendKey()) } // fmt keeps no error to report

// LogValue is the name of the notice.
func (n Notice) LogValue() slog.Value { return slog.StringValue(n.SendKey()) }

// isLink reports whether s can stand in a message as a link.
func isLink(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil &&
		!strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c > '~' })
}
