package postgres

import (
	"context"
	"embed"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/countersign/countersign/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema tells the version of the schema and, when apply is set, brings it to the newest and makes the partitions of
// the coming days. Several processes may do so at once: a row is the lock. A database that is newer than this program
// is refused with store.ErrNewer.
func (e *Engine) Schema(ctx context.Context, apply bool) (store.Migrated, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return store.Migrated{}, err
	}
	var options []goose.ProviderOption
	if apply {
		locker, err := lock.NewPostgresTableLocker(lock.WithTableLockTimeout(100*time.Millisecond, 600))
		if err != nil {
			return store.Migrated{}, err
		}
		options = append(options, goose.WithLocker(locker))
	}
	p, err := goose.NewProvider(goose.DialectPostgres, e.reader, files, options...)
	if err != nil {
		return store.Migrated{}, err
	}
	m, err := store.Migrate(ctx, p, apply)
	if err == nil && apply {
		err = e.Partitions(ctx, time.Now())
	}
	return m, err
}

// cut are the tables that are cut by time, one partition for each day in UTC.
var cut = []string{"verification", "delivery", "event", "webhook_delivery"}

// How far partitions are made ahead of now and behind it: ahead, so that a job that fails for days loses nothing;
// behind, for clocks that differ.
const (
	daysAhead  = 7
	daysBehind = 1
)

const nameOfDay = "20060102"

// Partitions implements store.Engine: it makes those of the coming days that are missing.
func (e *Engine) Partitions(ctx context.Context, now time.Time) error {
	return e.missing(ctx, now, func(table string, day time.Time) error { return e.partition(ctx, table, day) })
}
