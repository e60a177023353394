package sqlite

import (
	"context"
	"database/sql/driver"
)

// Pragma sets something on the connection of the batches.
func (e *Engine) Pragma(text string) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	return e.conn.Raw(func(dc any) error {
		_, err := dc.(driver.ExecerContext).ExecContext(context.Background(), "PRAGMA "+text, nil)
		return err
	})
}
