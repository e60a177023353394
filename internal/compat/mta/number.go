package mta

import (
	"net/http"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/sandbox"
)

// The vendor's risks that this door tells, and the word for what nobody has looked up.
const (
	riskFormat       = "invalid_format"
	riskDenyList     = "deny_list"
	riskUnsubscribed = "unsubscribed"
	riskSuspended    = "suspended"
	riskDeactivated  = "deactivated"
	riskLandline     = "landline"
	riskVoIP         = "voip"
	unknown          = "unknown"
)

// verdict is what published number ranges say about a number. No carrier was asked, so carrier is always unknown.
type verdict struct {
	To          string  `json:"to"`
	Deliverable bool    `json:"deliverable"`
	Reason      string  `json:"reason"`
	Carrier     string  `json:"carrier"`
	LineType    string  `json:"lineType"`
	Risk        *string `json:"risk"`

	country string // ISO 3166 alpha-2, empty when not known
	hard    bool   // nothing can be sent to it, whatever the caller says (MTA-24)
}

// risky sets why the number may not be reached.
func (v *verdict) risky(risk, reason string) {
	v.Risk, v.Reason = &risk, reason
}

// judge gives the verdict on what a caller of a sent as a number. live asks for a carrier's word: there is none to be had,
// which is a look-up that failed (MTA-27). In a sandbox some numbers stand for what a carrier would say (MTA-56).
func (d *Door) judge(a account, to string, live bool) verdict {
	rules := d.cfg.Rules
	v := verdict{To: to, Reason: "ok", Carrier: unknown, LineType: unknown}
	n, err := recipient.Inspect(to, rules)
	if err != nil || n.Kind != recipient.Phone {
		v.hard = true
		v.risky(riskFormat, formatReason(err))
		return v
	}
	v.To, v.LineType, v.country = n.Value, lineType(n.LineType), n.Country
	if _, err := recipient.Parse(to, rules); err != nil { // premium, toll-free and the like: barred everywhere
		v.hard = true
		v.risky(riskDenyList, "line_type_barred")
		return v
	}
	v.Deliverable = true
	if a.owner.Sandbox && v.rehearse(&n) {
		return v
	}
	switch {
	case n.LineType == recipient.Landline:
		v.Deliverable = false
		v.risky(riskLandline, riskLandline)
	case n.LineType == recipient.VoIP:
		v.risky(riskVoIP, riskVoIP)
	case n.LineType == recipient.Unknown:
		v.risky(unknown, "line_type_unknown")
	case live:
		v.risky(unknown, "lookup_unavailable")
	}
	return v
}

// rehearse is the verdict on a number that stands for something in a sandbox, and false for what its line alone decides.
func (v *verdict) rehearse(n *recipient.Recipient) bool {
	means := sandbox.Of(n.Value)
	if means.Line != "" {
		n.LineType, v.LineType = means.Line, lineType(means.Line)
	}
	switch {
	case means.Deny != "":
		v.risky(deniedRisk([]string{means.Deny}), "blocked")
	case means.Deactivated:
		v.risky(riskDeactivated, riskDeactivated)
	default:
		return false
	}
	v.Deliverable = false
	return true
}

// errStrict is the refusal of what can't be sent to in a strict account (MTA-A3).
func errStrict(v verdict) error {
	return fault.New(fault.Malformed, *v.Risk, "This can't be sent to: "+v.Reason+".").On("to")
}

// formatReason is why it is no number.
func formatReason(err error) string {
	if err == nil {
		return "email_address"
	}
	return fault.As(err).Code
}

// lineType is the vendor's word. North American numbers may be either, which is unknown to the vendor.
func lineType(t recipient.LineType) string {
	switch t {
	case recipient.Mobile, recipient.Landline, recipient.VoIP, recipient.TollFree, recipient.Premium, recipient.Pager:
		return string(t)
	}
	return unknown
}

// settle takes from the verdict a risk that a does not want to be told when it sends.
func (v *verdict) settle(a account) {
	if v.Risk != nil && a.policy(*v.Risk) == allow {
		v.Risk, v.Reason, v.Deliverable = nil, "ok", true
	}
}

// refusal is the risk because of which nothing is sent, or "": one that a blocks, and gated holds back whatever is not known
// to be fine. bypass sends all the same.
func (v verdict) refusal(a account, gated, bypass bool) string {
	if v.Risk != nil && !bypass && (gated || a.policy(*v.Risk) == block) {
		return *v.Risk
	}
	return ""
}

// deniedRisk is the vendor's word for why a verification was denied.
func deniedRisk(reasons []string) string {
	for _, r := range reasons {
		switch r {
		case riskUnsubscribed, riskSuspended, riskDeactivated, riskLandline, riskVoIP, unknown:
			return r
		case sandbox.OptedOut: // as the risk engine says it too
			return riskUnsubscribed
		}
	}
	return riskDenyList
}

// number answers POST /v3/verify/number. Nothing is sent and nothing kept.
func (d *Door) number(w http.ResponseWriter, r *http.Request) error {
	var b struct {
		To       *string `json:"to"`
		Realtime bool    `json:"realtime"`
	}
	if err := decode(r, &b); err != nil {
		return err
	}
	if b.To == nil {
		return errNoNumber
	}
	a, err := d.account(r.Context())
	if err != nil {
		return err
	}
	v := d.judge(a, *b.To, b.Realtime)
	if v.hard && a.strict() {
		return errStrict(v)
	}
	write(w, http.StatusOK, bare(v))
	return nil
}
