package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/postgres"
	"github.com/countersign/countersign/internal/store/sqlite"
)

// errBackupPostgres says how a PostgreSQL database is backed up: with its own tools, which know it best.
var errBackupPostgres = errors.New("this installation uses PostgreSQL: back it up with its own tools, for example\n" +
	"  pg_dump --format=custom --file=countersign.dump \"$DATABASE_URL\"\n" +
	"and restore with\n" +
	"  pg_restore --clean --if-exists --dbname=\"$DATABASE_URL\" countersign.dump\n" +
	"Keep the master key with neither: a backup without its master key is useless, and one with it is not safe")

// Backup writes a consistent copy of the SQLite database into a new file, while the server goes on.
func (t *Tools) Backup(ctx context.Context, file string) error {
	engine, ok := t.storage.engine.(*sqlite.Engine)
	if !ok {
		return errBackupPostgres
	}
	return engine.Backup(ctx, file)
}

// Restore puts a backup into the data directory, which must hold no database, and sees that the master key opens it.
func Restore(ctx context.Context, cfg Config, file string) error {
	if cfg.DatabaseURL != "" {
		return errBackupPostgres
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	if err := sqlite.Restore(ctx, file, cfg.DataDir); err != nil {
		return err
	}
	t, err := OpenTools(ctx, cfg)
	if err != nil {
		return fmt.Errorf("the backup is in place, but does not open: %w", err)
	}
	return t.Close()
}

// bareEngine opens the database without looking at its schema or its key.
func bareEngine(ctx context.Context, cfg Config) (store.Engine, error) {
	if cfg.DatabaseURL != "" {
		return postgres.Open(ctx, cfg.DatabaseURL.Reveal())
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	return sqlite.Open(ctx, cfg.DataDir)
}
