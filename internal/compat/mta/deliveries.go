package mta

import (
	"context"
	"net/http"
	"slices"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// maxLooks is how many verifications a list of deliveries reads one by one. A page without filters[status] reads those
// of its own rows alone.
const maxLooks = 500

// deliveryStatuses are the vendor's.
var deliveryStatuses = []string{"sent", "delivered", "undelivered", "undeliverable", unknown, "rejected"}

var (
	errDeliveryStatus = fault.New(fault.Invalid, "status_invalid",
		"Use sent, delivered, undelivered, undeliverable, unknown or rejected.").On("filters[status]")
	errLooks = fault.New(fault.Invalid, "page_too_deep",
		"A list by status looks at 500 verifications. Narrow it by filters[startDate] and filters[endDate].").On("filters[status]")
)

// message is one of our sends, with the verification that it is part of.
type message struct {
	of verify.View
	n  int
}

// delivered is a message as the vendor lists it. The latest status alone is told (MTA-49).
type delivered struct {
	MessageID      string            `json:"messageId"`
	VerificationID string            `json:"verificationId"`
	Number         string            `json:"number"`
	Type           string            `json:"type"`
	Status         string            `json:"status"`
	ExternalID     *string           `json:"externalId"`
	Tags           map[string]string `json:"tags"`
	Date           *string           `json:"date"`
}

// looker reads the deliveries of verifications, each once.
type looker struct {
	door  *Door
	known map[uid.ID][]verify.Delivery
}

// status is the latest one of m.
func (l *looker) status(ctx context.Context, m message) (string, error) {
	list, ok := l.known[m.of.ID]
	if !ok {
		if len(l.known) >= maxLooks {
			return "", errLooks
		}
		rec, err := l.door.cfg.Verifications.Get(ctx, caller(ctx), m.of.ID, false)
		if err != nil && !fault.Is(err, fault.NotFound) { // retention may have taken it since the list was read
			return "", err
		}
		list = rec.Deliveries
		l.known[m.of.ID] = list
	}
	return deliveryStatus(m.of, list, m.n), nil
}

// deliveries answers GET /v3/deliveries: every message with its latest status, newest first.
func (d *Door) deliveries(w http.ResponseWriter, r *http.Request) error {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		return err
	}
	if q.status != "" && !slices.Contains(deliveryStatuses, q.status) {
		return errDeliveryStatus
	}
	ctx, p := r.Context(), &pager[message]{query: q}
	looks := &looker{door: d, known: map[uid.ID][]verify.Delivery{}}
	whole, err := d.walk(ctx, q.request(caller(ctx), d.cfg.Rules), q.since, func(v verify.View) error {
		return looks.pick(ctx, v, p)
	}, p.full)
	if err != nil {
		return err
	}
	rows, total, err := p.result(whole)
	if err != nil {
		return err
	}
	out, err := listing(q, rows, total, func(m message) (delivered, error) { return looks.show(ctx, m) })
	if err != nil {
		return err
	}
	return answer(w, enveloped(out))
}

// pick adds the messages of v that p asks for, the latest first.
func (l *looker) pick(ctx context.Context, v verify.View, p *pager[message]) error {
	for i := len(v.Sends) - 1; i >= 0; i-- {
		m := message{of: v, n: v.Sends[i].N}
		if p.kind != "" && p.kind != string(v.Sends[i].Channel) {
			continue
		}
		if p.status != "" && p.full() { // what follows would be read for nothing but its number
			return errEnough
		}
		if p.status != "" {
			status, err := l.status(ctx, m)
			if err != nil {
				return err
			}
			if status != p.status {
				continue
			}
		}
		p.add(m)
	}
	return nil
}

// show is m as the vendor lists it.
func (l *looker) show(ctx context.Context, m message) (delivered, error) {
	status, err := l.status(ctx, m)
	if err != nil {
		return delivered{}, err
	}
	out := delivered{
		MessageID: messageID(m.of, m.n), VerificationID: m.of.ID.UUID(), Number: m.of.To, Type: string(m.of.Channel),
		Status: status, Tags: m.of.Metadata, Date: stamp(m.of.CreatedAt),
	}
	if m.of.ExternalID != "" {
		out.ExternalID = &m.of.ExternalID
	}
	for _, s := range m.of.Sends {
		if s.N == m.n {
			out.Type, out.Date = string(s.Channel), stamp(s.At)
		}
	}
	return out, nil
}
