package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// moment is when in its work a server is killed.
type moment string

const (
	anywhere    moment = "at any time"
	whileItWas  moment = "while it starts"
	onMessage   moment = "when the provider has the message and has not answered"
	onAnswer    moment = "when the provider has answered"
	onWrite     moment = "in the middle of a commit"
	onStatement moment = "before a statement reaches the database"
	onResult    moment = "before a result comes back from the database"
)

// momentsOf are those that a database allows: SQLite writes its log in this process's sight, PostgreSQL is spoken to
// over the wire.
func momentsOf(database string) []moment {
	if database == onSQLite {
		return []moment{onWrite, onMessage, anywhere, onAnswer, onWrite, whileItWas}
	}
	return []moment{onStatement, onMessage, onResult, anywhere, onAnswer, onStatement, onResult, whileItWas}
}

// kills is how often a test kills.
func kills(t testing.TB, usual int) int {
	text := os.Getenv("E2E_KILLS")
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal("E2E_KILLS is no number")
	}
	return n
}

// killer ends servers of an installation and starts them again.
type killer struct {
	in       *installation
	database string
	killed   int
	missed   int // because the moment did not come in time
}

// next kills the running server at the moment, and has another one serving when it returns.
func (k *killer) next(m moment) {
	s := k.in.server.Load()
	var struck atomic.Bool
	strike := func() {
		if struck.CompareAndSwap(false, true) {
			_ = s.cmd.Process.Kill() // the one that watches reaps it
		}
	}
	disarm := k.arm(m, strike)
	select {
	case <-s.exited:
	case <-time.After(3 * time.Second): // the moment did not come: all work is done, say
		k.missed++
		k.in.t.Logf("waited in vain: %s", m)
		strike()
		<-s.exited
	}
	disarm()
	k.killed++
	k.settle()
	if m == whileItWas {
		k.inTheBud()
	}
	k.in.up()
}

// arm sees that strike is called at the moment.
func (k *killer) arm(m moment, strike func()) (disarm func()) {
	switch m {
	case onMessage, onAnswer:
		k.in.relay.set(func(w http.ResponseWriter, _ *http.Request, msg message) {
			if m == onAnswer {
				taken(w, msg)
				_ = http.NewResponseController(w).Flush() // the server may be gone
				spin(time.Duration(rand.IntN(1500)) * time.Microsecond)
			}
			strike()
			if m == onMessage {
				panic(http.ErrAbortHandler)
			}
		})
		return func() { k.in.relay.set(nil) }
	case onStatement, onResult:
		direction, left := toDatabase, atomic.Int64{}
		if m == onResult {
			direction = toServer
		}
		left.Store(1 + rand.Int64N(40))
		k.in.wire.set(func(w way) {
			if w == direction && left.Add(-1) == 0 {
				strike()
			}
		})
		return func() { k.in.wire.set(nil) }
	case onWrite:
		return onNthWrite(k.in.t, k.in.file()+"-wal", 1+rand.IntN(60), strike)
	}
	timer := time.AfterFunc(time.Duration(rand.IntN(60_000))*time.Microsecond, strike)
	return func() { timer.Stop() }
}

// inTheBud kills a server before it serves, or soon after.
func (k *killer) inTheBud() {
	s := spawn(k.in.t, k.in.config)
	select {
	case <-time.After(time.Duration(rand.IntN(150)) * time.Millisecond):
	case <-s.exited:
		k.in.t.Errorf("a server ended by itself:\n%s", s.log.tail())
	}
	s.kill()
	k.killed++
	k.settle()
}

// settle lets the leases of a killed server run out at once: nobody holds them any more, and the test does not wait a
// minute for it. SQLite's next server takes them over by itself.
func (k *killer) settle() {
	if k.database != onPostgres {
		return
	}
	ctx := context.WithoutCancel(k.in.t.Context())
	db := k.in.db()
	until(k.in.t, 30*time.Second, "the connections of the killed server do not end", func() bool {
		return k.in.count(db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'countersign'`) == 0
	})
	if _, err := db.ExecContext(ctx, `UPDATE job SET claim_us = $1 WHERE lease_owner IS NOT NULL AND claim_us > $1`, time.Now().UnixMicro()); err != nil {
		k.in.t.Fatalf("end the leases: %v", err)
	}
	if err := db.Close(); err != nil {
		k.in.t.Error(err)
	}
}

// spin waits for less than a timer can.
func spin(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
	}
}

// onNthWrite calls strike within microseconds of the nth write to a file.
func onNthWrite(t testing.TB, file string, n int, strike func()) (disarm func()) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		t.Fatalf("inotify: %v", err)
	}
	watch := os.NewFile(uintptr(fd), "inotify") // a read of it waits in the poller, and Close ends it
	if _, err := syscall.InotifyAddWatch(fd, file, syscall.IN_MODIFY); err != nil {
		t.Fatalf("watch %s: %v", file, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		events := make([]byte, syscall.SizeofInotifyEvent) // one at a time: a watch of a file has no name in its events
		for range n {
			if _, err := watch.Read(events); err != nil {
				return
			}
		}
		strike()
	}()
	return func() {
		_ = watch.Close()
		<-ended
	}
}

// tallyLine prints a result where a person looks for it, also when tests pass.
func tallyLine(t testing.TB, format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	t.Log(line)
	fmt.Println(line)
}
