package mta

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

var errStatus = fault.New(fault.Invalid, "status_invalid", "Use PENDING, APPROVED, EXPIRED or INVALID.").On("filters[status]")

// record is a verification as the vendor shows it.
type record struct {
	ID             string            `json:"id"`
	Number         string            `json:"number"`
	ServiceName    string            `json:"serviceName"`
	TimeoutSeconds int               `json:"timeoutSeconds"`
	CodeLength     int               `json:"codeLength"`
	Status         string            `json:"status"`
	Type           string            `json:"type"`
	ExternalID     *string           `json:"externalId"`
	Tags           map[string]string `json:"tags"`
	MessageID      string            `json:"messageId"`
	DeliveryStatus *string           `json:"deliveryStatus"` // null in lists: see deliveries
	Deliverable    bool              `json:"deliverable"`
	Reason         string            `json:"reason"`
	Carrier        string            `json:"carrier"`
	LineType       string            `json:"lineType"`
	Risk           *string           `json:"risk"`
	AttemptsLeft   int               `json:"attemptsLeft"`
	CreatedAt      *string           `json:"createdAt"`
	ExpiresAt      *string           `json:"expiresAt"`
	ApprovedAt     *string           `json:"approvedAt"`
}

// record is v in the vendor's form. What a number's range says can be told of a number that is not masked alone.
func (d *Door) record(ctx context.Context, v verify.View) (record, error) {
	name, err := d.nameIn(ctx, v)
	if err != nil {
		return record{}, err
	}
	says := verdict{Deliverable: true, Carrier: unknown, LineType: unknown}
	if strings.HasPrefix(v.To, "+") && !strings.Contains(v.To, " ") {
		a, err := d.account(ctx)
		if err != nil {
			return record{}, err
		}
		says = d.judge(a, v.To, false)
	}
	out := record{
		ID: v.ID.UUID(), Number: v.To, ServiceName: name, TimeoutSeconds: lifetime(v, 0), CodeLength: v.CodeLength,
		Type: string(v.Channel), Tags: v.Metadata, MessageID: messageID(v, len(v.Sends)), Deliverable: says.Deliverable,
		Carrier: says.Carrier, LineType: says.LineType, Risk: says.Risk, AttemptsLeft: v.ChecksLeft,
		CreatedAt: stamp(v.CreatedAt), ExpiresAt: stamp(v.ExpiresAt),
	}
	if v.ExternalID != "" {
		out.ExternalID = &v.ExternalID
	}
	if out.Tags == nil {
		out.Tags = map[string]string{}
	}
	switch out.Status, out.Reason = outward(v.Status); {
	case out.Status == approved:
		out.ApprovedAt = stamp(v.EndedAt)
	case out.Reason == "blocked":
		risk := deniedRisk(v.Decision.Reasons)
		out.Deliverable, out.Risk = false, &risk
	case out.Reason == "undeliverable":
		out.Deliverable = false
	}
	return out, nil
}

// nameIn is the name that stood in the message: of a verification that this door started it is in the message's words, of
// another it is the profile's.
func (d *Door) nameIn(ctx context.Context, v verify.View) (string, error) {
	if name, ok := strings.CutPrefix(v.Text, textBefore); ok {
		if name, ok = strings.CutSuffix(name, textAfter); ok {
			return name, nil
		}
	}
	profile, err := d.cfg.Directory.Profile(ctx, caller(ctx).Tenant, v.Service)
	if fault.Is(err, fault.NotFound) { // removed since
		return "", nil
	}
	return profile.Name, err
}

// get answers GET /v3/verify/{verificationId}.
func (d *Door) get(w http.ResponseWriter, r *http.Request) error {
	id, err := uid.ParseUUID(r.PathValue("verificationId"))
	if err != nil || id.IsZero() {
		return errUnknown
	}
	rec, err := d.read(r.Context(), id)
	if err != nil {
		return err
	}
	out, err := d.record(r.Context(), rec.View)
	if err != nil {
		return err
	}
	status := deliveryStatus(rec.View, rec.Deliveries, len(rec.View.Sends))
	out.DeliveryStatus = &status
	return answer(w, enveloped(out))
}

// list answers GET /v3/verify.
func (d *Door) list(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	q.status = strings.ToUpper(q.status)
	if q.status != "" && !slices.Contains([]string{pending, approved, expired, invalid}, q.status) {
		return errStatus
	}
	ctx, p := r.Context(), &pager[verify.View]{query: q}
	req := q.request(caller(ctx), d.cfg.Rules)
	req.Status = inward[q.status]
	whole, err := d.walk(ctx, req, q.since, func(v verify.View) error {
		if status, _ := outward(v.Status); q.status == "" || status == q.status {
			p.add(v)
		}
		return nil
	}, p.full)
	if err != nil {
		return err
	}
	rows, total, err := p.result(whole)
	if err != nil {
		return err
	}
	out, err := listing(q, rows, total, func(v verify.View) (record, error) { return d.record(ctx, v) })
	if err != nil {
		return err
	}
	return answer(w, enveloped(out))
}
