package devphone

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
)

// How much is shown. The inbox keeps a thousand messages, which may be of one recipient or of a thousand.
const (
	threadsShown = 50 // the ones with the newest messages; the others are found by searching
	kept         = 20 // messages of a thread that are on the page
	latest       = 2  // of these, the ones in sight; the others are folded away
	longCode     = 7  // characters beyond which a code is set smaller, to stay on one line
)

// view is all that the page needs.
type view struct {
	Search  string
	Command string
	Newest  string // id of the newest message, to tell whether a list is the one already shown
	Threads []thread
	More    int // recipients not shown
}

// thread is what one recipient got, in order of time.
type thread struct {
	Key     string // for the element's id; the recipient itself may hold anything
	To      string
	Icon    string // "phone" or "email"
	Earlier int    // how many came before Latest
	Older   int    // how many of these are not on the page
	Folded  []message
	Latest  []message
}

// message is one bubble, card or transcript.
type message struct {
	ID       string
	Look     string // a class of the style sheet, and an icon
	Channel  string // as people say it
	From     string
	Subject  string
	Text     []span
	Code     string
	Long     bool // Code needs smaller figures
	Provider string
	At       string // RFC 3339
	Clock    string // for people
}

// span is a run of text: the code, the link, or what is around them.
type span struct {
	Text string
	Code bool
	Link bool
}

// channelNames are the words for people.
var channelNames = map[delivery.Channel]string{
	delivery.SMS:      "SMS",
	delivery.WhatsApp: "WhatsApp",
	delivery.Voice:    "Voice call",
	delivery.Email:    "Email",
}

func matches(m Message, search string) bool {
	return strings.Contains(strings.ToLower(m.To), strings.ToLower(search))
}

// view groups the messages whose recipient holds search, the thread with the newest message first.
func (p *phone) view(search string) view {
	v := view{Search: search, Command: p.Command}
	byRecipient := map[string][]Message{}
	var order []string
	for _, m := range p.Inbox.Messages("") {
		if !matches(m, search) {
			continue
		}
		if v.Newest == "" {
			v.Newest = m.ID
		}
		if _, ok := byRecipient[m.To]; !ok {
			order = append(order, m.To)
		}
		byRecipient[m.To] = append(byRecipient[m.To], m)
	}
	for _, to := range order[:min(len(order), threadsShown)] {
		v.Threads = append(v.Threads, p.thread(byRecipient[to]))
	}
	v.More = len(order) - len(v.Threads)
	return v
}

// thread makes a thread of the messages of one recipient, newest first and at least one.
func (p *phone) thread(newestFirst []Message) thread {
	sum := sha256.Sum256([]byte(newestFirst[0].To))
	t := thread{
		Key:     hex.EncodeToString(sum[:8]),
		To:      newestFirst[0].To,
		Icon:    "phone",
		Earlier: max(0, len(newestFirst)-latest),
		Older:   max(0, len(newestFirst)-kept),
	}
	if newestFirst[0].Channel == delivery.Email {
		t.Icon = "email"
	}
	var all []message
	for _, m := range slices.Backward(newestFirst[:len(newestFirst)-t.Older]) {
		all = append(all, p.message(m))
	}
	fold := t.Earlier - t.Older
	t.Folded, t.Latest = all[:fold], all[fold:]
	return t
}

func (p *phone) message(m Message) message {
	return message{
		ID: m.ID, Look: string(m.Channel), Channel: channelNames[m.Channel], From: m.From, Subject: m.Subject,
		Text: p.spans(m), Code: m.Code, Long: len(m.Code) > longCode, Provider: m.Provider,
		At: m.CreatedAt.UTC().Format(time.RFC3339), Clock: m.CreatedAt.UTC().Format("2 Jan 15:04:05 MST"),
	}
}

// parts cuts an address where a line may break: after each @ and full stop. A number stays whole.
func parts(address string) []string {
	var out []string
	for address != "" {
		end := strings.IndexAny(address, "@.") + 1
		if end == 0 {
			end = len(address)
		}
		out, address = append(out, address[:end]), address[end:]
	}
	return out
}

// spans cuts the body so that code and link can be shown apart. Only a link into this server can be followed: in development,
// too, nothing that a caller wrote leads anywhere else.
func (p *phone) spans(m Message) []span {
	if m.Code != "" {
		return cut(m.Body, span{Text: m.Code, Code: true})
	}
	own := m.Link != "" && p.Origin != "" && strings.HasPrefix(m.Link, p.Origin+"/")
	return cut(m.Body, span{Text: m.Link, Link: own})
}

// cut cuts body around each place of what.
func cut(body string, what span) []span {
	if what.Text == "" {
		return []span{{Text: body}}
	}
	var out []span
	for {
		before, after, found := strings.Cut(body, what.Text)
		if before != "" {
			out = append(out, span{Text: before})
		}
		if !found {
			return out
		}
		out = append(out, what)
		body = after
	}
}
