// Package handover signs what a customer's browser carries to the firm at the end of an invitation: a short-lived result as a
// JWS in compact form (RFC 7515), by ES256, which the firm verifies with the published keys (RFC 7517).
//
// Words: a result is what came of an invitation, a token is a signed result. A key is young until every server and every
// reader of the published keys can know it, then it signs; it is old when a younger one signs in its place.
//
// Invariants:
//   - a token names the firm, the invitation and times, and never a number, a name or an address: it is in a URL, so in histories and logs;
//   - a token lives for five minutes, and its audience is one tenant: another firm must not take it;
//   - private keys leave the process sealed by the key ring only; they stand in one row of the database, so every server of an
//     installation has the same;
//   - whoever reads the published keys no more often than they may be kept knows each key before a token is signed with it,
//     and a key is published for longer than its last token lives.
//
// The package decides nothing about invitations and keeps no token.
package handover
