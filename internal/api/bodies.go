package api

import (
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Types of answers have the tag additionalProperties: the document then lets clients expect fields that a later release
// adds. Requests may not have unknown ones.

// Verification is a verification in answers. Times are RFC 3339 in UTC with milliseconds.
type Verification struct {
	_ struct{} `additionalProperties:"true"`

	ID         string            `json:"id" example:"vrf_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Status     string            `json:"status" enum:"pending,approved,canceled,expired,exhausted,superseded,failed,denied,challenge"`
	To         string            `json:"to" doc:"As sent in the answer to a start and resend, masked elsewhere" example:"+12025550123"`
	Channel    string            `json:"channel" enum:"sms,voice,whatsapp,email"`
	Service    string            `json:"service" example:"svc_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Purpose    string            `json:"purpose" example:"login"`
	Locale     string            `json:"locale,omitempty"`
	ExternalID string            `json:"external_id,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	CreatedAt  string            `json:"created_at" format:"date-time"`
	ExpiresAt  string            `json:"expires_at" format:"date-time" doc:"When the code stops being right"`
	EndedAt    string            `json:"ended_at,omitempty" format:"date-time" doc:"Absent while pending"`
	Sends      int               `json:"sends" doc:"Messages asked for so far"`
	SendsLeft  int               `json:"sends_left"`
	ChecksLeft int               `json:"checks_left"`
	ResendAt   string            `json:"resend_at,omitempty" format:"date-time" doc:"Before this a start or resend sends nothing. Absent when nothing was sent"`
	Decision   Decision          `json:"decision"`
}

// Decision is what the risk engine said.
type Decision struct {
	_ struct{} `additionalProperties:"true"`

	Outcome string   `json:"outcome" enum:"allow,challenge,delay,deny"`
	Reasons []string `json:"reasons" nullable:"false" doc:"Stable words, most telling first"`
}

// VerificationRecord is a verification with its sends.
type VerificationRecord struct {
	_ struct{} `additionalProperties:"true"`

	Verification
	Sends []Send `json:"sends" nullable:"false" doc:"In order"`
}

// Send is one message asked for, with the tries to carry it.
type Send struct {
	_ struct{} `additionalProperties:"true"`

	N          int        `json:"n" doc:"From 1"`
	Channel    string     `json:"channel" enum:"sms,voice,whatsapp,email"`
	CreatedAt  string     `json:"created_at" format:"date-time"`
	Deliveries []Delivery `json:"deliveries" nullable:"false" doc:"In order; none while the message waits"`
}

// Delivery is one try of one provider to carry one send.
type Delivery struct {
	_ struct{} `additionalProperties:"true"`

	ID        string `json:"id" example:"dlv_06c4zk9r2m8t7v5w3x1y0a2b4c_1"`
	Provider  string `json:"provider"`
	Channel   string `json:"channel" enum:"sms,voice,whatsapp,email"`
	State     string `json:"state" enum:"sending,sent,delivered,failed,expired,unknown"`
	Error     string `json:"error" doc:"Stable word; empty when the provider took it"`
	LatencyMS int64  `json:"latency_ms" doc:"How long the provider took to answer"`
	Price     *Price `json:"price,omitempty" doc:"Absent until the provider tells it"`
	CreatedAt string `json:"created_at" format:"date-time"`
}

// Price is what a provider asks for one delivery.
type Price struct {
	_ struct{} `additionalProperties:"true"`

	Amount   string `json:"amount" example:"0.0079"`
	Currency string `json:"currency" example:"USD"`
}

// CheckResult is what came of a check.
type CheckResult struct {
	_ struct{} `additionalProperties:"true"`

	ID         string `json:"id"`
	Status     string `json:"status" enum:"pending,approved,exhausted"`
	Valid      bool   `json:"valid" doc:"Whether the code was right"`
	ChecksLeft int    `json:"checks_left"`
}

// Client is the end user's machine.
type Client struct {
	IP        string `json:"ip,omitempty" maxLength:"45" doc:"Address of the end user, not of your server" example:"203.0.113.9"`
	UserAgent string `json:"user_agent,omitempty" maxLength:"512"`
	DeviceID  string `json:"device_id,omitempty" maxLength:"128" doc:"Your own stable id of the device"`
}

// Transaction is what the person is asked to approve. A code for it is right only together with the same values.
type Transaction struct {
	Amount   string `json:"amount" maxLength:"20" doc:"Decimal number" example:"12.50"`
	Currency string `json:"currency" minLength:"3" maxLength:"3" doc:"ISO 4217" example:"EUR"`
	Payee    string `json:"payee" minLength:"1" maxLength:"64"`
}

func (c *Client) domain() *verify.Client {
	if c == nil {
		return nil
	}
	return &verify.Client{IP: c.IP, UserAgent: c.UserAgent, DeviceID: c.DeviceID}
}

func (t *Transaction) domain() *delivery.Transaction {
	if t == nil {
		return nil
	}
	return &delivery.Transaction{Amount: t.Amount, Currency: t.Currency, Payee: t.Payee}
}

// stamp is a time as answers show it, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

func verification(v verify.View) Verification {
	reasons := v.Decision.Reasons
	if reasons == nil {
		reasons = []string{}
	}
	return Verification{
		ID:         v.ID.Text(uid.Verification),
		Status:     string(v.Status),
		To:         v.To,
		Channel:    string(v.Channel),
		Service:    v.Service.Text(uid.Service),
		Purpose:    string(v.Purpose),
		Locale:     v.Locale,
		ExternalID: v.ExternalID,
		Metadata:   v.Metadata,
		CreatedAt:  stamp(v.CreatedAt),
		ExpiresAt:  stamp(v.ExpiresAt),
		EndedAt:    stamp(v.EndedAt),
		Sends:      len(v.Sends),
		SendsLeft:  v.SendsLeft,
		ChecksLeft: v.ChecksLeft,
		ResendAt:   stamp(v.ResendAt),
		Decision:   Decision{Outcome: string(v.Decision.Outcome), Reasons: reasons},
	}
}

func record(r verify.Record) VerificationRecord {
	out := VerificationRecord{Verification: verification(r.View), Sends: make([]Send, len(r.View.Sends))}
	for i, s := range r.View.Sends {
		out.Sends[i] = Send{N: s.N, Channel: string(s.Channel), CreatedAt: stamp(s.At), Deliveries: []Delivery{}}
		for _, d := range r.Deliveries {
			if d.Send == s.N {
				out.Sends[i].Deliveries = append(out.Sends[i].Deliveries, deliveryBody(d))
			}
		}
	}
	return out
}

func deliveryBody(d verify.Delivery) Delivery {
	out := Delivery{
		ID:        d.ID().String(),
		Provider:  d.Provider,
		Channel:   string(d.Channel),
		State:     string(d.State),
		Error:     d.Error,
		LatencyMS: d.Latency.Milliseconds(),
		CreatedAt: stamp(d.CreatedAt),
	}
	if d.Price != nil {
		out.Price = &Price{Amount: d.Price.Amount, Currency: d.Price.Currency}
	}
	return out
}

func checkResult(c verify.CheckAnswer) CheckResult {
	return CheckResult{ID: c.ID.Text(uid.Verification), Status: string(c.Status), Valid: c.Valid, ChecksLeft: c.ChecksLeft}
}
