package factor

import (
	"regexp"
	"time"

	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/uid"
)

// Identity is the caller's own name for an entity: opaque text that holds no personal data.
type Identity string

var identityForm = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)

// Valid reports whether i is 8 to 64 letters, digits and hyphens.
func (i Identity) Valid() bool { return identityForm.MatchString(string(i)) }

// Entity is whom factors belong to, one for each tenant, service and identity.
type Entity struct {
	ID        uid.ID // its bucket is a keyed hash of tenant, service and identity; so is that of all that belongs to it
	Tenant    uid.Tenant
	Service   uid.ID
	Identity  Identity
	CreatedAt time.Time
	UpdatedAt time.Time
	Enrolled  ratelimit.Fixed // the factors that were enrolled lately, deleted ones too
}
