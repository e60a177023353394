package sqlite

// Pragma sets something on the connection of the batches.
func (e *Engine) Pragma(text string) error {
	e.turn.Lock()
	defer e.turn.Unlock()
	return e.conn.exec("PRAGMA " + text)
}
