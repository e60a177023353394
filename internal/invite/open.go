package invite

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// IfOpen says what a creation does about a person who has an open invitation: one of the same firm to the same number or address that has
// not ended.
type IfOpen string

// What it may do.
const (
	OpenIgnored IfOpen = ""       // they are not looked for
	OpenTold    IfOpen = "told"   // the answer names them
	OpenRefused IfOpen = "refuse" // one that there is refuses the new one
)

// openLooked is how many invitations to a contact are looked at, the newest first: a mailbox that very many people share costs no more.
const openLooked = 20

// OpenOne is an open invitation, as whoever makes another one is told of it.
type OpenOne struct {
	ID        uid.ID    `json:"id"`
	Reference string    `json:"reference"`
	Status    Status    `json:"status"`
	CreatedAt time.Time `json:"created_at"`

	field string // the one whose contact it has
}

// OpenError is the cause of the fault invitation_open (Conflict). Open is not empty, and has the newest first.
type OpenError struct{ Open []OpenOne }

func (e *OpenError) Error() string { return e.Open[0].ID.Text(uid.Invitation) + " is open" }

// ofOpen refuses a second invitation.
func ofOpen(open []OpenOne) error {
	first, what := open[0], "number"
	if first.field == "email" {
		what = "address"
	}
	return fault.Wrap(fault.Conflict, "invitation_open", fmt.Sprintf(
		"This %s has an open invitation, %s of %s. Cancel it or send it again, or allow another with allow_open.",
		what, first.ID.Text(uid.Invitation), first.CreatedAt.Format(time.DateOnly)), &OpenError{open}).On(first.field)
}

// findOpen reads the open invitations of the person that a draft is for. Two that are made at the same moment don't find each other.
func (m *making) findOpen(ctx context.Context) (open []OpenOne, err error) {
	phone := "mobile"
	if m.v.Kind == Entered {
		phone = "phone"
	}
	for _, c := range []struct {
		index [16]byte
		field string
	}{{m.v.PhoneIndex, phone}, {m.v.EmailIndex, "email"}} {
		if c.index == ([16]byte{}) {
			continue
		}
		newest, err := m.store.Invitations(ctx, m.v.Tenant, Filter{Contact: &c.index, Limit: openLooked})
		if err != nil {
			return nil, err
		}
		for _, v := range newest {
			known := slices.ContainsFunc(open, func(o OpenOne) bool { return o.ID == v.ID })
			if !known && !v.Status.Terminal() && !v.Over(m.now) {
				open = append(open, OpenOne{ID: v.ID, Reference: v.Reference, Status: v.Status, CreatedAt: v.CreatedAt, field: c.field})
			}
		}
	}
	slices.SortFunc(open, func(a, b OpenOne) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	return open, nil
}

// lookForOpen is findOpen as far as the request wants it, with the refusal if it asks for that.
func (m *making) lookForOpen(ctx context.Context) ([]OpenOne, error) {
	if m.r.IfOpen == OpenIgnored {
		return nil, nil
	}
	open, err := m.findOpen(ctx)
	if err == nil && len(open) > 0 && m.r.IfOpen == OpenRefused {
		err = ofOpen(open)
	}
	return open, err
}
