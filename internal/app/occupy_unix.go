//go:build unix

package app

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// lockName is the file in the data directory that a running server holds.
const lockName = "serve.lock"

// occupy keeps a second server off the SQLite database in the data directory: it would take over the first one's messages and
// send them again. The lock goes with the process, whatever ends it. Commands don't ask for it.
func occupy(cfg Config) (io.Closer, error) {
	f, err := os.OpenFile(filepath.Join(cfg.DataDir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("another server runs on %s: stop it first, or give this one a data_dir of its own", cfg.DataDir)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
