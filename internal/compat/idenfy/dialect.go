package idenfy

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/webhook"
)

// The dialects of webhooks. Events of a session that names a callbackUrl go there, and to no other webhook (ID-35): their dialect is
// the second one, which an account has one webhook of.
const (
	dialectName     = "idenfy"
	callbackDialect = "idenfy_callback"
	callbackWord    = "CALLBACK"
)

// The vendor's events (b.5).
const (
	eventFinished  = "IDENTIFICATION_AUTO_FINISHED"
	eventReviewed  = "IDENTIFICATION_MANUAL_FINISHED"
	eventResubmit  = "IDENTIFICATION_RESUBMITTED"
	eventCancelled = "IDENTIFICATION_CANCELLED" // ID-A6
	eventExpired   = "IDENTIFICATION_EXPIRED"
	eventLegacy    = "IDENTIFICATION" // all of them
	eventTest      = "TEST"           // ours: the native API's test of a webhook
)

// words are what a webhook may ask for. Nobody reviews anything here, so two of them never come.
var words = []string{eventFinished, eventReviewed, eventResubmit, eventCancelled, eventExpired, eventLegacy}

// ending is what an event of ours is to the vendor, and what the session was after it, whatever it is by the time it is told.
type ending struct {
	event  string
	status invite.Status
	final  bool
}

// endings are the events that the vendor's tell. Each session has one of them: what follows a hand-over is not told (ID-40).
var endings = map[string]ending{
	invite.EventHandedOff: {eventFinished, invite.HandedOff, true},
	invite.EventExpired:   {eventExpired, invite.Expired, false},
	invite.EventCanceled:  {eventCancelled, invite.Canceled, false},
	invite.EventDeclined:  {eventCancelled, invite.Declined, false},
}

// Dialects are how the vendor's clients get events (ID-35 to ID-42): those of webhooks, and those of URLs that sessions name.
func Dialects(s Sessions) []webhook.Dialect {
	common := webhook.Dialect{
		Load: func(ctx context.Context, e audit.Event, masked bool) (any, error) { return told(ctx, s, e, masked) },
		Body: hookBody, Sign: signHook, Signature: headerSignature,
		Taken: func(status int) bool { return status/100 == 2 },
		Waits: hookWaits(), Timeout: 10 * time.Second,
	}
	account, session := common, common
	account.Name = dialectName
	account.Knows = func(word string) bool { return slices.Contains(words, word) }
	account.Wants = func(asked []string, kind string) bool { return named(asked, kind) != "" }
	account.Picks = picks(dialectName)
	session.Name, session.Alone = callbackDialect, true
	session.Knows = func(word string) bool { return word == callbackWord }
	session.Wants = func(_ []string, kind string) bool { return endings[kind].event != "" }
	session.Picks = picks(callbackDialect)
	session.Target = func(n webhook.News) string {
		if of, ok := n.Own.(sessionNews); ok {
			return of.view.Vendor[setCallback]
		}
		return ""
	}
	return []webhook.Dialect{account, session}
}

// hookWaits are those before each try (ID-39): ten more within ten seconds of each other, then longer ones up to a day in all. Each
// has up to a fifth more.
func hookWaits() []time.Duration {
	waits := []time.Duration{0}
	for range 10 {
		waits = append(waits, 8*time.Second)
	}
	for w := time.Minute; w < 24*time.Hour; w *= 4 {
		waits = append(waits, w)
	}
	return waits
}

// named is the vendor's event that one of ours is told as to a webhook which asks by these words, "" for none. The legacy event is
// for those who don't ask for the single one (ID-42).
func named(asked []string, kind string) string {
	of := endings[kind].event
	switch {
	case of == "":
		return ""
	case slices.Contains(asked, of) || slices.Contains(asked, callbackWord):
		return of
	case slices.Contains(asked, eventLegacy):
		return eventLegacy
	}
	return ""
}

// picks lets events of sessions through that are for a dialect. Of a session that was handed over there is nothing more to tell (ID-40).
func picks(dialect string) func(kind string, data []byte) bool {
	return func(_ string, data []byte) bool {
		var of struct {
			Dialect string
			From    invite.Status
		}
		return json.Unmarshal(data, &of) == nil && of.Dialect == dialect && of.From != "" && of.From != invite.HandedOff && of.From != invite.Completed
	}
}

const headerSignature = "Idenfy-Signature"

// signHook sets the vendor's headers. There is room for one signature: after a rotation only the new secret signs.
func signHook(h http.Header, m webhook.Message) error {
	mac := hmac.New(sha256.New, []byte(m.Secrets[0]))
	_, _ = mac.Write(m.Body) // a hash never fails
	h.Set(headerSignature, hex.EncodeToString(mac.Sum(nil)))
	event := eventTest
	if m.Type != webhook.Tested {
		event = named(m.Words, m.Type)
	}
	h.Set("Idenfy-Event-Type", event)
	return nil
}

// sessionNews is a session as a webhook tells it.
type sessionNews struct {
	view invite.View
	full *invite.Revealed // nil: numbers are masked
}

// told reads the session that e is about. Numbers are in full when a key made it that may see them: an event tells that they were read.
// Masked, they never are.
func told(ctx context.Context, s Sessions, e audit.Event, masked bool) (any, error) {
	by := invite.Caller{Tenant: e.Tenant, Actor: "system"}
	v, err := s.Get(ctx, invite.Target{Caller: by, ID: e.Object})
	if err != nil {
		return nil, err
	}
	out := sessionNews{view: v}
	if v.Vendor[setReveal] == "true" && !masked {
		out.full, err = revealed(ctx, s, v, by)
	}
	return out, err
}

// payload is what is posted (b.5). What this server does not look at is null.
type payload struct {
	Final           *bool         `json:"final"`
	Platform        string        `json:"platform"`
	Status          payloadStatus `json:"status"`
	Data            payloadData   `json:"data"`
	FileURLs        struct{}      `json:"fileUrls"`
	ScanRef         string        `json:"scanRef"`
	ExternalRef     *string       `json:"externalRef"`
	ClientID        string        `json:"clientId"`
	CompanyID       *string       `json:"companyId"`
	StartTime       *int64        `json:"startTime"`
	FinishTime      *int64        `json:"finishTime"`
	ClientIP        *string       `json:"clientIp"`
	ClientIPCountry *string       `json:"clientIpCountry"`
	ClientLocation  *string       `json:"clientLocation"`
	contacts
	RiskAssessment *string `json:"riskAssessment"`
	Questionnaire  *string `json:"questionnaireAnswers"`
}

type payloadStatus struct {
	Overall string  `json:"overall"`
	Reason  *string `json:"reason"` // ours (ID-A7)
	outcome
	AdditionalSteps *string `json:"additionalSteps"`
}

type payloadData struct {
	ProxyRisk *string `json:"clientIpProxyRiskLevel"`
}

// hookBody is what is posted of an event. A session that was erased or is past its retention has its scanRef and status alone.
func hookBody(n webhook.News) ([]byte, error) {
	p := payload{Platform: "OTHER", Status: payloadStatus{Overall: active, outcome: noOutcome()}}
	if n.Event.Type == webhook.Tested { // it is asked for through the native API, and about no session
		return bytes.TrimSpace(encode(p)), nil
	}
	end := endings[n.Event.Type]
	p.ScanRef, p.Status.Overall, p.FinishTime = n.Event.Object.UUID(), overall(end.status), unix(n.Event.At)
	if end.final {
		p.Final = &end.final
	}
	if of, ok := n.Own.(sessionNews); ok {
		v := of.view
		p.ClientID, p.ExternalRef, p.StartTime, p.contacts = v.Reference, orNull(v.ExternalID), unix(v.OpenedAt), contactsOf(v, of.full)
		if end.status == invite.Expired || end.status == invite.Declined {
			p.Status.Reason = orNull(v.Failure)
		}
	}
	return bytes.TrimSpace(encode(p)), nil
}

// unix is a time in seconds, nil for none.
func unix(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	s := t.Unix()
	return &s
}
