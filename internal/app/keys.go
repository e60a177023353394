package app

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/countersign/countersign/internal/seal"
)

// relearnEvery is how often the key file is looked at for a version that another server may already write with.
const relearnEvery = 5 * time.Second

// relearn reads new versions of the master key from its file while the server runs, until ctx ends. A key that came by
// the environment has no file.
func relearn(ctx context.Context, cfg Config, ring *seal.Ring, log *slog.Logger) error {
	tick := time.NewTicker(relearnEvery)
	defer tick.Stop()
	var read time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		info, err := os.Stat(cfg.KeyFile())
		if cfg.MasterKey != "" || err != nil || info.ModTime().Equal(read) {
			continue // a file that is away for a moment is being replaced
		}
		read = info.ModTime()
		newer, err := seal.OpenFile(cfg.KeyFile())
		news := false
		if err == nil {
			news, err = ring.Learn(newer)
		}
		switch {
		case err != nil:
			log.Error("the master key file has changed and can't be used; put it right before the next start", "error", err)
		case news:
			log.Info("a new version of the master key can be read now; it is written with from the next start", "version", newer.Current())
		}
	}
}
