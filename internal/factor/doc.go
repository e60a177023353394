// Package factor is what a known person can prove again: today the codes of an authenticator app (TOTP, RFC 6238).
//
// Words. An entity is a person or thing as the caller names it, by an identity that says nothing about who it is. A factor is
// one authenticator of an entity: a secret that both sides hold, and how codes are made of it. Enrolment is the time in
// which a new factor must prove itself by one right code. A challenge is one question to a verified factor. A step is the
// number of the time span that a code was made for. Drift is how many steps an authenticator's clock is ahead of ours.
//
//	factor:     unverified --Verify--> verified      five wrong codes, or ten minutes, end the enrolment
//	challenge:  pending --Answer--> approved         five wrong codes, or its time, end it; it is then expired or stays pending
//
// The package has two halves. What may happen is decided by methods on plain data ([Factor], [Challenge]) that know no
// clock, no database and no key. [Service] brings them what they need, and lets one change of [Store] decide and commit.
//
// Invariants.
//   - A wrong code is counted before any is compared, in the commit that holds the outcome.
//   - The steps that a factor accepts rise strictly: no code is right twice, and none older than the last (SEC-42).
//   - The window is the current step and those before it that keep a code's life within two minutes. A step ahead is right
//     only as learned drift, and drift is learned from two right codes in a row, never from one (SEC-41, SP-A2).
//   - Comparing costs the same whichever step fits, and whether any does.
//   - A secret is shown once, when it is made. It is kept sealed, bound to tenant, service, identity and factor (SEC-44).
//   - Whatever refuses without comparing spends nothing and leaves no trace in the row.
//   - How often an entity gets a factor and a factor a challenge is counted in the commit that makes it (quota.go).
//   - No secret is in an entity twice among factors that live.
//   - What hangs on a service that is removed goes soon after ([Service.Sweep]); until then nobody reaches it.
//   - An event names an entity by a keyed hash.
//
// It does not know users, sessions or what a second factor is asked for, sends nothing, and knows no wire format.
package factor
