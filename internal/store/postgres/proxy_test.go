package postgres_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// proxy stands on a socket of its own before the cluster, understands so much of the protocol that it can tell the
// frames apart, and does harm when asked to. (PostgreSQL documentation, chapter "Message Formats".)
type proxy struct {
	url      string
	upstream string
	listener net.Listener
	wg       sync.WaitGroup

	mu    sync.Mutex
	links []*link       // under mu: all there ever were
	harm  harm          // under mu: what happens next, nil for nothing
	done  chan struct{} // under mu: closed when harm was done
	deaf  bool          // under mu: new connections are refused
}

// harm looks at a frame before it is passed on, and says what to do. It is asked until it says something but pass.
type harm func(f frame) action

type action int

const (
	pass   action = iota
	cut           // end the connection on both sides; the frame is not passed on
	freeze        // pass nothing on any more, in either direction, and keep the connection
)

// frame is one message of the protocol, or the untyped first one.
type frame struct {
	toServer bool
	kind     byte
	body     []byte
	commits  bool // it asks for COMMIT, or tells of it
	cancels  bool // it is the first and only one of a request to cancel
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	name           string // of the prepared COMMIT; owned by the goroutine that reads the client

	mu     sync.Mutex
	frozen bool // under mu
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	dir, err := os.MkdirTemp("", "px") // t.TempDir is too long a path for a socket
	if err != nil {
		t.Fatalf("make a directory: %v", err)
	}
	const socket = ".s.PGSQL.5432"
	p := &proxy{upstream: filepath.Join(u.Query().Get("host"), socket)}
	if p.listener, err = net.Listen("unix", filepath.Join(dir, socket)); err != nil {
		t.Fatalf("listen: %v", err)
	}
	q := u.Query()
	q.Set("host", dir)
	u.RawQuery = q.Encode()
	p.url = u.String()
	p.wg.Go(p.accept)
	t.Cleanup(func() {
		_ = p.listener.Close()
		p.cutAll()
		p.wg.Wait()
		_ = os.RemoveAll(dir)
	})
	return p
}

// next sets what happens next, and gives a channel that is closed when it has.
func (p *proxy) next(h harm) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.harm, p.done = h, make(chan struct{})
	return p.done
}

// refuse turns new connections away, or no longer.
func (p *proxy) refuse(yes bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.deaf = yes
}

// seen is how many connections there have been.
func (p *proxy) seen() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

func (p *proxy) cutAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.links {
		l.cut()
	}
}

func (l *link) cut() {
	_ = l.client.Close() // the other side sees it, which is the point
	_ = l.server.Close()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return // the test is over
		}
		p.mu.Lock()
		deaf := p.deaf
		p.mu.Unlock()
		if deaf {
			_ = client.Close()
			continue
		}
		server, err := net.Dial("unix", p.upstream)
		if err != nil {
			_ = client.Close()
			continue
		}
		l := &link{client: client, server: server}
		p.mu.Lock()
		p.links = append(p.links, l)
		p.mu.Unlock()
		p.wg.Go(func() { p.pipe(l, client, server, true) })
		p.wg.Go(func() { p.pipe(l, server, client, false) })
	}
}

// pipe passes frames on in one direction until the connection ends.
func (p *proxy) pipe(l *link, from, to net.Conn, toServer bool) {
	defer func() {
		l.mu.Lock()
		frozen := l.frozen
		l.mu.Unlock()
		if !frozen { // whoever is frozen is to be held by the other side alone
			l.cut()
		}
	}()
	for first := toServer; ; first = false {
		raw, f, err := readFrame(from, first)
		if err != nil {
			return
		}
		f.toServer = toServer
		l.mark(&f)
		switch p.judge(l, f) {
		case cut:
			l.cut()
			return
		case freeze:
			continue
		}
		if _, err := to.Write(raw); err != nil {
			return
		}
	}
}

// judge asks the harm, if any, about a frame; a link that is frozen stays so.
func (p *proxy) judge(l *link, f frame) action {
	p.mu.Lock()
	defer p.mu.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.frozen {
		return freeze
	}
	if p.harm == nil {
		return pass
	}
	a := p.harm(f)
	if a == pass {
		return pass
	}
	p.harm = nil
	close(p.done)
	l.frozen = a == freeze
	return a
}

func readFrame(r io.Reader, first bool) (raw []byte, f frame, err error) {
	head := make([]byte, 5)
	if first {
		head = head[:4]
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, f, err
	}
	n := binary.BigEndian.Uint32(head[len(head)-4:])
	if n < 4 || n > 1<<26 {
		return nil, f, errors.New("no frame")
	}
	f.body = make([]byte, n-4)
	if _, err := io.ReadFull(r, f.body); err != nil {
		return nil, f, err
	}
	if first {
		const cancelRequest = 80877102
		f.cancels = len(f.body) >= 4 && binary.BigEndian.Uint32(f.body) == cancelRequest
	} else {
		f.kind = head[0]
	}
	return append(head, f.body...), f, nil
}

// mark finds out whether a frame has to do with COMMIT. The committer prepares it like every statement, so its name is
// learned from the Parse message and recognised in the Bind message.
func (l *link) mark(f *frame) {
	switch {
	case f.toServer && f.kind == 'P':
		name, rest, _ := bytes.Cut(f.body, []byte{0})
		if bytes.HasPrefix(rest, []byte("COMMIT\x00")) {
			l.name = string(name)
		}
	case f.toServer && f.kind == 'B' && l.name != "":
		_, rest, _ := bytes.Cut(f.body, []byte{0}) // after the portal
		f.commits = bytes.HasPrefix(rest, []byte(l.name+"\x00"))
	case !f.toServer && f.kind == 'C':
		f.commits = bytes.Equal(f.body, []byte("COMMIT\x00"))
	}
}
