package api

import (
	"context"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

const sandboxMessages = "/v1/sandbox/messages"

// SandboxMessage is a message of a sandbox as a phone would show it.
type SandboxMessage struct {
	_ struct{} `additionalProperties:"true"`

	Verification string `json:"verification,omitempty" doc:"Of a message with a code" example:"vrf_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Send         int    `json:"send,omitempty" doc:"Number of the send within the verification, from 1"`
	Invitation   string `json:"invitation,omitempty" doc:"Of a message with a link" example:"inv_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	To           string `json:"to" doc:"Masked"`
	Channel      string `json:"channel" enum:"sms,voice,whatsapp,email"`
	Subject      string `json:"subject,omitempty" doc:"Of an e-mail"`
	Text         string `json:"text"`
	Code         string `json:"code,omitempty"`
	Link         string `json:"link,omitempty" doc:"To the pages of the customer; whoever has it may open the invitation"`
	CreatedAt    string `json:"created_at" format:"date-time"`
}

// SandboxMessageList is all messages that can be read.
type SandboxMessageList struct {
	_ struct{} `additionalProperties:"true"`

	Data []SandboxMessage `json:"data" nullable:"false"`
}

type sandboxInput struct {
	To string `query:"to" maxLength:"320" doc:"E.164 number or e-mail address; all recipients otherwise"`
}

type sandboxOutput struct {
	Body SandboxMessageList
}

func (a *api) sandboxMessages(ctx context.Context, in *sandboxInput) (*sandboxOutput, error) {
	list, err := a.Verifications.Sandbox(ctx, caller(ctx), web.QueryNumber(in.To))
	if err != nil {
		return nil, err
	}
	var links []invite.Message
	if allows(web.Principal(ctx), tenant.ScopeInvitesRead) {
		if links, err = a.Invitations.Sandbox(ctx, inviter(ctx), web.QueryNumber(in.To)); err != nil {
			return nil, err
		}
	}
	out := &sandboxOutput{Body: SandboxMessageList{Data: make([]SandboxMessage, 0, len(list)+len(links))}}
	for _, m := range list {
		for len(links) > 0 && links[0].At.After(m.At) {
			out.Body.Data, links = append(out.Body.Data, linkMessage(links[0])), links[1:]
		}
		out.Body.Data = append(out.Body.Data, SandboxMessage{
			Verification: m.Verification.Text(uid.Verification), Send: m.Send, To: m.To, Channel: string(m.Channel),
			Subject: m.Subject, Text: m.Text, Code: m.Code, CreatedAt: stamp(m.At),
		})
	}
	for _, m := range links {
		out.Body.Data = append(out.Body.Data, linkMessage(m))
	}
	return out, nil
}

func linkMessage(m invite.Message) SandboxMessage {
	return SandboxMessage{
		Invitation: m.Invitation.Text(uid.Invitation), To: m.To, Channel: string(m.Channel), Subject: m.Subject, Text: m.Text, Link: m.Link,
		CreatedAt: stamp(m.At),
	}
}
