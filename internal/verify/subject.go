package verify

import (
	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/seal"
)

// OpenSubject gives the recipient that an event names, "" when it names nobody or was erased. It is for
// the rights of the person: export and erasure.
func OpenSubject(ring *seal.Ring, e *audit.Event) (string, error) {
	if e.Subject.Sealed == nil {
		return "", nil
	}
	value, err := ring.Open(seal.SubjectPlace(e.Tenant, e.ID), e.Subject.Sealed)
	return string(value), err
}
