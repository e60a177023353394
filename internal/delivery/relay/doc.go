// Package relay hands messages to a customer's own sender over signed HTTP, and reads the receipts that come back.
//
// A message is one POST of JSON, signed by the headers of Standard Webhooks:
//
//	{"delivery_id","verification_id","channel","to","from","body","locale","segments"}
//
// A notice of an invitation has "invitation_id" in place of "verification_id", and its link in the body.
//
// The webhook-id names the send and stays the same over retries and take-overs: a receiver that has seen it may answer
// 2xx and drop the message. Answers: 2xx is taken, with {"reference":"..."} when the receiver has an id of its own;
// 429 and 5xx mean not now; any other 4xx means never this message. A redirect is not followed.
//
// Receipts are JSON signed the same way, with the same secret. Two secrets are valid while one is being replaced: both
// sign what goes out, either may have signed what comes in.
package relay
