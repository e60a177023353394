// Package api is the native REST API, version 1, and the door at which providers report receipts.
//
// Every route stands in one table (routes.go) with its scope. A request passes the chain of package web, then its key
// and scope are checked, then huma reads parameters and body into a typed input and validates it against the schema
// that the OpenAPI document shows, then a handler calls one service method and shapes the answer. The document at
// /openapi.json is made from the same types, and committed as docs/openapi.json.
//
// Invariants:
//   - The tenant of every call is the one that the key proves; nothing in a request can name another.
//   - No problem holds a value that was sent. No answer holds a recipient in full, except `to` in the answer to a start,
//     to those who sent it, and what is revealed to those who may see it. No answer holds a code or a link.
//   - Every error is a problem (RFC 9457), also those that the standard mux or huma would tell in their own way.
//   - A body is JSON in UTF-8, at most 64 KiB (more on the paths of Policy) and 16 levels deep, without unknown or repeated
//     names.
//
// The package decides nothing about verifications and invitations, and keeps nothing.
package api
