package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/pressly/goose/v3"
)

// ErrNewer is what an engine answers for a database whose schema is newer than this program.
var ErrNewer = errors.New("the database was written by a newer version of Countersign: start that version, or restore a backup made before the upgrade")

// Migrated tells where a schema stands.
type Migrated struct {
	From, To int64 // version found, version left
	Newest   int64 // the newest that this program knows
}

// Current reports whether nothing is left to migrate.
func (m Migrated) Current() bool { return m.To == m.Newest }

// Migrate looks at the schema that p looks after, refuses one that is too new, and, when apply is set, brings it up to date.
func Migrate(ctx context.Context, p *goose.Provider, apply bool) (Migrated, error) {
	var m Migrated
	var err error
	if m.From, m.Newest, err = p.GetVersions(ctx); err != nil {
		return m, fmt.Errorf("read the schema's version: %w", err)
	}
	m.To = m.From
	if m.From > m.Newest {
		return m, ErrNewer
	}
	if apply && m.From < m.Newest {
		if _, err := p.Up(ctx); err != nil {
			return m, fmt.Errorf("migrate from version %d to %d: %w", m.From, m.Newest, err)
		}
		m.To = m.Newest
	}
	return m, nil
}
