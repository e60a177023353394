package operator

import (
	"slices"
	"time"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/uid"
)

// State says whether an operator may sign in at all.
type State string

// The states.
const (
	Active   State = "active"
	Disabled State = "disabled"
)

// Operator is one person as it is kept.
type Operator struct {
	ID         uid.ID     `json:"-"`
	Tenant     uid.Tenant `json:"-"`
	EmailIndex [16]byte   `json:"-"` // keyed hash of the address, unique in an installation
	Role       Role       `json:"-"`
	State      State      `json:"-"`

	Person       []byte     `json:"person"` // sealed: address and name
	Locale       string     `json:"locale,omitempty"`
	Password     string     `json:"password,omitempty"`      // a PHC string of Argon2id; "": none, so nobody signs in
	Short        bool       `json:"short,omitempty"`         // the password is too short to stand alone, without a second factor
	PasswordOnly bool       `json:"password_only,omitempty"` // of development mode, and good there alone
	TOTP         *TOTP      `json:"totp,omitempty"`
	Enrolling    *TOTP      `json:"enrolling,omitempty"` // waits for its first right code
	Codes        [][32]byte `json:"codes,omitempty"`     // keyed hashes of the recovery codes that are left

	CreatedAt    time.Time `json:"-"`
	UpdatedAt    time.Time `json:"-"`
	LastSignInAt time.Time `json:"last_sign_in_at,omitzero"`
	InvitesSince time.Time `json:"invites_since,omitzero"` // was last disabled or reset: invitations of before have ended
	Version      int64     `json:"-"`
}

// TOTP is an authenticator app of an operator.
type TOTP struct {
	Secret     []byte    `json:"secret"` // sealed
	LastStep   int64     `json:"last_step,omitempty"`
	Drift      int       `json:"drift,omitempty"`
	SeenStep   int64     `json:"seen_step,omitempty"`
	SeenOffset int       `json:"seen_offset,omitempty"`
	Wrong      int       `json:"wrong,omitempty"` // wrong codes in a row, recovery codes too
	VerifiedAt time.Time `json:"verified_at,omitzero"`
	ExpiresAt  time.Time `json:"expires_at,omitzero"` // the end of the enrolment
	Session    string    `json:"session,omitempty"`   // that began the enrolment: no other sees the secret, or ends it
}

// The bounds of second factors.
const (
	enrolmentLife = 10 * time.Minute // SEC-43
	wrongInARow   = 50               // then the authenticator must be reset (SEC-15; NIST SP 800-63B-4 §3.2.2 allows 100)
	wrongInStep   = 5                // of one sign-in, or of one enrolment; then it begins anew
	codeCount     = 10               // recovery codes of a set (SEC-47)
	fewCodes      = 3                // told when so many are left (SEC-50)
)

// factorLimits leave the growing wait to the sign-in: one that is told here would tell that the password was right.
var factorLimits = factor.Limits{Wrong: wrongInStep, InARow: wrongInARow}

// factor is t as package factor decides about it.
func (t *TOTP) factor() *factor.Factor {
	f := &factor.Factor{Type: factor.TOTP, Config: factor.DefaultConfig(), Status: factor.Verified, LastStep: t.LastStep, Drift: t.Drift,
		SeenStep: t.SeenStep, SeenOffset: t.SeenOffset, Wrong: t.Wrong, VerifiedAt: t.VerifiedAt, ExpiresAt: t.ExpiresAt}
	if t.VerifiedAt.IsZero() {
		f.Status = factor.Unverified
	}
	return f
}

// keep takes down what package factor has changed.
func (t *TOTP) keep(f *factor.Factor) {
	t.LastStep, t.Drift, t.SeenStep, t.SeenOffset = f.LastStep, f.Drift, f.SeenStep, f.SeenOffset
	t.Wrong, t.VerifiedAt = f.Wrong, f.VerifiedAt
}

// match counts a wrong code, then compares it with those of the secret around now.
func (t *TOTP) match(s factor.Secret, code string, now time.Time) bool {
	f := t.factor()
	outcome, _ := f.Match(s, code, factorLimits, now)
	t.keep(f)
	return outcome == factor.Right
}

// verify proves a new authenticator.
func (t *TOTP) verify(s factor.Secret, code string, now time.Time) factor.Outcome {
	f := t.factor()
	outcome := f.Verify(s, code, factorLimits, now)
	t.keep(f)
	return outcome
}

// live reports whether an enrolment can still end well in a session.
func (t *TOTP) live(in *Session, now time.Time) bool {
	return t != nil && t.Session == in.ID.Text(uid.Session) && now.Before(t.ExpiresAt) && t.Wrong < wrongInStep
}

// redeem takes a recovery code off the operator. Like a code of the authenticator it is counted before it is looked for; a set that
// has had its wrong ones is of no use until the operator is reset.
func (o *Operator) redeem(hash [32]byte) bool {
	if o.TOTP == nil || o.TOTP.Wrong >= wrongInARow {
		return false
	}
	o.TOTP.Wrong++
	i := slices.Index(o.Codes, hash) // keyed hashes tell nothing about their neighbours: the time it takes is no secret
	if i < 0 {
		return false
	}
	o.Codes = slices.Delete(o.Codes, i, i+1)
	o.TOTP.Wrong = 0
	return true
}

// apart is o for a code beside a wrong password, which is compared and not used up.
func (o *Operator) apart() *Operator {
	c, app := *o, *o.TOTP
	c.TOTP, c.Codes = &app, slices.Clone(o.Codes)
	return &c
}

// stage is what comes after the right password. alone allows operators of development mode to sign in with it alone.
func (o *Operator) stage(alone bool) Stage {
	switch {
	case alone && o.PasswordOnly:
		return StageOpen
	case o.TOTP != nil:
		return StageSecond
	case o.Role.secondFactor() || o.Short:
		return StageEnrol
	}
	return StageOpen
}

// least is how long a password must be that the operator chooses now.
func (o *Operator) least() int { return least(o.TOTP != nil, o.Role) }

func least(totp bool, role Role) int {
	if totp || role.secondFactor() {
		return minBeside
	}
	return minAlone
}

// able reports whether an operator can sign in, given time: it has a password and is not disabled.
func (o *Operator) able() bool { return o.State == Active && o.Password != "" }

// keepsOwner reports whether a team still has an owner who can sign in once changed is as it is now.
func keepsOwner(team []Operator, changed *Operator) bool {
	for i := range team {
		o := &team[i]
		if o.ID == changed.ID {
			o = changed
		}
		if o.Role == Owner && o.able() {
			return true
		}
	}
	return false
}

// strip takes everything away by which an operator could sign in.
func (o *Operator) strip() {
	o.Password, o.Short, o.PasswordOnly, o.TOTP, o.Enrolling, o.Codes = "", false, false, nil, nil, nil
}
