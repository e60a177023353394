package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/countersign/countersign/internal/delivery"
)

// isGone reports whether a send failed before anything was said, because the connection was not there any more.
func isGone(err error) bool {
	se, ok := errors.AsType[*mail.SendError](err)
	return ok && se.Reason == mail.ErrConnCheck
}

// isReply reports whether the server itself refused, so that the conversation can go on.
func isReply(err error) bool {
	se, ok := errors.AsType[*mail.SendError](err)
	return ok && se.ErrorCode() != 0 && se.ErrorCode() != closing
}

// closing is the reply of a server that ends the conversation, RFC 5321 §3.8.
const closing = 421

// ended tells what a context that ended before anything was sent means.
func ended(ctx context.Context, err error) *delivery.Temporary {
	word := delivery.ErrorCanceled
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		word = delivery.ErrorTimeout
	}
	return &delivery.Temporary{Word: word, Err: err}
}

// What is wrong without the server saying so.
var (
	errRecipient   = errors.New("the recipient is not an e-mail address")
	errNoStartTLS  = errors.New("the server does not offer STARTTLS")
	errNoMechanism = errors.New("the server offers none of SCRAM-SHA-256, PLAIN and LOGIN")
)

// notOpened tells why there is no conversation: at the step that word names, or because of ctx.
func notOpened(ctx context.Context, word string, err error) *delivery.Temporary {
	if ctx.Err() != nil {
		return ended(ctx, ctx.Err())
	}
	if ne, ok := errors.AsType[net.Error](err); ok && ne.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		word = delivery.ErrorTimeout
	}
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		if word == delivery.ErrorUnreachable {
			word = delivery.ErrorDeferred // it is there, and says no
		}
		err = fmt.Errorf("smtp %d before the message", reply.Code)
	}
	return &delivery.Temporary{Word: word, Err: err}
}

// notTaken tells why a message was not taken. The cause names numbers only: the server's text may hold the address.
func notTaken(ctx context.Context, err error) error {
	se, ok := errors.AsType[*mail.SendError](err)
	if !ok {
		return &delivery.Temporary{Word: delivery.ErrorUnreachable, Err: errors.New("the connection broke")}
	}
	told := fmt.Errorf("smtp %d %s: %s", se.ErrorCode(), se.EnhancedStatusCode(), se.Reason)
	switch code := se.ErrorCode(); {
	case code == 0:
		t := &delivery.Temporary{Word: delivery.ErrorUnreachable, Err: told}
		if ctx.Err() != nil {
			t = ended(ctx, ctx.Err())
		}
		t.Unsure = se.Reason == mail.ErrSMTPDataClose // all was sent, and the answer did not come
		return t
	case code == 530 || code == 535:
		return &delivery.Temporary{Word: delivery.ErrorCredentials, Err: told}
	case code < 500:
		return &delivery.Temporary{Word: delivery.ErrorDeferred, Err: told}
	case se.Reason == mail.ErrSMTPRcptTo && !strings.HasPrefix(se.EnhancedStatusCode(), "5.7"): // RFC 3463 §3.8: a matter of policy
		return &delivery.Final{Word: delivery.ErrorInvalidRecipient, Err: told}
	}
	return &delivery.Final{Word: delivery.ErrorRefused, Err: told}
}
