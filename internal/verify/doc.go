// Package verify is one verification: one proof that one recipient is held, for one purpose.
//
// Words. A send is one message asked for, a check is one code handed in, a delivery is one try of one provider to carry
// one send. A generation is the life of one code: a new_code resend begins the next one. A contact is what is remembered
// about a recipient across verifications: its limits.
//
//	          +-- Cancel ------> canceled
//	          +-- Check, Approve > approved
//	pending --+-- Check -------> exhausted     the last check was spent on a wrong code
//	          +-- Expire ------> expired       seen by whoever comes first: a request or the sweep
//	          +-- Supersede ---> superseded    another one took its place
//	          +-- Fail --------> failed        no route could carry any message
//	denied, challenge: so from the start, nothing was sent
//
// The package has two halves. What may happen is decided by methods on plain data ([Verification], [Contact]) that know
// no clock, no database and no network. [Service] brings them what they need: it parses the request, asks the profile,
// the risk engine and the client limits, and lets one [Store.Change] decide and commit.
//
// Invariants.
//   - Only pending can be left, and only once: the statuses after it are final.
//   - A check is spent before the code is compared, in the commit that holds the outcome; there are never more
//     comparisons than MaxChecks in a generation, and none before the wrong-check pause was asked.
//   - No code is kept. It is derived when a message is sent and when a code is checked; only a code that the caller
//     brought is sealed, and it is erased at the end.
//   - A code is right only before ExpiresAt, for its own purpose, and for its own transaction when it has one.
//   - When something is missing that a decision needs (key, database, a believable clock), the answer is a fault that
//     spends nothing, never an approval.
//   - Nothing is sent inside a change. The job "send" does it after the commit.
//   - A code is shown to nobody but its recipient, unless the tenant is a sandbox (Service.Sandbox).
//   - Lists and counts of sends walk over verifications, and no walk is without a bound (sends.go).
//
// It does not render or route messages (delivery), does not weigh risk (risk), and knows no wire format.
package verify
