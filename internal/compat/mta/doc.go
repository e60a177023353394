// Package mta is the door for clients of the vendor Mobile Text Alerts' Verify API, version 3, under /compat/mta/v3.
//
// All routes stand in one table (door.go). A request passes the chain of package web, then the door's own limits of
// requests, then key and scope, then a handler decodes the body, calls the same services as the native API and puts the
// answer into the vendor's words. The door decides nothing about verifications. What it brings along as verify.Rules is
// the vendor's: a second send inside the cool-down is refused and any later one supersedes.
//
// Words of the vendor. A verification is PENDING, APPROVED, EXPIRED or INVALID (status.go); the same four are answers to
// a check, where INVALID says that this code was wrong and the verification may still be pending (MTA-A5). A message is
// one of our sends; its id is the send's. A risk is why a number may not be reached (number.go). An account is a tenant with
// its default service, which keeps the account's settings (settings.go).
//
// Invariants:
//   - A verificationId is our id as a UUID, a messageId names our send: there is no table between the two.
//   - Every error is in the vendor's form, and every answer tells the limit of requests that it was counted by.
//   - A webhook's body tells what an event made of a verification, not what became of it since (dialect.go).
//   - An unknown id and another tenant's look the same. No answer holds a code.
//   - A number is shown in full to those who sent it and to keys with the scope recipients:reveal; masked to others.
//
// Limits of requests are kept in this process alone: they hold back a caller that runs wild. What guards a recipient
// is in package verify, under the recipient's lock.
package mta
