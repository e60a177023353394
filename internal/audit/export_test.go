package audit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
	"github.com/countersign/countersign/internal/uid"
)

func exported(t *testing.T, r audit.Reader, opts audit.ExportOptions) []byte {
	t.Helper()
	opts.Verifier = verifier
	var out bytes.Buffer
	if err := audit.Export(t.Context(), &out, r, opts); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func checked(t *testing.T, export []byte) audit.ExportReport {
	t.Helper()
	r, err := audit.VerifyExport(bytes.NewReader(export), verifier)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExport_every_event_carries_a_proof_that_holds(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 256, 257, 5000} {
		log, _ := sealed(t, n)
		r := checked(t, exported(t, log, audit.ExportOptions{}))
		if !r.OK() || r.Events != int64(n) || r.Size != int64(n) {
			t.Errorf("size %d:\n%s", n, r.String())
		}
	}
}

func TestExport_a_line_can_be_read_by_people(t *testing.T) {
	t.Parallel()
	log, _ := sealed(t, 4)
	e := must(log.Events(t.Context(), uid.ID{}, uid.Floor(audittest.Start.Add(time.Hour)), 1))(t)[0]
	lines := bytes.Split(exported(t, log, audit.ExportOptions{}), []byte{'\n'})
	var got map[string]any
	if err := json.Unmarshal(lines[1], &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"kind": "event", "index": 0.0, "id": e.ID.Text(uid.Event), "tenant": e.Tenant.Text(), "type": "verification.started",
		"object": e.Object.Text(uid.Verification), "at": "2026-03-01T12:00:00Z", "actor": "key:key_1", "request_id": "req_1", "subject": "sealed",
	} {
		if got[key] != want {
			t.Errorf("%s = %v, want %v", key, got[key], want)
		}
	}
	if !bytes.Contains(lines[1], []byte(`"data":{"n":0, "sign":"<"}`)) {
		t.Errorf("the data is not as it was written: %s", lines[1])
	}
}

func TestExport_filters_by_tenant_and_time(t *testing.T) {
	t.Parallel()
	log, _ := sealed(t, 1000)
	at := func(ms int) time.Time { return audittest.Start.Add(time.Duration(ms) * time.Millisecond) }
	for _, c := range []struct {
		name string
		opts audit.ExportOptions
		want int64
	}{
		{"tenant", audit.ExportOptions{Tenant: audittest.Tenant(1)}, 500},
		{"since", audit.ExportOptions{Since: at(990)}, 10},
		{"until", audit.ExportOptions{Until: at(10)}, 10},
		{"all of them", audit.ExportOptions{Tenant: audittest.Tenant(0), Since: at(500), Until: at(510)}, 5},
		{"nobody", audit.ExportOptions{Tenant: audittest.Tenant(9)}, 0},
	} {
		out := exported(t, log, c.opts)
		if r := checked(t, out); !r.OK() || r.Events != c.want {
			t.Errorf("%s: want %d events\n%s", c.name, c.want, r.String())
		}
		if c.opts.Tenant == audittest.Tenant(0) && strings.Contains(string(out), audittest.Tenant(1).Text()) {
			t.Errorf("%s: the export shows another tenant", c.name)
		}
	}
}

// varied is a sealed log of n events of two tenants, of which every fifth is of another type, every seventh of another actor, and every
// 25th about one thing.
func varied(t *testing.T, n int) (log *audittest.Memory, thing uid.ID) {
	t.Helper()
	events := audittest.Events(n, audittest.Start)
	thing = events[50].Object
	for i := range events {
		e := &events[i]
		if i%5 == 0 {
			e.Type = "invitation.created"
		}
		if i%7 == 0 {
			e.Actor = "operator:opr_1"
		}
		if i >= 50 && i%25 == 0 {
			e.Object = thing
		}
	}
	log = audittest.NewMemory()
	if err := log.Write(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	if _, err := audittest.Sealer(t, audit.SealerConfig{}, log).SealNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	return log, thing
}

func TestExport_of_a_selection_proves_each_event_and_says_what_was_selected(t *testing.T) {
	t.Parallel()
	log, thing := varied(t, 1000)
	mine := audittest.Tenant(0)
	at := func(ms int) time.Time { return audittest.Start.Add(time.Duration(ms) * time.Millisecond) }
	for _, c := range []struct {
		name string
		opts audit.ExportOptions
		want int64
		only string
	}{
		{"all", audit.ExportOptions{}, 500, ""},
		{"a type", audit.ExportOptions{Type: "invitation.created"}, 100, "type invitation.created"},
		{"an actor", audit.ExportOptions{Actor: "operator:opr_1"}, 72, "actor operator:opr_1"},
		{"a thing", audit.ExportOptions{Object: thing}, 19, "object " + thing.UUID()},
		{"all of them", audit.ExportOptions{Type: "invitation.created", Actor: "operator:opr_1", Since: at(0), Until: at(701)}, 11,
			"type invitation.created, actor operator:opr_1, since 2026-03-01T12:00:00Z, until 2026-03-01T12:00:00Z"},
		{"what nobody did", audit.ExportOptions{Type: "key.revoked"}, 0, "type key.revoked"},
	} {
		c.opts.Tenant = mine
		r := checked(t, exported(t, log, c.opts))
		only := ""
		if r.Only != nil {
			only = r.Only.String()
		}
		if !r.OK() || r.Events != c.want || only != c.only || strings.Contains(r.String(), "only ") != (only != "") {
			t.Errorf("%s: want %d events, only %q\n%s", c.name, c.want, c.only, r.String())
		}
	}
	_ = log.Write(t.Context(), audittest.Events(8, audittest.Start.Add(time.Hour)))
	if r := checked(t, exported(t, log, audit.ExportOptions{Tenant: mine, Type: "verification.started"})); r.Events != 400 || r.Later != 4 {
		t.Errorf("want 400 events, and 4 later ones of the type\n%s", r.String())
	}
	if r := checked(t, exported(t, log, audit.ExportOptions{Tenant: mine, Type: "invitation.created"})); r.Later != 0 {
		t.Errorf("later ones of another type are counted\n%s", r.String())
	}
}

// TestSEC_98_Export_of_a_selection_misses_nothing_that_was_changed so as not to be selected: of the tenant, in the time that is asked for.
func TestSEC_98_Export_of_a_selection_misses_nothing_that_was_changed(t *testing.T) {
	t.Parallel()
	at := func(ms int) time.Time { return audittest.Start.Add(time.Duration(ms) * time.Millisecond) }
	for _, c := range []struct {
		name    string
		change  func(e *audit.Event)
		opts    audit.ExportOptions
		refused bool
	}{
		{"another type", func(e *audit.Event) { e.Type = "key.created" }, audit.ExportOptions{Type: "invitation.created"}, true},
		{"another actor", func(e *audit.Event) { e.Actor = "system" }, audit.ExportOptions{Type: "invitation.created", Actor: "operator:opr_1"}, true},
		{"another thing", func(e *audit.Event) { e.Object = uid.ID{1} }, audit.ExportOptions{Type: "invitation.created"}, true},
		{"out of the time", func(e *audit.Event) { e.Type = "key.created" }, audit.ExportOptions{Type: "invitation.created", Since: at(800)}, false},
		{"where nothing else is selected", func(e *audit.Event) { e.Type = "key.created" }, audit.ExportOptions{Type: "invitation.created", Since: at(70), Until: at(71)}, true},
	} {
		log, _ := varied(t, 1000)
		log.Tamper(func(r *audittest.Rows) {
			c.change(&r.Events[70])
			leaf := r.Events[70].Leaf() // and the log's own hash of it with it
			copy(r.Tiles[audittest.TileKey{Level: 0, N: 0}][70*len(leaf):], leaf[:])
		})
		if c.opts.Tenant.IsZero() {
			c.opts.Tenant = audittest.Tenant(0)
		}
		c.opts.Verifier = verifier
		var out bytes.Buffer
		err := audit.Export(t.Context(), &out, log, c.opts)
		if refused := err != nil; refused != c.refused || refused && !strings.Contains(err.Error(), "is not as it was sealed") {
			t.Errorf("%s: %v, refused %t", c.name, err, c.refused)
		}
	}
}

func TestExport_leaves_out_what_is_newer_than_the_checkpoint_and_says_so(t *testing.T) {
	t.Parallel()
	log, _ := sealed(t, 300)
	_ = log.Write(t.Context(), audittest.Events(7, audittest.Start.Add(time.Hour)))
	if r := checked(t, exported(t, log, audit.ExportOptions{})); r.Events != 300 || r.Later != 7 {
		t.Errorf("want 300 events and 7 later ones\n%s", r.String())
	}
	var out bytes.Buffer
	if err := audit.Export(t.Context(), &out, audittest.NewMemory(), audit.ExportOptions{Verifier: verifier}); !errors.Is(err, audit.ErrNoCheckpoint) {
		t.Errorf("export of an empty log = %v, want ErrNoCheckpoint", err)
	}
}

func TestExport_refuses_an_event_that_was_changed(t *testing.T) {
	t.Parallel()
	log, _ := sealed(t, 300)
	log.Tamper(func(r *audittest.Rows) { r.Events[123].Actor = "system" })
	var out bytes.Buffer
	err := audit.Export(t.Context(), &out, log, audit.ExportOptions{Verifier: verifier})
	if err == nil || !strings.Contains(err.Error(), "entry 123") {
		t.Errorf("export of a changed event = %v, want an error about entry 123", err)
	}
}

func TestSEC_98_a_changed_export_is_found(t *testing.T) {
	t.Parallel()
	log, _ := sealed(t, 300)
	good := exported(t, log, audit.ExportOptions{})
	lines := slices.Collect(bytes.Lines(good))
	replaced := func(n int, old, with string) []byte {
		l := slices.Clone(lines)
		l[n] = bytes.Replace(l[n], []byte(old), []byte(with), 1)
		if bytes.Equal(l[n], lines[n]) {
			t.Fatalf("line %d has no %q", n+1, old)
		}
		return bytes.Join(l, nil)
	}
	for _, c := range []struct {
		name   string
		export []byte
		line   int
	}{
		{"type", replaced(5, "verification.started", "verification.denied"), 6},
		{"time", replaced(5, "12:00:00.00", "12:00:01.00"), 6},
		{"data", replaced(4, `"n":3`, `"n":4`), 5},
		{"index", replaced(5, `"index":4`, `"index":5`), 6},
		{"digest of the subject", replaced(5, `"subject_digest":"`, `"subject_digest":"AA`), 6},
		{"size in the checkpoint", replaced(0, `test\n300`, `test\n301`), 1},
		{"a line taken out", bytes.Join(slices.Delete(slices.Clone(lines), 3, 4), nil), 301},
		{"the end taken out", bytes.Join(lines[:301], nil), 302},
		{"a line behind the end", append(slices.Clone(good), lines[3]...), 303},
		{"not JSON", replaced(5, "{", "["), 6},
	} {
		r := checked(t, c.export)
		if r.OK() || r.Findings[0].Line != c.line {
			t.Errorf("%s: want a finding at line %d\n%s", c.name, c.line, r.String())
		}
	}
}

func TestSEC_99_an_erased_subject_is_gone_and_the_log_still_verifies(t *testing.T) {
	t.Parallel()
	log, outside := sealed(t, 700)
	is := func(e *audit.Event) (bool, error) { return string(e.Subject.Sealed) == "sealed 4", nil }
	er := audit.Erasure{Tenant: audittest.Tenant(0), Bucket: audittest.Bucket, Actor: "command", Is: is}
	n, err := audit.EraseSubject(t.Context(), log, er, audittest.Start.Add(time.Hour))
	if err != nil || n != 35 {
		t.Fatalf("EraseSubject = %d, %v, want 35", n, err)
	}
	if again, err := audit.EraseSubject(t.Context(), log, er, audittest.Start.Add(time.Hour)); again != 0 || err != nil {
		t.Errorf("erasing again = %d, %v, want 0", again, err)
	}
	r := verified(t, log, outside)
	expect(t, r)
	if r.Erased != 35 || r.Pending != 1 {
		t.Errorf("want 35 erased and the tombstone pending\n%s", r.String())
	}
	if _, err := audittest.Sealer(t, audit.SealerConfig{}, log).SealNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, verified(t, log, outside))
	out := exported(t, log, audit.ExportOptions{Reveal: func(e *audit.Event) (string, error) { return string(e.Subject.Sealed), nil }})
	if bytes.Contains(out, []byte("sealed 4")) || !bytes.Contains(out, []byte("sealed 5")) {
		t.Error("the export shows the erased subject, or not the others")
	}
	if got := bytes.Count(out, []byte(`"subject":"erased"`)); got != 35 {
		t.Errorf("the export shows %d erased subjects, want 35", got)
	}
	if x := checked(t, out); !x.OK() || x.Erased != 35 || x.Events != 701 {
		t.Errorf("the export does not verify:\n%s", x.String())
	}
}

func TestSEC_99_a_subject_that_does_not_open_stops_the_erasure(t *testing.T) {
	t.Parallel()
	log, _ := sealed(t, 100)
	before := exported(t, log, audit.ExportOptions{})
	_, err := audit.EraseSubject(t.Context(), log, audit.Erasure{
		Tenant: audittest.Tenant(0), Bucket: audittest.Bucket,
		Is: func(*audit.Event) (bool, error) { return true, errors.New("wrong key") },
	}, audittest.Start)
	if err == nil || !bytes.Equal(before, exported(t, log, audit.ExportOptions{})) {
		t.Errorf("EraseSubject = %v, want an error and nothing erased", err)
	}
}

func TestSEC_98_pruned_ranges_are_told_and_nothing_hides_behind_them(t *testing.T) {
	t.Parallel()
	log, outside := sealed(t, 1000)
	signer := audittest.Signer(t)
	for _, ms := range []int{200, 450} {
		before := audittest.Start.Add(time.Duration(ms) * time.Millisecond)
		if _, err := audit.PruneEvents(t.Context(), log, signer, before, before); err != nil {
			t.Fatal(err)
		}
	}
	r := verified(t, log, outside)
	expect(t, r)
	if fmt.Sprint(r.Pruned) != "[{0 200 200} {200 450 250}]" || r.Events != 550 {
		t.Errorf("want two pruned ranges\n%s", r.String())
	}
	if x := checked(t, exported(t, log, audit.ExportOptions{})); !x.OK() || x.Events != 550 {
		t.Errorf("the export of a pruned log:\n%s", x.String())
	}
	for _, c := range []struct {
		name   string
		change func(r *audittest.Rows)
		want   []string
	}{
		{"an event behind the bound dropped too", func(r *audittest.Rows) { r.Events = r.Events[1:] }, []string{"missing 450-451"}},
		{"and its id made an old one", func(r *audittest.Rows) {
			r.Events = r.Events[1:]
			copy(r.Tiles[audittest.TileKey{Level: audit.OrderLevel, N: 1}][(450-256)*16:], make([]byte, 8))
		}, []string{"missing 450-451"}},
		{"and the id of one inside made an old one of another record", func(r *audittest.Rows) {
			copy(r.Tiles[audittest.TileKey{Level: audit.OrderLevel, N: 1}][(300-256)*16:], make([]byte, 8))
		}, []string{"prune 200-450", "missing 300-301"}},
		{"an id in the pruned range changed", func(r *audittest.Rows) {
			r.Tiles[audittest.TileKey{Level: audit.OrderLevel, N: 0}][100*16+15] ^= 1
		}, []string{"prune 0-200"}},
		{"a record taken out", func(r *audittest.Rows) { r.Prunes = r.Prunes[1:] }, nil},
		{"a record changed", func(r *audittest.Rows) { r.Prunes[1].Before[0]++ }, nil},
	} {
		bad := log.Clone()
		bad.Tamper(c.change)
		report := verified(t, bad, outside)
		if c.want == nil {
			if report.OK() {
				t.Errorf("%s: was not found", c.name)
			}
			continue
		}
		t.Run(c.name, func(t *testing.T) { expect(t, report, c.want...) })
	}
}

func TestPruneEvents_a_crash_before_the_removal_leaves_a_log_that_verifies(t *testing.T) {
	t.Parallel()
	log, outside := sealed(t, 1000)
	full := log.Clone()
	before := audittest.Start.Add(400 * time.Millisecond)
	if _, err := audit.PruneEvents(t.Context(), log, audittest.Signer(t), before, before); err != nil {
		t.Fatal(err)
	}
	records := must(log.Prunes(t.Context()))(t)
	full.Tamper(func(r *audittest.Rows) { r.Prunes = records })
	expect(t, verified(t, full, outside))
	full.Tamper(func(r *audittest.Rows) { r.Events = slices.Delete(r.Events, 100, 300) })
	expect(t, verified(t, full, outside))
	full.Tamper(func(r *audittest.Rows) { r.Events[50].Actor = "system" })
	expect(t, verified(t, full, outside), "changed 50-51")
}

func TestPruneEvents_covers_events_that_were_sealed_out_of_order(t *testing.T) {
	t.Parallel()
	log := audittest.NewMemory()
	s := audittest.Sealer(t, audit.SealerConfig{}, log)
	events := audittest.Events(300, audittest.Start)
	for _, part := range [][]audit.Event{events[:100], events[150:200], events[100:150], events[200:]} {
		_ = log.Write(t.Context(), part)
		must(s.SealNow(t.Context()))(t)
	}
	for _, ms := range []int{120, 130, 180, 200} {
		before := audittest.Start.Add(time.Duration(ms) * time.Millisecond)
		must(audit.PruneEvents(t.Context(), log, audittest.Signer(t), before, before))(t)
		r := verified(t, log, nil)
		expect(t, r)
		if r.Events != int64(300-ms) {
			t.Errorf("pruned to %d: %d events are left, want %d", ms, r.Events, 300-ms)
		}
	}
}

func FuzzVerifyExport(f *testing.F) {
	log := audittest.NewMemory()
	events := audittest.Events(5, audittest.Start)
	for i := range events { // the workers of the fuzzer are other processes: nothing may be random
		copy(events[i].ID[8:], "\x801234567")
		copy(events[i].Object[8:], "\x801234567")
		events[i].Subject = audit.Subject{}
	}
	_ = log.Write(background, events)
	if _, err := audittest.Sealer(f, audit.SealerConfig{}, log).SealNow(background); err != nil {
		f.Fatal(err)
	}
	var good bytes.Buffer
	if err := audit.Export(background, &good, log, audit.ExportOptions{Verifier: verifier}); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add(good.Bytes()[:good.Len()/2])
	sealed := map[string]bool{}
	for _, e := range events {
		sealed[e.ID.Text(uid.Event)] = true
	}
	f.Fuzz(func(t *testing.T, export []byte) {
		r, err := audit.VerifyExport(bytes.NewReader(export), verifier)
		if err != nil || !r.OK() {
			return
		}
		for line := range bytes.Lines(export) {
			var e struct{ Kind, ID string }
			if json.Unmarshal(line, &e) == nil && e.Kind == "event" && !sealed[e.ID] {
				t.Fatalf("an event that was never sealed passed: %s", line)
			}
		}
	})
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
