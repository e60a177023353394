package e2e

import (
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// way is the direction of bytes on the wire.
type way int

const (
	toDatabase way = iota
	toServer
)

// wire stands between servers and PostgreSQL. What a server sends in one go, a round trip with its statements, passes
// as one piece, so a test can act before it, after it, or on its answer.
type wire struct {
	t   testing.TB
	url string // for servers
	far string // the real socket

	mu    sync.Mutex
	pass  func(w way)           // under mu: called before each piece passes; nil: nothing to do
	away  bool                  // under mu: connections are refused
	conns map[net.Conn]struct{} // under mu
}

func newWire(t testing.TB, address string) *wire {
	t.Helper()
	dir, err := os.MkdirTemp("", "cswire") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	host, url := moved(t, address, dir)
	const name = ".s.PGSQL.5432"
	w := &wire{t: t, url: url, far: filepath.Join(host, name), conns: map[net.Conn]struct{}{}}
	l, err := net.Listen("unix", filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { w.carry(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close() // it ends Accept
		w.set(nil)
		w.cut(true)
		serving.Wait()
		_ = os.RemoveAll(dir)
	})
	return w
}

// set makes f be called before each piece passes. A piece waits until f returns.
func (w *wire) set(f func(way)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pass = f
}

// cut breaks all connections, and with away set refuses new ones.
func (w *wire) cut(away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = away
	for c := range w.conns {
		_ = c.Close() // its carrier sees that
	}
}

func (w *wire) carry(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("unix", w.far)
	if err != nil {
		return
	}
	defer far.Close()
	w.mu.Lock()
	away := w.away
	if !away {
		w.conns[near], w.conns[far] = struct{}{}, struct{}{}
	}
	w.mu.Unlock()
	if away {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { w.copy(far, near, toDatabase) })
	both.Go(func() { w.copy(near, far, toServer) })
	both.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, near)
	delete(w.conns, far)
}

// copy carries one way; when it ends, both ways end.
func (w *wire) copy(to, from net.Conn, direction way) {
	defer to.Close()
	defer from.Close()
	piece := make([]byte, 1<<20)
	for {
		n, err := from.Read(piece)
		if n > 0 {
			w.mu.Lock()
			pass := w.pass
			w.mu.Unlock()
			if pass != nil {
				pass(direction)
			}
			if _, err := to.Write(piece[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
