// Package operator is the people who sign in to the console: how they prove who they are, and what each may do there.
//
// Words. An operator is one person of one tenant, with a role. A step is one answer in a sign-in; it gives a token, which the browser
// keeps until the next one. A session is what the last step opens. A proof is the moment at which a session's holder last showed all
// that the account has. A link is what brings a person to a place where a password is chosen: the set-up of an installation, an
// invitation to a team, a reset. A wait is the pause that grows with failures.
//
//	link --Setup, Accept--> +                                       (a password was chosen)
//	                        |
//	password --SignIn------>+--> second_factor --SecondFactor--> open --Prove--> open
//	                        |                                     ^
//	                        +--> enrol --EnrolTOTP, ConfirmTOTP---+          owners and admins without an authenticator
//	                        +--> open                                        agents and viewers without one
//
// A wrong password leads to the second factor too, to a session of nobody, for which no code is right: which of the two was wrong, and whether
// there is such an account, is not told (SEC-76, SEC-80).
//
// Invariants.
//   - A failure is counted, and committed, before anything is compared (SEC-4, SEC-16).
//   - Every step gives a new token of 256 bits, and the one before is dead with that (SEC-70). Only keyed hashes are at rest. A form that is
//     sent twice, by a second click, leads to the same token: that is a keyed hash of the token before and of what the form holds.
//   - A session ends at once, everywhere: it is read from the database with each request, and deleted in the commit that ends it
//     (SEC-72).
//   - No code is right twice: the steps of an authenticator rise, a recovery code is gone with its use.
//   - A link works once, and for the kind that it was made for. An invitation is worth what whoever made it may do when it is used.
//   - A tenant that has an owner who can sign in keeps one.
//   - No secret is in a row, an event or a log. E-mail and name are sealed; the address is found by a keyed hash.
//   - Each change commits with its event; messages are sent after the commit.
//
// It knows no HTTP and no pages. What the console shows is decided elsewhere; whether an operator may do it, here ([Role.May]).
package operator
