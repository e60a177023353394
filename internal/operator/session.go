package operator

import (
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// Stage is how far a sign-in has come.
type Stage string

// The stages.
const (
	StageSecond Stage = "second_factor" // a code is needed
	StageEnrol  Stage = "enrol"         // an authenticator must be set up before anything opens
	StageOpen   Stage = "open"          // signed in
)

// The limits of a session (SEC-71). They are those of AAL2 for every role: the console shows personal data, and who works in it has it
// open. A sign-in that is not done has ten minutes.
const (
	idleLimit     = time.Hour
	absoluteLimit = 24 * time.Hour
	signInLimit   = 10 * time.Minute
	recentProof   = 5 * time.Minute // SEC-59
	seenEvery     = time.Minute     // how exactly the time of last use is kept
)

// Session is one browser's way in, as it is kept.
type Session struct {
	ID       uid.ID
	Tenant   uid.Tenant
	Operator uid.ID   // zero: nobody's, after a wrong password
	Hash     [32]byte // keyed hash of its token
	Stage    Stage
	Wrong    int // codes in StageSecond

	Answered   [32]byte // names the last submission and what came of it; zero: none
	AnsweredAt time.Time

	CreatedAt time.Time // of the sign-in
	SeenAt    time.Time
	ProvedAt  time.Time // when all that the account has was last shown (SEC-74)
	ExpiresAt time.Time // whatever is done
	Client    []byte    // sealed: what the browser calls itself, and from where
}

// ends is when the session is over if nothing more is done with it.
func (s *Session) ends() time.Time {
	if idle := s.SeenAt.Add(idleLimit); s.Stage == StageOpen && idle.Before(s.ExpiresAt) {
		return idle
	}
	return s.ExpiresAt
}

// live reports whether the session still counts.
func (s *Session) live(now time.Time) bool { return now.Before(s.ends()) }

// recent reports whether all that the account has was shown lately.
func (s *Session) recent(now time.Time) bool { return now.Sub(s.ProvedAt) <= recentProof }

// open makes it the session of somebody who has shown everything.
func (s *Session) open(now time.Time) {
	s.Stage, s.Wrong, s.SeenAt, s.ProvedAt = StageOpen, 0, now, now
	s.ExpiresAt = s.CreatedAt.Add(absoluteLimit)
}

// begun reports whether a form has led to the session a moment ago, so that the same one is a second click on it.
func (s *Session) begun(now time.Time) bool {
	return s != nil && s.live(now) && now.Sub(s.CreatedAt) <= again
}

// step is what leads into the session.
func (s *Session) step(token Secret) Step {
	return Step{Stage: s.Stage, Token: token, ExpiresAt: s.ExpiresAt}
}
