package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
	"github.com/countersign/countersign/internal/uid"
)

// refused starts a server that must not come up, and gives what it says.
func refused(t *testing.T, config string) string {
	t.Helper()
	s := spawn(t, config)
	if s.serves() {
		t.Fatal("the server serves")
	}
	if code := s.exit(time.Minute); code != 1 {
		t.Errorf("the server ended with %d, want 1", code)
	}
	return s.log.String()
}

// state is the content of the database, to see whether anything was written.
func (in *installation) state() []byte {
	if in.url != "" {
		dump := in.dump()
		// pg_dump of newer releases guards its output with a random word.
		lines := bytes.SplitAfter(dump, []byte("\n"))
		out := lines[:0]
		for _, l := range lines {
			if !bytes.HasPrefix(l, []byte(`\restrict`)) && !bytes.HasPrefix(l, []byte(`\unrestrict`)) {
				out = append(out, l)
			}
		}
		return bytes.Join(out, nil)
	}
	text, err := os.ReadFile(in.file())
	if err != nil {
		in.t.Fatal(err)
	}
	return text
}

func TestFault_AnotherMasterKeyIsRefusedAndNothingWritten(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		s := in.up()
		if code := s.stop(time.Minute); code != 0 {
			t.Fatalf("the server ended with %d:\n%s", code, s.log.tail())
		}
		before := in.state()
		wrong := in.write("wrong.yaml", "data", in.url, in.masterKey("other.key"), wide)
		if said := refused(t, wrong); !strings.Contains(said, "the master key does not belong to this database") ||
			!strings.Contains(said, "master_key_file") {
			t.Errorf("it says %q", said)
		}
		if !bytes.Equal(before, in.state()) {
			t.Error("the database was changed")
		}
		in.up()
		in.begin(t, nil) // the right one still works
	})
}

func TestFault_ADatabaseNewerThanTheProgramIsRefused(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		db := in.db()
		if _, err := db.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)`); err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		before := in.state()
		if said := refused(t, in.config); !strings.Contains(said, "newer") {
			t.Errorf("it says %q", said)
		}
		if !bytes.Equal(before, in.state()) {
			t.Error("the database was changed")
		}
	})
}

// TestFault_WhatCannotBeOpenedIsRefused: each refusal names the key of the configuration, and what to do.
func TestFault_WhatCannotBeOpenedIsRefused(t *testing.T) {
	t.Parallel()
	in := install(t, onSQLite, settings{})
	busy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = busy.Close() })
	config, err := os.ReadFile(in.config)
	if err != nil {
		t.Fatal(err)
	}
	open := in.masterKey("open.key")
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	inTheWay := filepath.Join(in.dir, "file")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, says string }{
		"port taken":              {"listen: 127.0.0.1:0", "listen: " + busy.Addr().String(), "choose another address"},
		"data directory a file":   {in.cfg.DataDir, inTheWay, "data_dir"},
		"master key for everyone": {in.cfg.MasterKeyFile, open, "master key"},
		"master key missing":      {in.cfg.MasterKeyFile, filepath.Join(in.dir, "none"), "master key"},
		"key not known":           {"audit:", "adiut:", "adiut"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.ReplaceAll(string(config), c.old, c.new)
			if text == string(config) {
				t.Fatal("nothing was changed")
			}
			file := filepath.Join(t.TempDir(), "config.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if said := refused(t, file); !strings.Contains(said, c.says) || strings.Contains(said, "panic") {
				t.Errorf("it says %q, want something about %q", said, c.says)
			}
		})
	}
}

// unavailable fails unless the answer is 503 with the seconds to wait.
func unavailable(t *testing.T, what string, a answer) {
	t.Helper()
	if wait, err := strconv.Atoi(a.header.Get("Retry-After")); a.status != http.StatusServiceUnavailable || err != nil || wait < 1 {
		t.Errorf("%s: %v (Retry-After %q), want 503 with Retry-After", what, a, a.header.Get("Retry-After"))
	}
}

// TestFault_ADatabaseThatGoesAwayLosesNothing ends PostgreSQL under load, as a crash does, and starts it again: 503
// meanwhile, and then everything that was accepted is there.
func TestFault_ADatabaseThatGoesAwayLosesNothing(t *testing.T) {
	t.Parallel()
	own := postgrestest.Own(t)
	in := install(t, onPostgres, settings{url: own.URL})
	r := &run{installation: in, t: t, stop: make(chan struct{}), accepted: map[string]int{}, approvals: map[string]int{}}
	s := in.up()
	var working sync.WaitGroup
	for range 8 {
		working.Go(r.caller)
	}
	for range 3 {
		r.progress()
		own.Crash()
		until(t, 10*time.Second, "it does not say that it is not ready", func() bool {
			return in.call(t.Context(), http.MethodGet, "/readyz", "", nil).status == http.StatusServiceUnavailable
		})
		unavailable(t, "a start without a database", in.start(t.Context(), "", body{"to": in.number()}))
		unavailable(t, "a check without a database", in.check(t.Context(), "", uid.Random(time.Now()).Text(uid.Verification), "123456"))
		if a := in.call(t.Context(), http.MethodGet, "/healthz", "", nil); !a.ok() {
			t.Errorf("/healthz: %v", a)
		}
		own.Start(t)
		until(t, 30*time.Second, "it does not get ready again", func() bool {
			return in.call(t.Context(), http.MethodGet, "/readyz", "", nil).ok()
		})
	}
	close(r.stop)
	working.Wait()
	r.judge()
	tallyLine(t, "PostgreSQL crashed 3 times under load: %v", &r.tally)
	select {
	case <-s.exited:
	default:
		t.Error("the server of the beginning is not the one that was stopped in the end")
	}
	r.broken()
}

// TestFault_AFullDiskAcceptsNothingAndRecovers takes the room away from the running server by its limit on the size of
// files: every write fails, as on a full disk.
func TestFault_AFullDiskAcceptsNothingAndRecovers(t *testing.T) {
	t.Parallel()
	in := install(t, onSQLite, settings{})
	s := in.up()
	id, code := in.begin(t, nil)
	in.drained(t)
	limitFiles(t, s, 4096)
	to := in.number()
	until(t, 10*time.Second, "starts are accepted on a full disk", func() bool {
		return in.start(t.Context(), "", body{"to": in.number()}).status == http.StatusServiceUnavailable
	})
	sent := in.relay.total()
	for range 10 {
		unavailable(t, "a start", in.start(t.Context(), "", body{"to": to}))
		unavailable(t, "the right code", in.check(t.Context(), "", id, code))
		unavailable(t, "a wrong code", in.check(t.Context(), "", id, otherCode(code, 1)))
	}
	if n := in.relay.total(); n != sent {
		t.Errorf("%d messages left for starts that were refused", n-sent)
	}
	if v := in.get(t.Context(), id).view(t); v.Status != "pending" || v.ChecksLeft != maxChecks {
		t.Errorf("the verification is %s with %d checks left; nothing was to change", v.Status, v.ChecksLeft)
	}
	limitFiles(t, s, 1<<40)
	if !in.check(t.Context(), "", id, code).view(t).Valid {
		t.Error("the right code is wrong once there is room again")
	}
	in.begin(t, nil)
	if exit := s.stop(time.Minute); exit != 0 {
		t.Errorf("the server ended with %d", exit)
	}
	if pending := in.verifyAudit(); pending != 0 {
		t.Errorf("%d events are not sealed", pending)
	}
}

// TestFault_AProviderThatLiesIsSeen: it takes the message, and reports later that it failed.
func TestFault_AProviderThatLiesIsSeen(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		s := in.up()
		id, code := in.begin(t, nil)
		m := in.relay.messages(id)[0]
		until(t, 30*time.Second, "the message is not told as sent", func() bool { return in.deliveryState(id) == "sent" })
		report := func(secret string) answer {
			return in.report(secret, body{"delivery_id": m.Delivery, "state": "failed", "error": "unroutable"})
		}
		if a := report("whsec_" + strings.Repeat("QUJD", 11)); a.status != http.StatusUnauthorized {
			t.Errorf("a receipt with a false signature: %v", a)
		}
		for range 2 { // receipts come twice
			if a := report(relaySecret); a.status != http.StatusAccepted {
				t.Errorf("a receipt: %v", a)
			}
		}
		v := in.get(t.Context(), id).view(t)
		if d := v.Sends.List[0].Deliveries[0]; d.State != "failed" || d.Error != "unroutable" {
			t.Errorf("the delivery is %s (%s), want failed (unroutable)", d.State, d.Error)
		}
		in.report(relaySecret, body{"delivery_id": m.Delivery, "state": "sent"})
		if got := in.deliveryState(id); got != "failed" {
			t.Errorf("a late receipt put the delivery back to %s", got)
		}
		if v.Status != "pending" || !in.check(t.Context(), "", id, code).view(t).Valid {
			t.Errorf("the verification is %s, and its code, which did arrive, is not right", v.Status)
		}
		if code := s.stop(time.Minute); code != 0 {
			t.Errorf("the server ended with %d", code)
		}
		events, _ := in.events()
		receipts := 0
		for _, e := range events {
			if e.Type == "verification.receipt" && strings.Contains(string(e.Data), "unroutable") {
				receipts++
			}
		}
		if receipts != 1 {
			t.Errorf("%d events tell of the failure, want 1", receipts)
		}
	})
}

// deliveryState is that of the first delivery.
func (in *installation) deliveryState(id string) string {
	v := in.get(in.t.Context(), id).view(in.t)
	if len(v.Sends.List[0].Deliveries) == 0 {
		return ""
	}
	return v.Sends.List[0].Deliveries[0].State
}

// report sends a receipt, signed by the published library.
func (in *installation) report(secret string, receipt body) answer {
	in.t.Helper()
	text, err := json.Marshal(receipt)
	if err != nil {
		in.t.Fatal(err)
	}
	signer, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		in.t.Fatal(err)
	}
	now, id := time.Now(), unique()
	signature, err := signer.Sign(id, now, text)
	if err != nil {
		in.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(in.t.Context(), http.MethodPost, in.base()+"/callbacks/main", bytes.NewReader(text))
	if err != nil {
		in.t.Fatal(err)
	}
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("Webhook-Signature", signature)
	res, err := in.http.Do(req)
	if err != nil {
		return answer{err: err}
	}
	return answer{status: res.StatusCode, header: res.Header, err: res.Body.Close()}
}

// TestFault_AStopFinishesWhatWasAccepted asks a server to stop while its messages wait for a slow provider.
func TestFault_AStopFinishesWhatWasAccepted(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		const n = 40
		in := install(t, database, settings{})
		s := in.up()
		release := in.relay.hang()
		defer release()
		started := atATime(n, func(int) answer { return in.start(t.Context(), "", body{"to": in.number()}) })
		until(t, 4*time.Second, "the messages are not on their way", func() bool { return in.relay.inFlight.Load() == n })
		ended := make(chan int)
		go func() { ended <- s.stop(time.Minute) }()
		until(t, 10*time.Second, "a stopping server takes new work", func() bool {
			return in.call(context.WithoutCancel(t.Context()), http.MethodGet, "/healthz", "", nil).err != nil
		})
		release()
		if code := <-ended; code != 0 {
			t.Errorf("the server ended with %d", code)
		}
		db := in.db()
		for what, c := range map[string]struct {
			query string
			want  int
		}{
			"jobs are left":         {`SELECT count(*) FROM job`, 0},
			"deliveries are sent":   {`SELECT count(*) FROM delivery WHERE state = 'sent'`, n},
			"deliveries of any":     {`SELECT count(*) FROM delivery`, n},
			"events are not sealed": {`SELECT count(*) FROM audit_pending`, 0},
		} {
			if got := in.count(db, c.query); got != c.want {
				t.Errorf("%d %s, want %d", got, what, c.want)
			}
		}
		in.up()
		for _, a := range started {
			id := a.view(t).ID
			if got := in.relay.messages(id); len(got) != 1 || !in.check(t.Context(), "", id, got[0].Code).view(t).Valid {
				t.Errorf("%s has %d messages, want one with the right code", id, len(got))
			}
		}
	})
}

// TestFault_OverloadIsToldAndPasses locks the writers of the database out: who has waited for too long is sent away, with
// the time to come again, and nothing of it is done; afterwards all is well by itself.
func TestFault_OverloadIsToldAndPasses(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		const n = 200
		in := install(t, database, settings{})
		in.up()
		in.begin(t, nil)
		in.drained(t)
		letGo := in.lockOut(t)
		answers := make(chan []answer)
		go func() {
			answers <- atATime(n, func(i int) answer { return in.start(t.Context(), "", body{"to": number(500_000 + i)}) })
		}()
		<-time.After(3500 * time.Millisecond) // the longest wait is two seconds
		letGo()
		accepted := 0
		for _, a := range <-answers {
			if a.ok() {
				accepted++
				continue
			}
			unavailable(t, "a start", a)
		}
		if accepted == n {
			t.Errorf("all %d starts were accepted by a database that stood still for 3.5 s", n)
		}
		in.begin(t, nil)
		in.drained(t)
		if made := in.count(in.db(), `SELECT count(*) FROM verification`); made != accepted+2 {
			t.Errorf("%d verifications were made for %d accepted starts", made-2, accepted)
		}
	})
}

// lockOut makes every write of the servers wait until the function that it gives is called.
func (in *installation) lockOut(t *testing.T) (letGo func()) {
	t.Helper()
	conn, err := in.db().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lock := []string{"BEGIN IMMEDIATE"}
	if in.url != "" {
		lock = []string{"BEGIN", "LOCK TABLE recipient_state, event IN EXCLUSIVE MODE"}
	}
	for _, statement := range lock {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return func() {
		if _, err := conn.ExecContext(t.Context(), "ROLLBACK"); err != nil {
			t.Errorf("let go: %v", err)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFault_AWireThatBreaksOrFallsSilentLosesNothing takes the answers of PostgreSQL away under load: a connection that
// breaks in the place of a result, so that the server can't know whether its commit took place, and a wire on which
// nothing moves for a while.
func TestFault_AWireThatBreaksOrFallsSilentLosesNothing(t *testing.T) {
	t.Parallel()
	in := install(t, onPostgres, settings{wire: true})
	r := &run{installation: in, t: t, stop: make(chan struct{}), accepted: map[string]int{}, approvals: map[string]int{}}
	in.up()
	var working sync.WaitGroup
	for range 8 {
		working.Go(r.caller)
	}
	for n := range 12 {
		r.progress()
		if n%4 == 3 {
			gate := make(chan struct{})
			in.wire.set(func(way) { <-gate })
			<-time.After(3 * time.Second) // longer than anything waits for an answer
			in.wire.set(nil)
			close(gate)
			continue
		}
		var left atomic.Int64
		left.Store(1 + rand.Int64N(30))
		broken := make(chan struct{})
		in.wire.set(func(w way) {
			if w == toServer && left.Add(-1) == 0 {
				in.wire.cut(false)
				close(broken)
			}
		})
		<-broken
		in.wire.set(nil)
	}
	close(r.stop)
	working.Wait()
	r.judge()
	tallyLine(t, "the wire to PostgreSQL broke 9 times and fell silent 3 times under load: %v", &r.tally)
	r.broken()
}
