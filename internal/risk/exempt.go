package risk

import "context"

// The words of an exemption, the first of the reasons why a start is allowed that an engine would have refused.
const (
	ReasonVouched = "risk_check_disabled" // the caller asked for this send not to be weighed
	ReasonSafe    = "safe_listed"         // the tenant has listed the recipient as safe
)

// sms is the one channel that exemptions hold for.
const sms = "sms"

// Safe reports whether a tenant has listed a recipient, by the keyed hash of it, as safe. It may be called concurrently.
type Safe func(ctx context.Context, tenant, blindIndex [16]byte) (bool, error)

// Exempting is the engine fraud, whose refusals do not count for an sms that its caller vouches for or whose recipient is
// listed as safe. What is not fraud, such as an opt-out, belongs before it: see [First].
//
// fraud is asked about every start all the same, so that it learns of them, and the list only after a refusal, so that a
// start that nobody minds costs no look at it. A fraud engine that could not decide stops no exempt start.
func Exempting(fraud Engine, safe Safe) Engine {
	return func(ctx context.Context, s Signals) (Decision, error) {
		d, err := fraud(ctx, s)
		if s.Channel != sms || err == nil && d.Outcome == OutcomeAllow {
			return d, err
		}
		if s.Vouched {
			return exempt(ReasonVouched, d), nil
		}
		listed, failed := safe(ctx, s.Tenant, s.BlindIndex)
		switch {
		case failed != nil:
			return Decision{}, failed
		case listed:
			return exempt(ReasonSafe, d), nil
		}
		return d, err
	}
}

// exempt allows what was refused, and keeps why it was.
func exempt(word string, refused Decision) Decision {
	return Decision{Outcome: OutcomeAllow, Reasons: append([]string{word}, refused.Reasons...)}
}

// First asks engines in turn. The first that does not allow a start, or can't decide, has the word; else the last one.
func First(engines ...Engine) Engine {
	return func(ctx context.Context, s Signals) (d Decision, err error) {
		d, err = Allow(ctx, s)
		for _, ask := range engines {
			if d, err = ask(ctx, s); err != nil || d.Outcome != OutcomeAllow {
				break
			}
		}
		return d, err
	}
}
