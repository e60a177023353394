package twilio_test

import (
	"context"

	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// sendFake answers for lists and counts of sends from its fields.
type sendFake struct {
	refs       []verify.SendRef
	more       verify.SendRef
	count      verify.SendCount
	deliveries []verify.Delivery
	sendErr    error    // what lists and counts answer
	others     []uid.ID // verifications like the fake's own
	removed    uid.ID   // one that is not there any more
	erased     bool     // recipients can't be read in full

	query verify.SendQuery // the last one
	part  verify.SendPage
	asked int // how often
}

func (f *fake) Sends(_ context.Context, q verify.SendQuery, p verify.SendPage) ([]verify.SendRef, verify.SendRef, error) {
	f.query, f.part, f.asked = q, p, f.asked+1
	if err := f.answer(); err != nil {
		return nil, verify.SendRef{}, err
	}
	return f.refs, f.more, f.sendErr
}

func (f *fake) CountSends(_ context.Context, q verify.SendQuery) (verify.SendCount, error) {
	f.query, f.asked = q, f.asked+1
	if err := f.answer(); err != nil {
		return verify.SendCount{}, err
	}
	return f.count, f.sendErr
}
