package devphone

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
)

// shown is how many messages of a thread are shown, newest last.
const shown = 20

// view is all that the page needs.
type view struct {
	Search  string
	Command string
	Newest  string // id of the newest message, to tell whether a list is the one already shown
	Threads []thread
}

// thread is what one recipient got, in order of time.
type thread struct {
	Key      string // for the element's id; the recipient itself may hold anything
	To       string
	Email    bool
	Earlier  int // how many are not shown
	Messages []message
}

// message is one bubble, card or transcript.
type message struct {
	ID       string
	Look     string // "bubble", "card" or "call": a class of the style sheet
	Channel  string // as people say it
	From     string
	Subject  string
	Text     []span
	Code     string
	Provider string
	At       string // RFC 3339
	Clock    string // for people
}

// span is a run of text, the code or what is around it.
type span struct {
	Text string
	Code bool
}

// channels are the looks and the words.
var channels = map[delivery.Channel][2]string{
	delivery.SMS:      {"bubble", "SMS"},
	delivery.WhatsApp: {"bubble", "WhatsApp"},
	delivery.Voice:    {"call", "Voice call"},
	delivery.Email:    {"card", "Email"},
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
	for _, to := range order {
		v.Threads = append(v.Threads, newThread(byRecipient[to]))
	}
	return v
}

// newThread makes a thread of the messages of one recipient, newest first and at least one.
func newThread(newestFirst []Message) thread {
	sum := sha256.Sum256([]byte(newestFirst[0].To))
	t := thread{
		Key:   hex.EncodeToString(sum[:8]),
		To:    newestFirst[0].To,
		Email: newestFirst[0].Channel == delivery.Email,
	}
	if over := len(newestFirst) - shown; over > 0 {
		t.Earlier = over
		newestFirst = newestFirst[:shown]
	}
	for _, m := range slices.Backward(newestFirst) {
		words := channels[m.Channel]
		t.Messages = append(t.Messages, message{
			ID: m.ID, Look: words[0], Channel: words[1], From: m.From, Subject: m.Subject, Text: spans(m.Body, m.Code),
			Code: m.Code, Provider: m.Provider, At: m.CreatedAt.UTC().Format(time.RFC3339), Clock: m.CreatedAt.UTC().Format("15:04:05 MST"),
		})
	}
	return t
}

// spans cuts body so that the code can be shown apart.
func spans(body, code string) []span {
	if code == "" {
		return []span{{Text: body}}
	}
	var out []span
	for {
		before, after, found := strings.Cut(body, code)
		if before != "" {
			out = append(out, span{Text: before})
		}
		if !found {
			return out
		}
		out = append(out, span{Text: code, Code: true})
		body = after
	}
}
