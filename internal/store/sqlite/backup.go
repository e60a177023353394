package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Backup writes a consistent copy of the database into a new file while the server goes on.
func (e *Engine) Backup(ctx context.Context, file string) error {
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is there already: name a file that is not", file)
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // SQLite would make it readable by others
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	// A connection of its own: it reads this database like any reader, and writes the other.
	db, err := sql.Open("sqlite", dsn(e.path, false))
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, `VACUUM INTO $1`, file)
	if err = errors.Join(err, db.Close()); err != nil {
		_ = os.Remove(file) // what is left of it
		return fmt.Errorf("write the backup: %w", err)
	}
	return syncPath(file)
}

// Restore puts a backup into an empty data directory. It is checked first, page by page.
func Restore(ctx context.Context, file, dir string) error {
	target := filepath.Join(dir, FileName)
	if info, err := os.Stat(target); err == nil && info.Size() > 0 {
		return fmt.Errorf("%s is there already: move it away first, with its -wal and -shm files", target)
	}
	if err := check(ctx, file); err != nil {
		return fmt.Errorf("%s is no whole backup: %w", file, err)
	}
	for _, left := range []string{target + "-wal", target + "-shm"} {
		if _, err := os.Stat(left); err == nil {
			return fmt.Errorf("%s is left of another database: move it away first", left)
		}
	}
	return copyFile(file, target)
}

func check(ctx context.Context, file string) error {
	if _, err := os.Stat(file); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn(file, true)+"&mode=ro&immutable=1")
	if err != nil {
		return err
	}
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&verdict); err != nil {
		return errors.Join(err, db.Close())
	}
	if verdict != "ok" {
		err = errors.New(verdict)
	}
	return errors.Join(err, db.Close())
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		return err
	}
	return syncPath(filepath.Dir(to))
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
