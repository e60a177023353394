// Package webhook tells a tenant's own servers what happened: it follows the audit log, and posts each event that an
// endpoint wants, signed by Standard Webhooks, until it is taken.
//
//	event --> sealed in the log --> fan-out --> delivery + job --> POST --> 2xx: delivered
//	                                               ^                 |
//	                                               +---- a wait -----+---- the tenth failure: dead
//
// Words. An endpoint is a URL of a tenant with a filter and a secret. A delivery is one event on its way to one endpoint,
// and its row is the log that the tenant reads; a try is one POST of it, and each that ended is on record there. A dead
// letter is a delivery given up: its row is kept with the answers, and a replay makes a new delivery of the same event. The
// fan-out follows the log by a position: the index of the next event to look at. What was posted is not kept: to show it is to
// make it anew, as a try does, with contacts masked and without the signature.
//
// Invariants. A change that leaves an event pays nothing for webhooks, and no event is lost: a position moves in the
// transaction that makes the deliveries, and only from where it was. Each delivery is tried at least once; webhook-id is
// the event's id, the same over tries, take-overs, replays and endpoints, so that a receiver can drop what it has seen.
// Order is not promised. Nothing is sent inside a transaction, and nothing leaves but through egress. A secret is shown
// once and kept sealed. A receiver that is slow holds up only itself, and slow receivers of a tenant only
// that tenant: a node has at most a few tries of one endpoint under way, and room for a tenant that has none, and puts off the others.
//
// An event comes about two seconds after it happened: a sealing interval, a look at the log, a look for due jobs. What
// it carries of a verification is the record as it is when it is sent: the type says what happened, the status what is.
//
// An endpoint has a dialect: the words by which it asks for events, the form and signature of what it gets, the schedule of its
// tries ([Dialect]). The native one is here; vendors' are their doors' and use the same log, fan-out, queue and deliveries. A dialect
// may tell things that this package knows nothing of, which it reads itself, and may send them to a URL that these name.
//
// The package decides nothing about verifications and reads them through [Records].
package webhook
