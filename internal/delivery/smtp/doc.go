// Package smtp carries codes by e-mail over a mail server's submission port.
//
// A message is plain text and HTML side by side, with the code in the subject too. It says that it is automatic, tells
// neither the host nor the program it comes from, and has one Message-ID for all tries of a send, so that mailboxes
// drop doubles.
//
// Connections are kept for the next message for a while, and at most Config.Connections are open at once. A message is
// Unknown only when the connection broke after its last byte was sent and before the server answered. What the server
// says is reported as its numbers alone, because its text may hold the address.
package smtp
