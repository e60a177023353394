package api

import (
	"encoding/base64"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// A cursor says where a page ended. Clients hand it back as it is; what is in it may change.

var errCursor = fault.New(fault.Invalid, "cursor_invalid",
	"Take the cursor from next in the page before, as it stands there, or leave it out to begin anew.").On("cursor")

// cursor is where to go on, or null at the end.
func cursor(more uid.ID) *string {
	if more.IsZero() {
		return nil
	}
	s := base64.RawURLEncoding.EncodeToString(more[:])
	return &s
}

// parseCursor reads what cursor made; "" is the beginning.
func parseCursor(s string) (uid.ID, error) {
	var id uid.ID
	if s == "" {
		return id, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != len(id) {
		return id, errCursor
	}
	return uid.ID(raw), nil
}
