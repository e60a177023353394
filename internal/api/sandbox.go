package api

import (
	"context"

	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

const sandboxMessages = "/v1/sandbox/messages"

// SandboxMessage is a message of a sandbox as a phone would show it.
type SandboxMessage struct {
	_ struct{} `additionalProperties:"true"`

	Verification string `json:"verification" example:"vrf_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Send         int    `json:"send" doc:"Number of the send within the verification, from 1"`
	To           string `json:"to" doc:"Masked"`
	Channel      string `json:"channel" enum:"sms,voice,whatsapp,email"`
	Subject      string `json:"subject,omitempty" doc:"Of an e-mail"`
	Text         string `json:"text"`
	Code         string `json:"code"`
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
	out := &sandboxOutput{Body: SandboxMessageList{Data: make([]SandboxMessage, len(list))}}
	for i, m := range list {
		out.Body.Data[i] = SandboxMessage{
			Verification: m.Verification.Text(uid.Verification), Send: m.Send, To: m.To, Channel: string(m.Channel),
			Subject: m.Subject, Text: m.Text, Code: m.Code, CreatedAt: stamp(m.At),
		}
	}
	return out, nil
}
