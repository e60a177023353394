// Package idenfy is the door for clients of the vendor iDenfy, under /compat/idenfy: sessions in which a customer confirms a phone
// number or an e-mail address before anything else, and the vendor's two services for phones alone.
//
// All routes stand in one table (door.go). A request passes the chain of package web, then proves an account by HTTP Basic, is
// counted, and is asked for the scope of its route; then a handler reads the body, calls one service and puts the answer into the
// vendor's words. The door decides nothing about sessions: that is package invite's, and codes are package verify's.
//
// Words of the vendor. A session is an invitation of the kind entered; its scanRef is the invitation's id as a UUID, and its authToken
// the token of its link. clientId is the invitation's reference, externalRef its external id. What belongs to the door alone is kept as the
// invitation's Vendor settings (session.go). A request_id is a verification's id as a UUID.
//
// Invariants:
//   - A scanRef and a request_id are our ids: there is no table between the two.
//   - Every error is in the vendor's form, and none holds a value that was sent.
//   - An unknown id and another account's look the same. No answer holds a code, and only those that make a session hold its token.
//   - A number is in full for keys with the scope recipients:reveal, and in webhooks of sessions that such a key made; masked for
//     others. Whoever sees it in full leaves an event.
//   - Names and whatever else a session is prefilled with is sealed: Vendor settings hold nothing about a person.
package idenfy
