package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Schema tells the version of the schema and, when apply is set, brings it to the newest. A database that is newer
// than this program is refused with store.ErrNewer.
func (e *Engine) Schema(ctx context.Context, apply bool) (store.Migrated, error) {
	e.turn.Lock()
	defer e.turn.Unlock()
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return store.Migrated{}, err
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, e.writer, files)
	if err != nil {
		return store.Migrated{}, err
	}
	// What an index of millions of rows is sorted with goes to files meanwhile: in memory it is a third of a gigabyte for each million.
	if err := e.sortIn(ctx, "FILE"); err != nil {
		return store.Migrated{}, err
	}
	m, err := store.Migrate(ctx, p, apply)
	return m, errors.Join(err, e.sortIn(context.WithoutCancel(ctx), "MEMORY"))
}

// sortIn says where the writer, which has one connection, keeps what it needs for a while.
func (e *Engine) sortIn(ctx context.Context, where string) error {
	_, err := e.writer.ExecContext(ctx, "PRAGMA temp_store = "+where)
	return err
}

// Partitions implements store.Engine: SQLite has none.
func (e *Engine) Partitions(context.Context, time.Time) error { return nil }

// dropChunk is how many rows one transaction of retention deletes, so that the committer never waits long.
const dropChunk = 2000

// DropBefore implements store.Engine, a chunk at a time.
func (e *Engine) DropBefore(ctx context.Context, table, key string, before uid.ID) (int64, error) {
	text := fmt.Sprintf(`DELETE FROM %[1]s WHERE %[2]s < $1 AND %[2]s <= coalesce(
		(SELECT %[2]s FROM %[1]s WHERE %[2]s < $1 ORDER BY %[2]s LIMIT 1 OFFSET $2),
		$1)`, table, key)
	var dropped int64
	for {
		var n int64
		err := e.Write(ctx, func(tx *sql.Tx) error {
			r, err := tx.ExecContext(ctx, text, before[:], dropChunk)
			if err == nil {
				n, err = r.RowsAffected()
			}
			return err
		})
		dropped += n
		if err != nil || n < dropChunk {
			return dropped, err
		}
	}
}
