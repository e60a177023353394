// Package delivery carries messages: it renders the text, picks the provider, hands the message over, and fails over
// to the next provider when one does not take it.
//
// Words: a message holds a code, a notice the link of an invitation; a send is one message asked for within a verification;
// a delivery is one try of one provider to carry it; a receipt is what the provider reports later; a route is the ordered
// rule that picks providers and sender.
//
// One send goes like this:
//
//	Message -> route (first rule that matches) -> text (one locale, one channel)
//	        -> provider 1: taken | refused for good | not now | no answer
//	        -> provider 2, when 1 did not take it and did not refuse it for good
//	        -> Result: one Try for each provider asked
//
// Invariants:
//   - a send ends within Config.SendTimeout, and every provider of the route has its share of that time;
//   - a provider that keeps failing is left out (its circuit is open) as long as another one can be asked;
//   - every hand-over of one send has the same key (SendKey), also after a restart, so that a receiver can drop doubles;
//   - a try that ended without an answer is Unknown, never Failed: the message may have left;
//   - a state only ever advances (State.After);
//   - the tenant's standing is asked before each send: of a sandbox nothing reaches a provider, of a suspended tenant nothing
//     is tried, and while it can't be told the message waits;
//   - a notice (Notify) goes the same way as a message with a code, under one name for all its tries;
//   - the code, or the link of a notice, is in memory and in the outgoing message, and nowhere else: neither logs nor errors
//     nor metrics hold it;
//   - what a firm looks at (Sample) is written as what is sent, of made-up values, and goes to nobody.
//
// The package keeps no rows and reads no verification; it answers what came of a send, and the caller records it.
// Providers live in sub-packages that only the program's wiring knows, and all pass the suite in deliverytest.
package delivery
