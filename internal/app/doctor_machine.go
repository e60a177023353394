package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	leastSpace = 100 << 20 // bytes; below it the database soon can't commit
	goodSpace  = 1 << 30
	slowSync   = 10 * time.Millisecond // a commit waits for one: slower disks are felt
)

// built is before any version of this program: a clock that says so is wrong.
var built = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

// files looks at what is on disk and who may read it.
func (d *doctor) files() {
	info, err := os.Stat(d.cfg.DataDir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.ok("%s is not there yet; the first start makes it.", d.cfg.DataDir)
	case err != nil:
		d.fail(d.cfg.DataDir+" can't be looked at.", "Let the user that runs the server own it.")
	case !info.IsDir():
		d.fail(d.cfg.DataDir+" is no directory.", "Name a directory as data_dir.")
	case info.Mode().Perm()&0o077 != 0:
		d.warn(fmt.Sprintf("%s is open to other users (mode %04o).", d.cfg.DataDir, info.Mode().Perm()), "Run: chmod 700 "+d.cfg.DataDir)
	default:
		d.ok("%s belongs to the server alone.", d.cfg.DataDir)
	}
	if d.cfg.MasterKey == "" {
		d.private(d.cfg.KeyFile(), "the master key")
	}
	if d.cfg.TLS.KeyFile != "" {
		d.private(d.cfg.TLS.KeyFile, "the TLS key")
	}
	if within(d.cfg.DataDir, d.cfg.CheckpointFile()) {
		d.warn("Audit checkpoints lie beside the database: who can rewrite the one can rewrite the other.",
			"Set audit.checkpoint_file to a place that this server can only append to, or copy the file away.")
	}
}

// private asks that a file is for its owner alone.
func (d *doctor) private(path, what string) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.ok("%s is not there yet; the first start makes %s.", path, what)
	case err != nil:
		d.fail(path+" can't be looked at: it holds "+what+".", "Let the user that runs the server own it.")
	case info.Mode().Perm()&0o077 != 0:
		d.fail(fmt.Sprintf("%s holds %s and is open to other users (mode %04o).", path, what, info.Mode().Perm()), "Run: chmod 600 "+path)
	default:
		d.ok("%s is for its owner alone.", path)
	}
}

func within(dir, path string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

func (d *doctor) clock() {
	switch synced, known := clockSynced(); {
	case d.now.Before(built):
		d.fail("The clock says "+d.now.UTC().Format(time.DateOnly)+", which is in the past.", "Set the clock; codes and limits go by it.")
	case known && !synced:
		d.warn("The clock is not synchronised.", "Run a time service such as chrony or systemd-timesyncd: nodes must agree within two seconds.")
	case known:
		d.ok("The clock is synchronised.")
	default:
		d.ok("The clock says %s.", d.now.UTC().Format(time.RFC3339))
	}
}

// disk measures space and how long a commit waits. Only SQLite and the audit checkpoints are there.
func (d *doctor) disk() {
	if _, err := os.Stat(d.cfg.DataDir); err != nil {
		return // told by files
	}
	if free, known := freeSpace(d.cfg.DataDir); known {
		text := fmt.Sprintf("%s has %d MiB of free space.", d.cfg.DataDir, free>>20)
		switch {
		case free < leastSpace:
			d.fail(text, "Make room: a full disk stops every verification.")
		case free < goodSpace:
			d.warn(text, "Make room, or shorten retention.verifications.")
		default:
			d.ok("%s", text)
		}
	}
	switch took, err := syncTime(d.cfg.DataDir); {
	case err != nil:
		d.fail(d.cfg.DataDir+" can't be written to.", "Let the user that runs the server own it.")
	case took > slowSync:
		d.warn(fmt.Sprintf("A write to %s takes %v to be safe.", d.cfg.DataDir, took.Round(10*time.Microsecond)),
			"Each commit waits for that. Use a disk with a faster sync if starts and checks are slow.")
	default:
		d.ok("A write to %s is safe after %v.", d.cfg.DataDir, took.Round(10*time.Microsecond))
	}
}

// syncTime is the median time of a small write with its sync.
func syncTime(dir string) (time.Duration, error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // an empty leftover harms nobody
	var took []time.Duration
	for range 9 {
		begin := time.Now()
		if _, err = f.Write(make([]byte, 4096)); err == nil {
			err = f.Sync()
		}
		if err != nil {
			return 0, errors.Join(err, f.Close())
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	return took[len(took)/2], f.Close()
}
