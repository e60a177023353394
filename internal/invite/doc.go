// Package invite is the hosted flow for a firm's customer: a link, the contacts that have to be proven before anything else,
// consent, and the hand-over to the firm.
//
// Words. An invitation is one such flow. Its link is a capability: whoever has it may open the invitation, and nothing more; an
// id is none. A session is one browser that opened the link; its secret is a cookie, of which a keyed hash is kept. A gate is one
// contact proof: fixed when the firm named the contact, entered when the customer does. A cycle is a gate's share of sends; when it
// is used up the gate is locked. A step is what a session has to do next.
//
//	created --> sent --> opened --> [mobile_pending --> mobile_verified] --> consent_pending --> consented --> handed_off --> completed
//	   |         |                     |      ^
//	   +-> undeliverable               +-> mobile_failed      also: declined, expired, canceled
//
// The package has two halves. What may happen is decided by methods on plain data ([Invitation], [Gate]) that know no clock, no
// database and no key. [Service] brings them what they need, and lets one change of [Store] decide and commit.
//
// Invariants.
//   - What the policy said when an invitation was made holds for it, whatever the firm decides later (RA-16).
//   - While a gate is on and not passed in this session, no later step is reached (RA-3). No step is decided by a page.
//   - A gate is passed by a right code alone: nobody at the firm can pass or skip it (RA-55).
//   - A send is counted, and committed, before the verification is started; the start carries the count in its idempotency key, so
//     that a repeat after a crash is the same message and not another. Reading never sends (RA-24).
//   - A firm's addresses are on its list of redirects; nothing is added to those of an entered invitation but its id, when that is asked
//     for (ID-33). Where an ending leads is decided here and not by a page (ID-32).
//   - A new link ends the old one, and the sessions that the old one opened: both are known, open nothing, and are told so (RA-54). A proof goes over to it when the firm keeps proofs, within
//     its 24 hours, and to one browser (RA-64).
//   - Names, contacts and notes are sealed in one value, bound to the invitation; they are in no event and no log. Contacts are
//     searched by keyed hash.
//   - A link and a session are found by keyed hashes of 256 random bits (238 for an entered invitation, whose token has to fit the
//     40 characters of a vendor's field), and neither is stored.
//   - A row of a file becomes the one invitation that was named for it when the file came, in one commit with the end of the row.
//   - Each change has its event, in one transaction.
//   - What is sent beside codes is a [Dispatch] from the change on that asks for it; one that is not sent after all is taken back with its
//     job. A reminder is unknown until it is known what came of it, and stays so when the server is killed meanwhile.
//
// It knows no page, no wire format but the CSV of such files, and writes no message: [Notifier] sends links, package verify sends codes.
package invite
