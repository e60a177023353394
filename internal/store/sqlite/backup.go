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
	return errors.Join(whole(ctx, db), db.Close())
}

// whole asks that every page is well and that the schema is there: an empty file is a sound database, too.
func whole(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return errors.New(verdict)
	}
	var tables int
	err := db.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema WHERE name IN ('verification', 'meta')`).Scan(&tables)
	if err == nil && tables != 2 {
		err = errors.New("it holds no tables of Countersign")
	}
	return err
}

// copyFile makes to a copy of from; a copying that is interrupted leaves no to.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".restoring-*") // readable by the owner alone
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		_ = os.Remove(out.Name()) // what is left of it
		return err
	}
	if err := os.Rename(out.Name(), to); err != nil {
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
