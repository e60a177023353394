package console

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// ownSent gives the endpoint of the path, and the id of its delivery.
func (v *visit) ownSent() (e webhook.Endpoint, id uid.ID, err error) {
	if e, err = v.ownHook(); err == nil {
		id, err = v.id(uid.WebhookSent, "delivery")
	}
	return e, id, err
}

// sent is the window of one delivery: its tries and its request.
func (s *Site) sent(v *visit) (View, error) {
	e, id, err := v.ownSent()
	if err != nil {
		return nil, err
	}
	shown, err := s.Hooks.Show(v.ctx(), v.Operator.Tenant, e.ID, id)
	if err != nil {
		return nil, err
	}
	d := shown.Delivery
	view := &Hook{
		Frame: v.frame(), ID: d.ID.Text(uid.WebhookSent), Type: d.Type, EventID: d.Event.Text(uid.Event), State: string(d.State),
		Target: e.URL, BackURL: hookURL(e.ID), Tries: d.Tries, NextAt: d.Due, Log: tried(&d), Lack: shown.Lack,
	}
	if r := shown.Request; r != nil {
		view.Request = &HookRequest{Method: r.Method, URL: r.URL, At: r.At, Headers: headers(r.Header), Body: readable(r.Body)}
	}
	if d.Error == webhook.ErrorOff || d.Error == webhook.ErrorNoEvent {
		view.Lost = d.Error
	}
	if v.May(operator.ChangeWebhooks) && e.Enabled {
		view.Replay = v.form(sentURL(e.ID, d.ID) + "/replay").once()
	}
	return view, nil
}

// tried are the tries of a delivery that are on record, the newest first.
func tried(d *webhook.Delivery) []HookTry {
	log := d.Log()
	all := make([]HookTry, len(log))
	for i, t := range log { // those before the log are of a version that kept the last one alone
		all[i] = HookTry{N: d.Tries - len(log) + i + 1, At: t.At, Status: t.Status, Error: t.Error, Took: took(t.Latency), Answer: t.Answer}
	}
	slices.Reverse(all)
	return all
}

// headers are one a line, as they are on their way.
func headers(all []webhook.Field) string {
	lines := make([]string, len(all))
	for i, h := range all {
		lines[i] = strings.ToLower(h.Name) + ": " + h.Value
	}
	return strings.Join(lines, "\n")
}

// readable is a body with a line for each member, when it is JSON. Nothing else is changed.
func readable(body []byte) string {
	var out bytes.Buffer
	if json.Indent(&out, body, "", "  ") != nil {
		return string(body)
	}
	return out.String()
}

func (s *Site) replay(v *visit) (View, error) {
	e, id, err := v.ownSent()
	if err != nil {
		return nil, err
	}
	_, err = s.Hooks.Replay(v.ctx(), v.hooksCaller("replay"), v.Operator.Tenant, e.ID, id)
	return s.sentOrWrong(v, e, err, Flash{Said: "replayed"})
}
