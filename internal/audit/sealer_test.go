package audit_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/mod/sumdb/note"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
)

func TestSEC_98_a_checkpoint_is_signed_every_minute_or_thousand_events(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		log := audittest.NewMemory()
		s := audittest.Sealer(t, audit.SealerConfig{}, log)
		var wg sync.WaitGroup
		wg.Go(func() { s.Run(ctx) })
		events := audittest.Events(3000, audittest.Start)
		sizes := func() (list []int64) {
			page, _ := log.Checkpoints(ctx, 0, 100)
			for _, c := range page {
				list = append(list, c.Size)
			}
			return list
		}
		step := func(from, to int, wait time.Duration) []int64 {
			_ = log.Write(ctx, events[from:to])
			time.Sleep(wait)
			synctest.Wait()
			return sizes()
		}
		if got := step(0, 10, 2*time.Second); len(got) != 1 || got[0] != 10 {
			t.Errorf("after the first events: checkpoints %v, want one of 10", got)
		}
		if got := step(10, 500, 2*time.Second); len(got) != 1 {
			t.Errorf("after 500 events: checkpoints %v, want no other yet", got)
		}
		if got := step(500, 1010, 2*time.Second); len(got) != 2 || got[1] != 1010 {
			t.Errorf("after 1000 more: checkpoints %v, want one of 1010", got)
		}
		if got := step(1010, 1011, 61*time.Second); len(got) != 3 || got[2] != 1011 {
			t.Errorf("after a minute: checkpoints %v, want one of 1011", got)
		}
		if got := step(1011, 1011, time.Hour); len(got) != 3 {
			t.Errorf("after an hour without events: checkpoints %v, want no other", got)
		}
		cancel()
		wg.Wait()
	})
}

func TestSealer_two_at_work_lose_and_double_nothing(t *testing.T) {
	t.Parallel()
	log := audittest.NewMemory()
	events := audittest.Events(6000, audittest.Start)
	var wg sync.WaitGroup
	for range 3 {
		s := audittest.Sealer(t, audit.SealerConfig{Batch: 100}, log)
		wg.Go(func() {
			for range 20 {
				if _, err := s.SealNow(background); err != nil && !errors.Is(err, audit.ErrHeadMoved) {
					t.Error(err)
				}
			}
		})
	}
	for i := 0; i < len(events); i += 50 {
		if err := log.Write(background, events[i:i+50]); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if _, err := audittest.Sealer(t, audit.SealerConfig{}, log).SealNow(background); err != nil {
		t.Fatal(err)
	}
	r := verified(t, log, nil)
	expect(t, r)
	if r.Events != 6000 || r.Size != 6000 {
		t.Errorf("sealed %d, size %d, want 6000", r.Events, r.Size)
	}
}

func TestVerify_bears_with_a_sealer_at_work(t *testing.T) {
	t.Parallel()
	log := audittest.NewMemory()
	s := audittest.Sealer(t, audit.SealerConfig{Batch: 64, CheckpointEvents: 10}, log)
	events := audittest.Events(20_000, audittest.Start)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; i < len(events); i += 100 {
			_ = log.Write(background, events[i:i+100])
			if i%300 == 0 {
				_, _ = s.SealNow(background)
			}
		}
	}()
	for finished := false; !finished; {
		select {
		case <-done:
			finished = true
		default:
		}
		expect(t, verified(t, log, nil))
	}
}

// contested is a log at which another sealer is always first.
type contested struct {
	*audittest.Memory
	appends atomic.Int64
}

func (c *contested) Append(context.Context, audit.Batch) error {
	c.appends.Add(1)
	return audit.ErrHeadMoved
}

func TestSealer_stands_aside_for_another(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		log := &contested{Memory: audittest.NewMemory()}
		_ = log.Write(ctx, audittest.Events(3, audittest.Start))
		s := audittest.Sealer(t, audit.SealerConfig{}, log)
		var wg sync.WaitGroup
		wg.Go(func() { s.Run(ctx) })
		time.Sleep(35 * time.Second)
		synctest.Wait()
		if n := log.appends.Load(); n != 4 {
			t.Errorf("%d additions in 35 s, want one every 10 s", n)
		}
		if _, err := s.SealNow(ctx); !errors.Is(err, audit.ErrHeadMoved) {
			t.Errorf("SealNow = %v, want ErrHeadMoved after some tries", err)
		}
		cancel()
		wg.Wait()
	})
}

func TestSealer_wakes_before_its_interval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		log := audittest.NewMemory()
		s := audittest.Sealer(t, audit.SealerConfig{Interval: time.Hour}, log)
		var wg sync.WaitGroup
		wg.Go(func() { s.Run(ctx) })
		synctest.Wait()
		_ = log.Write(ctx, audittest.Events(3, audittest.Start))
		s.Wake()
		s.Wake() // asking twice does not block
		synctest.Wait()
		if h, _ := log.Head(ctx); h.Size != 3 {
			t.Errorf("size = %d after Wake, want 3", h.Size)
		}
		cancel()
		wg.Wait()
	})
}

func TestSealer_does_not_build_on_a_damaged_edge(t *testing.T) {
	t.Parallel()
	log, _ := sealed(t, 300)
	log.Tamper(func(r *audittest.Rows) { r.Tiles[audittest.TileKey{Level: 0, N: 1}][5] ^= 1 })
	_ = log.Write(t.Context(), audittest.Events(1, audittest.Start.Add(time.Hour)))
	_, err := audittest.Sealer(t, audit.SealerConfig{}, log).SealNow(t.Context())
	if err == nil || !strings.Contains(err.Error(), "countersign audit verify") {
		t.Errorf("SealNow on a damaged log = %v, want a hint to verify", err)
	}
}

// lossy fails a call of PutCheckpoint and says of an Append that went well that it failed.
type lossy struct {
	*audittest.Memory
	put, appended int
}

func (l *lossy) PutCheckpoint(ctx context.Context, c audit.Checkpoint) error {
	if l.put++; l.put == 1 {
		return errors.New("away")
	}
	return l.Memory.PutCheckpoint(ctx, c)
}

func (l *lossy) Append(ctx context.Context, b audit.Batch) error {
	err := l.Memory.Append(ctx, b)
	if l.appended++; l.appended == 1 {
		return errors.New("no answer")
	}
	return err
}

func TestSealer_goes_on_after_a_commit_without_an_answer_and_a_lost_checkpoint(t *testing.T) {
	t.Parallel()
	store := &lossy{Memory: audittest.NewMemory()}
	file := audit.NewCheckpointFile(filepath.Join(t.TempDir(), "checkpoints"))
	reg := prometheus.NewRegistry()
	s, err := audit.NewSealer(audit.SealerConfig{Outside: file}, store, audittest.Signer(t), slog.New(slog.DiscardHandler), reg)
	if err != nil {
		t.Fatal(err)
	}
	events := audittest.Events(20, audittest.Start)
	s.Now = func() time.Time { return audittest.Start.Add(5 * time.Second) }
	_ = store.Write(t.Context(), events)
	if _, err := s.SealNow(t.Context()); err == nil {
		t.Fatal("the lost answer was not told")
	}
	if _, err := s.SealNow(t.Context()); err == nil {
		t.Fatal("the lost checkpoint was not told")
	}
	if _, err := s.SealNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	outside, _ := file.Read()
	r := verified(t, store, outside)
	expect(t, r)
	if r.Events != 20 || r.Checkpoints != 1 || r.Outside != 2 {
		t.Errorf("the report misses something:\n%s", r.String())
	}
	want := `
# HELP countersign_audit_checkpoint_age_seconds Time since the last signed checkpoint; 0 before the first.
# TYPE countersign_audit_checkpoint_age_seconds gauge
countersign_audit_checkpoint_age_seconds 0
# HELP countersign_audit_failures_total Failed steps of the sealer: seal, checkpoint.
# TYPE countersign_audit_failures_total counter
countersign_audit_failures_total{step="checkpoint"} 1
countersign_audit_failures_total{step="seal"} 1
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "countersign_audit_failures_total", "countersign_audit_checkpoint_age_seconds"); err != nil {
		t.Error(err)
	}
}

func TestSealer_tells_when_the_file_knows_a_longer_log(t *testing.T) {
	t.Parallel()
	_, outside := sealed(t, 300)
	path := filepath.Join(t.TempDir(), "checkpoints")
	if err := os.WriteFile(path, outside, 0o600); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	s, err := audit.NewSealer(audit.SealerConfig{Outside: audit.NewCheckpointFile(path)}, audittest.NewMemory(), audittest.Signer(t),
		slog.New(slog.NewTextHandler(&text, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.Run(ctx)
	if !strings.Contains(text.String(), "level=ERROR") || !strings.Contains(text.String(), "log_size=0") {
		t.Errorf("log = %q, want an error about a restored or cut database", text.String())
	}
}

func TestSEC_98_the_file_outlives_a_crash_while_it_is_written(t *testing.T) {
	t.Parallel()
	log, outside := sealed(t, 300)
	path := filepath.Join(t.TempDir(), "checkpoints")
	if err := os.WriteFile(path, outside[:len(outside)-30], 0o600); err != nil {
		t.Fatal(err)
	}
	last, _ := log.LastCheckpoint(t.Context())
	file := audit.NewCheckpointFile(path)
	if err := file.Append(last); err != nil {
		t.Fatal(err)
	}
	data, _ := file.Read()
	r := verified(t, log, data)
	expect(t, r)
	if r.Outside != 3 || len(r.Warnings) != 1 || r.Warnings[0] != "line 3 of the checkpoint file can't be read; it was skipped" {
		t.Errorf("the report misses something:\n%s", r.String())
	}
}

func TestSEC_98_a_checkpoint_is_a_note_that_witnesses_read(t *testing.T) {
	t.Parallel()
	log, _ := sealed(t, 300)
	c, _ := log.LastCheckpoint(t.Context())
	key, err := note.NewVerifier(audittest.Signer(t).PublicKey())
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open(c.Note, note.VerifierList(key))
	if err != nil {
		t.Fatal(err)
	}
	head, _ := log.Head(t.Context())
	if want := "countersign/test\n300\n" + head.Root.String() + "\n"; n.Text != want {
		t.Errorf("text = %q, want %q", n.Text, want)
	}
}
