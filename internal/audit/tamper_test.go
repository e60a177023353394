package audit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
)

// sealed makes a log of n sealed events with a checkpoint every 100 and the content of its checkpoint file.
func sealed(t testing.TB, n int) (*audittest.Memory, []byte) {
	t.Helper()
	log := audittest.NewMemory()
	file := audit.NewCheckpointFile(t.TempDir() + "/checkpoints")
	s := audittest.Sealer(t, audit.SealerConfig{Outside: file}, log)
	step := max(100, n/8)
	events := audittest.Events(n, audittest.Start)
	for part := range slices.Chunk(events, step) {
		if err := log.Write(t.Context(), part); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SealNow(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	data, err := file.Read()
	if err != nil {
		t.Fatal(err)
	}
	return log, data
}

type fataler interface {
	Helper()
	Fatal(args ...any)
}

func verified(t fataler, r audit.Reader, outside []byte) audit.Report {
	t.Helper()
	report, err := audit.Verify(background, r, audit.VerifyOptions{Verifier: verifier, Outside: outside})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// short is a finding without its words.
func short(f audit.Finding) string { return fmt.Sprintf("%s %d-%d", f.Kind, f.Index, f.End) }

func shorts(r audit.Report) []string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, short(f))
	}
	return list
}

func expect(t *testing.T, r audit.Report, want ...string) {
	t.Helper()
	if got := shorts(r); !slices.Equal(got, want) {
		t.Errorf("findings %v, want %v\n%s", got, want, r.String())
	}
}

func TestSEC_98_an_untouched_log_verifies(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 255, 256, 257, 511, 512, 4095, 4096, 4097, 9000} {
		log, outside := sealed(t, n)
		r := verified(t, log, outside)
		expect(t, r)
		if r.Events != int64(n) || r.Covered != int64(n) || r.Outside == 0 || r.Outside != r.Checkpoints {
			t.Errorf("size %d: the report misses something:\n%s", n, r.String())
		}
	}
}

func TestSEC_98_each_change_of_an_event_is_found_at_its_index(t *testing.T) {
	t.Parallel()
	log, outside := sealed(t, 600)
	other := []byte("1234567890123456")
	changes := map[string]func(e *audit.Event){
		"tenant":     func(e *audit.Event) { copy(e.Tenant[:], other) },
		"type":       func(e *audit.Event) { e.Type = "verification.approved" },
		"object":     func(e *audit.Event) { copy(e.Object[:], other) },
		"time":       func(e *audit.Event) { e.At = e.At.Add(time.Microsecond) },
		"actor":      func(e *audit.Event) { e.Actor += "0" },
		"request id": func(e *audit.Event) { e.RequestID = "" },
		"digest":     func(e *audit.Event) { e.Subject.Digest[31] ^= 1 },
		"data":       func(e *audit.Event) { e.Data = append(bytes.Clone(e.Data), ' ') },
		"a byte moved from one field to the next": func(e *audit.Event) {
			e.RequestID, e.Actor = e.Actor[len(e.Actor)-1:]+e.RequestID, e.Actor[:len(e.Actor)-1]
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := log.Clone()
			bad.Tamper(func(r *audittest.Rows) { change(&r.Events[257]) })
			got := shorts(verified(t, bad, outside))
			if i := slices.Index(got, "changed 257-258"); i < 0 || len(got) > 1 && name != "digest" {
				t.Errorf("findings %v, want changed at 257", got)
			}
		})
	}
}

func TestSEC_98_tampering_is_named_at_its_index(t *testing.T) {
	t.Parallel()
	log, outside := sealed(t, 700) // checkpoints every 100
	head, _ := log.Head(t.Context())
	flip := func(level int, n int64, at int) func(r *audittest.Rows) {
		return func(r *audittest.Rows) { r.Tiles[audittest.TileKey{Level: level, N: n}][at] ^= 1 }
	}
	cases := []struct {
		name   string
		change func(r *audittest.Rows)
		want   []string
	}{
		{"drop", func(r *audittest.Rows) { r.Events = slices.Delete(r.Events, 300, 301) }, []string{"missing 300-301"}},
		{"insert", func(r *audittest.Rows) { r.Events = slices.Insert(r.Events, 300, between(r.Events[299])) }, []string{"inserted 300-301"}},
		{"insert behind the end", func(r *audittest.Rows) { r.Events = append(r.Events, between(r.Events[699])) }, []string{"inserted 700-701"}},
		{"reorder in the order", func(r *audittest.Rows) { swapEntries(r, audit.OrderLevel, 16, 100, 101) }, []string{"moved 100-101", "moved 101-102"}},
		{"reorder in the hashes", func(r *audittest.Rows) { swapEntries(r, 0, 32, 100, 101) }, []string{"hash 100-101", "hash 101-102"}},
		{"reorder in both", func(r *audittest.Rows) {
			swapEntries(r, 0, 32, 100, 101)
			swapEntries(r, audit.OrderLevel, 16, 100, 101)
		}, []string{"tile 0-256", "forked 100-200"}}, // the tile cannot tell which of its entries, the checkpoints narrow it
		{"contents of two events exchanged", func(r *audittest.Rows) {
			r.Events[10].Type, r.Events[11].Type = "a.b", "c.d"
		}, []string{"changed 10-11", "changed 11-12"}},
		{"flip of a leaf hash", flip(0, 1, 32*4), []string{"hash 260-261"}},
		{"flip of a leaf hash in the last tile", flip(0, 2, 32*4), []string{"hash 516-517"}},
		{"flip of a hash of level 1", flip(1, 0, 32), []string{"tile 256-512"}},
		{"flip of an id in the order", flip(audit.OrderLevel, 1, 16*4+15), []string{"misordered 260-261"}},
		{"tile of hashes gone", func(r *audittest.Rows) { delete(r.Tiles, audittest.TileKey{Level: 0, N: 1}) }, []string{"tile 256-512"}},
		{"tile of ids gone", func(r *audittest.Rows) { delete(r.Tiles, audittest.TileKey{Level: audit.OrderLevel, N: 1}) }, []string{"tile 256-512"}},
		{"tile of level 1 gone", func(r *audittest.Rows) { delete(r.Tiles, audittest.TileKey{Level: 1}) }, []string{"tile 0-700"}},
		{"root in the head", func(r *audittest.Rows) { r.Head.Root[0] ^= 1 }, []string{"head 700-700"}},
		{"head and the end of the log cut off", func(r *audittest.Rows) {
			r.Head, r.Events = headOf(t, r.Checkpoints[4]), r.Events[:500]
			r.Checkpoints = r.Checkpoints[:5]
		}, []string{"truncated 500-700"}},
		{"head turned back, events left", func(r *audittest.Rows) { r.Head = headOf(t, r.Checkpoints[5]); r.Events = r.Events[:601] },
			[]string{"inserted 600-601", "truncated 600-700"}},
		{"whole log emptied", func(r *audittest.Rows) { *r = audittest.Rows{} }, []string{"truncated 0-700"}},
		{"checkpoint with another's signature", func(r *audittest.Rows) {
			r.Checkpoints[2].Note = bytes.Replace(r.Checkpoints[2].Note, []byte("300"), []byte("301"), 1)
		}, []string{"signature 300-300"}},
		{"checkpoint under another size", func(r *audittest.Rows) { r.Checkpoints[2].Size++ }, []string{"signature 301-301"}},
		{"sealed subject exchanged", func(r *audittest.Rows) { r.Events[10].Subject.Sealed = []byte("sealed 9") }, []string{"subject -1--1"}},
		{"subject blanked without a tombstone", func(r *audittest.Rows) {
			r.Events[10].Subject.Sealed, r.Events[10].Subject.Salt = nil, [16]byte{}
		}, []string{"erased -1--1"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bad := log.Clone()
			bad.Tamper(c.change)
			expect(t, verified(t, bad, outside), c.want...)
		})
	}
	if after, _ := log.Head(t.Context()); after != head {
		t.Error("a case changed the log of the others")
	}
}

func TestSEC_98_a_changed_hash_high_above_the_entries_is_found(t *testing.T) {
	t.Parallel()
	log, outside := sealed(t, 66_000)
	expect(t, verified(t, log, outside))
	for name, c := range map[string]struct {
		change func(r *audittest.Rows)
		want   string
	}{
		"flip in level 2": {func(r *audittest.Rows) { r.Tiles[audittest.TileKey{Level: 2}][0] ^= 1 }, "tile 0-65536"},
		"level 2 gone":    {func(r *audittest.Rows) { delete(r.Tiles, audittest.TileKey{Level: 2}) }, "tile 0-65536"},
		"flip in level 1": {func(r *audittest.Rows) { r.Tiles[audittest.TileKey{Level: 1}][200*32] ^= 1 }, "tile 51200-51456"},
		"entry and its hash": {func(r *audittest.Rows) {
			r.Events[51_300].Actor = "system"
			leaf := r.Events[51_300].Leaf()
			copy(r.Tiles[audittest.TileKey{N: 200}][100*32:], leaf[:])
		}, "tile 51200-51456"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := log.Clone()
			bad.Tamper(c.change)
			expect(t, verified(t, bad, outside), c.want)
		})
	}
}

// between is a new event whose id comes right behind that of e.
func between(e audit.Event) audit.Event {
	n := audit.Event{ID: e.ID, Tenant: e.Tenant, Type: "verification.approved", Object: e.Object, At: e.At, Actor: "system"}
	n.ID[15]++
	if n.ID[15] == 0 {
		n.ID[14]++
	}
	return n
}

func swapEntries(r *audittest.Rows, level, size, a, b int) {
	tile := r.Tiles[audittest.TileKey{Level: level, N: int64(a / audit.TileWidth)}]
	a, b = a%audit.TileWidth*size, b%audit.TileWidth*size
	x := bytes.Clone(tile[a : a+size])
	copy(tile[a:a+size], tile[b:b+size])
	copy(tile[b:b+size], x)
}

func headOf(t *testing.T, c audit.Checkpoint) audit.Head {
	h, err := verifier.Checkpoint(c.Note)
	if err != nil {
		t.Error(err)
	}
	return h
}

func TestSEC_98_a_log_made_anew_is_found_by_the_checkpoint_outside(t *testing.T) {
	t.Parallel()
	log, outside := sealed(t, 700)
	// Somebody who can rewrite the whole database, but cannot sign: all that follows entry 350 is exchanged and
	// sealed again.
	forged := audittest.NewMemory()
	log.Tamper(func(r *audittest.Rows) {
		events := slices.Clone(r.Events)
		events[350].Actor = "key:key_2"
		_ = forged.Write(t.Context(), events)
	})
	if _, err := audittest.Sealer(t, audit.SealerConfig{}, forged).SealNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	forged.Tamper(func(r *audittest.Rows) { r.Checkpoints = nil })
	expect(t, verified(t, forged, nil)) // that is what the file outside is for
	r := verified(t, forged, outside)
	expect(t, r, "forked 300-400")
	if !strings.Contains(r.String(), "line 4 of the checkpoint file states another root, and so do 3 after it") {
		t.Errorf("the report does not say which checkpoint:\n%s", r.String())
	}
	if r.Covered != 300 {
		t.Errorf("Covered = %d, want 300", r.Covered)
	}
}

func TestSEC_98_a_checkpoint_line_cut_by_a_crash_is_told_and_skipped(t *testing.T) {
	t.Parallel()
	log, outside := sealed(t, 700)
	cut := outside[:len(outside)-40]
	r := verified(t, log, cut)
	expect(t, r)
	if r.Outside != 6 || len(r.Warnings) != 1 || r.Warnings[0] != "line 7 of the checkpoint file is cut short, as a crash while writing leaves it; it was skipped" {
		t.Errorf("the report does not tell of the cut line:\n%s", r.String())
	}
	if r.Covered != 700 { // by the database
		t.Errorf("Covered = %d, want 700", r.Covered)
	}
}

func TestSEC_98_a_foreign_checkpoint_in_the_file_is_found(t *testing.T) {
	t.Parallel()
	log, outside := sealed(t, 300)
	forged := bytes.Replace(outside, []byte(`countersign/test\n100\n`), []byte(`countersign/test\n101\n`), 1)
	expect(t, verified(t, log, forged), "signature -1--1")
	none, err := audit.Verify(t.Context(), log, audit.VerifyOptions{Outside: outside})
	if err != nil || none.OK() {
		t.Errorf("a log verified without a public key: %v, %v", none, err)
	}
}

func TestSEC_98_the_report_is_json_with_a_list_of_findings(t *testing.T) {
	t.Parallel()
	log, outside := sealed(t, 10)
	text, err := json.Marshal(verified(t, log, outside))
	if err != nil || !strings.Contains(string(text), `"findings":[]`) {
		t.Errorf("report = %s, %v", text, err)
	}
}

func TestSEC_98_property_any_one_tampering_is_found_where_it_was_done(t *testing.T) {
	t.Parallel()
	sizes := []int{1, 2, 3, 255, 256, 257, 511, 513, 4095, 4097, 65535, 65536, 65537}
	if testing.Short() {
		sizes = sizes[:10]
	}
	logs := map[int]*audittest.Memory{}
	files := map[int][]byte{}
	for _, n := range sizes {
		logs[n], files[n] = sealed(t, n)
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.SampledFrom(sizes).Draw(t, "size")
		at := rapid.IntRange(0, n-1).Draw(t, "index")
		kind := rapid.SampledFrom([]string{"flip", "drop", "insert", "swap", "truncate"}).Draw(t, "kind")
		log := logs[n].Clone()
		want := ""
		log.Tamper(func(r *audittest.Rows) { want = tamper(t, r, kind, at) })
		if want == "" {
			return
		}
		report := verified(t, log, files[n])
		if got := shorts(report); !slices.Contains(got, want) || len(got) > 2 {
			t.Fatalf("size %d, %s at %d: findings %v, want %s", n, kind, at, got, want)
		}
	})
}

// tamper does one thing to a log and returns what must be found, or nothing when it could not be done.
func tamper(t *rapid.T, r *audittest.Rows, kind string, at int) string {
	one := fmt.Sprintf("%d-%d", at, at+1)
	switch kind {
	case "flip":
		r.Events[at].Data = rapid.SliceOfN(rapid.Byte(), 1, 8).Draw(t, "data")
		return "changed " + one
	case "drop":
		r.Events = slices.Delete(r.Events, at, at+1)
		return "missing " + one
	case "insert":
		r.Events = slices.Insert(r.Events, at+1, between(r.Events[at]))
		return fmt.Sprintf("inserted %d-%d", at+1, at+2)
	case "swap":
		other := rapid.IntRange(at/256*256, min(at/256*256+255, len(r.Events)-1)).Draw(t, "other")
		if other == at {
			return ""
		}
		swapEntries(r, audit.OrderLevel, 16, at, other)
		return "moved " + one
	}
	size := len(r.Events)
	*r = audittest.Rows{}
	return fmt.Sprintf("truncated 0-%d", size)
}
