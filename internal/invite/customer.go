package invite

import (
	"context"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/uid"
)

// OpenAnswer is what opening a link gives: the cookie's value, which is a secret, and where it is good for.
type OpenAnswer struct {
	ID     uid.ID
	Cookie string // 43 characters of base64url; empty: the page is an ending and needs no session
	Page   Page
}

// Visit is a customer's request: the invitation of the path and the session of the cookie.
type Visit struct {
	ID        uid.ID
	Cookie    string
	Client    *Client
	RequestID string
}

// Open takes a link's token and begins a session, or goes on with the one of cookie when that is a live one of the invitation: then
// OpenAnswer.Cookie repeats it. It sends nothing (RA-24). A token that is unknown, or whose link was replaced, is NotFound with the
// code link_not_found; one that has expired or ended is no fault: the page says so, without a session.
func (s *Service) Open(ctx context.Context, token, cookie string, c *Client, requestID string) (OpenAnswer, error) {
	return OpenAnswer{}, notYet()
}

// Hub says what this session has to do next. It sends nothing. It heals what a crash left undone: a code that was right passes
// its gate. Reaching the consent step is noted (consent_pending).
func (s *Service) Hub(ctx context.Context, v Visit) (Page, error) { return Page{}, notYet() }

// Send asks for a code for a gate of the invitation, sms or email (RA-24, RA-38, ID-21). contact is what the customer typed, in an
// entered gate or where the page says CanChange; empty: the one that is known. Every outcome is an answer; a gate that is not
// there or passed is Conflict with gate_closed.
func (s *Service) Send(ctx context.Context, v Visit, gate delivery.Channel, contact Entry) (SendOutcome, Page, error) {
	return "", Page{}, notYet()
}

// Entry is a contact as a customer typed it, and what it was typed into.
type Entry struct {
	Contact string // empty: the one that is known
	Country string // alpha-2 code of the picker, for a number without its country code
	Asked   int    // GatePage.Asked when the form was drawn: one that is sent twice asks once
}

// Check hands in a code for a gate. Every outcome is an answer; a gate that is not there is Conflict with gate_closed, and
// one that this session has passed is CheckRight.
func (s *Service) Check(ctx context.Context, v Visit, gate delivery.Channel, code string) (CheckOutcome, Page, error) {
	return "", Page{}, notYet()
}

// Answer is what a customer says to the consent text. Version is that of the text that was shown; another than the invitation's is
// Conflict with consent_changed.
type Answer struct {
	Accept  bool
	Version string
	Locale  string
}

// Consent takes the customer's answer. While a gate is not passed in this session it is Conflict with step_not_reached (RA-3).
// The same answer again is fine.
func (s *Service) Consent(ctx context.Context, v Visit, a Answer) (Page, error) {
	return Page{}, notYet()
}

// HandOff says where the customer goes when every step is done: the redirect URL with invitation_id, state and the signed result
// (RA-48), or "" for the built-in end page; then the invitation is completed. Again it gives the same place with a new result.
func (s *Service) HandOff(ctx context.Context, v Visit) (url string, page Page, err error) {
	return "", Page{}, notYet()
}
