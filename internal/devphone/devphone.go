package devphone

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"iter"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/web"
)

// Message is one message as it would have left.
type Message struct {
	ID        string
	To        string
	Channel   delivery.Channel
	From      string
	Subject   string // e-mail only
	Body      string
	HTML      string // e-mail only; not shown, for it is the caller's
	Code      string
	Link      string // of an invitation
	Provider  string // who would have carried it
	CreatedAt time.Time
}

// Inbox is where the messages of development mode end up. It may be used concurrently.
type Inbox interface {
	// Messages lists what was sent to a recipient in its normal form, or everything for "", newest first.
	Messages(to string) []Message

	// Watch gives every message that comes after the call, until ctx ends or the watcher falls too far behind.
	Watch(ctx context.Context) iter.Seq[Message]
}

// Config is what the phone is built of.
type Config struct {
	Inbox   Inbox
	Origin  string // "http://127.0.0.1:8080": links that begin with it can be followed
	Command string // a shell command that sends a first message, shown while there is none
}

//go:embed page.tmpl assets
var files embed.FS

type phone struct {
	Config
	page *template.Template
}

// PathWebhook takes every webhook that is posted to it. The console shows what was: it makes the request of each delivery anew.
const PathWebhook = "/dev/webhook"

// New makes the handler of /dev/inbox, /dev/phone and PathWebhook, to be wrapped in the chain of package web with web.PagePolicy.
func New(cfg Config) (http.Handler, error) {
	sub, err := fs.Sub(files, "assets")
	if err != nil {
		return nil, fmt.Errorf("development phone: %w", err)
	}
	assets, err := web.NewAssets("/dev/phone/assets/", sub)
	if err != nil {
		return nil, fmt.Errorf("development phone: %w", err)
	}
	page, err := template.New("page.tmpl").Funcs(template.FuncMap{"asset": assets.URL, "parts": parts}).ParseFS(files, "page.tmpl")
	if err != nil {
		return nil, fmt.Errorf("development phone: %w", err)
	}
	p := &phone{Config: cfg, page: page}
	mux := web.NewMux(web.WriteProblem)
	mux.HandleFunc("GET /dev/inbox", p.inbox)
	mux.HandleFunc("GET /dev/phone", p.show)
	mux.HandleFunc("GET /dev/phone/events", p.events)
	mux.HandleFunc("POST "+PathWebhook, take)
	mux.Handle("GET /dev/phone/assets/", assets)
	return loopbackOnly(mux), nil
}

var errHost = fault.New(fault.Denied, "not_loopback", "The development pages answer only on localhost, 127.0.0.1 or [::1].")

// loopbackOnly refuses requests for another host name.
func loopbackOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
		if host == "localhost" || err == nil && addr.IsLoopback() {
			next.ServeHTTP(w, r)
			return
		}
		web.WriteProblem(w, r, errHost)
	})
}

// take answers a webhook as a server would that has what it needs.
func take(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "Taken by the receiver of development mode, which keeps nothing.\n") // the sender may have gone
}

// inboxMessage is a message in the JSON answer.
type inboxMessage struct {
	ID        string           `json:"id"`
	To        string           `json:"to"`
	Channel   delivery.Channel `json:"channel"`
	From      string           `json:"from"`
	Subject   string           `json:"subject,omitempty"`
	Body      string           `json:"body"`
	Code      string           `json:"code"`
	Link      string           `json:"link,omitempty"`
	Provider  string           `json:"provider"`
	CreatedAt string           `json:"created_at"`
}

// inbox answers {"messages": [...]}, newest first, of one recipient or all.
func (p *phone) inbox(w http.ResponseWriter, r *http.Request) {
	to := web.QueryNumber(r.URL.Query().Get("to"))
	if known, err := recipient.Parse(to, recipient.Rules{Fiction: true}); err == nil {
		to = known.Value
	}
	out := struct {
		Messages []inboxMessage `json:"messages"`
	}{Messages: []inboxMessage{}}
	for _, m := range p.Inbox.Messages(to) {
		out.Messages = append(out.Messages, inboxMessage{m.ID, m.To, m.Channel, m.From, m.Subject, m.Body, m.Code, m.Link, m.Provider,
			m.CreatedAt.UTC().Format("2006-01-02T15:04:05.000Z07:00")})
	}
	body, err := json.Marshal(out)
	if err != nil {
		web.WriteProblem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // the client may have gone
}

// show answers the page.
func (p *phone) show(w http.ResponseWriter, r *http.Request) {
	var buf bytes.Buffer
	search := query(r)
	if err := p.page.Execute(&buf, p.view(search)); err != nil {
		web.WriteProblem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(buf.Bytes()) // the client may have gone
}

// query is the search of a request.
func query(r *http.Request) string {
	return strings.TrimSpace(web.QueryNumber(r.URL.Query().Get("to")))
}

// events streams what changes on the page, as HTML of the same template: first all threads ("all"), for a message may
// have come between page and stream, then each thread with a new message ("thread").
func (p *phone) events(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := web.UntilStop(r.Context())
	defer cancel()
	messages := p.Inbox.Watch(ctx)
	s := stream{w: w, rc: http.NewResponseController(w), page: p.page}
	_ = s.rc.SetWriteDeadline(time.Time{}) // the stream has no end; a writer that can't lift it ends early and is asked again
	w.Header().Set("Content-Type", "text/event-stream")
	if _, err := io.WriteString(w, "retry: 1000\n\n"); err != nil { // a developer restarts the server often
		return
	}
	search := query(r)
	if !s.send("all", "threads", p.view(search)) {
		return
	}
	for m := range messages {
		if !matches(m, search) {
			continue
		}
		if !s.send("thread", "thread", p.thread(p.Inbox.Messages(m.To))) {
			return
		}
	}
}

// stream writes server-sent events.
type stream struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	page *template.Template
}

// send writes one event whose data is a part of the page, and reports whether there may be another.
func (s stream) send(event, part string, data any) bool {
	var html, out bytes.Buffer
	if err := s.page.ExecuteTemplate(&html, part, data); err != nil {
		return false
	}
	out.WriteString("event: " + event + "\n")
	for line := range strings.Lines(html.String()) {
		out.WriteString("data: " + strings.TrimRight(line, "\r\n") + "\n")
	}
	out.WriteString("\n")
	if _, err := s.w.Write(out.Bytes()); err != nil {
		return false
	}
	return s.rc.Flush() == nil
}
