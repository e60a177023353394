// Package web is what the incoming edges share: the chain every request passes, the rendering of errors as problems,
// health and metrics, tables of limits by key, a server that stops without dropping what it accepted; and for pages their assets (Assets), the tokens of
// the design (Design), and texts in message files, with plural forms and values put in by name (Words).
//
// An exchange is one request with its answer. The chain gives it an id, finds the client's address, sets the headers
// of its policy, caps its body, catches panics, and afterwards writes one log line and counts it. An edge is a mux
// (Mux) with a policy: APIPolicy for machines, PagePolicy for browsers. A problem is an error as RFC 9457 shows it.
//
// Invariants:
//   - A request id is always ours; none is taken from outside.
//   - Log lines hold method, route pattern, status, duration, ids and the cause of a failure: no query, no body,
//     no header, no address.
//   - A problem never holds a value that was sent, a cause, a stack or a path of ours.
//   - The client's address comes from a header only when the peer is a declared proxy.
//   - No handler's panic ends the process.
//
// The package knows no routes and decides nothing about verifications; edges that speak a vendor's dialect hand in
// their own way to tell an error.
package web
