package verify

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/tenant"
)

// Row is one limit as the documentation shows it (SEC-22).
type Row struct {
	Limit    string // what is limited
	Figure   string // how much, from the figures that are in force
	Counted  string // by what key, and where
	Surfaces string // where it holds
	Answer   string // what a caller over it gets
	Lockout  string // why a stranger can't shut an owner out with it
}

// LimitTable is every limit of this package with the figures of l and of the profile p.
func LimitTable(l tenant.Limits, p tenant.Service) []Row {
	return slices.Concat(messageRows(l, p), wrongCodeRows(l, p), clientRows(l), serviceRows())
}

func messageRows(l tenant.Limits, p tenant.Service) []Row {
	return []Row{
		{
			Limit: "messages to a recipient never proven", Figure: figures(l.RecipientNew...),
			Counted: "tenant and recipient, exact, under the recipient's lock", Surfaces: "all",
			Answer:  "429 " + string(classRecipient) + ", nothing is sent",
			Lockout: "an open verification stays usable; other ways to sign in are not touched",
		},
		{
			Limit: "messages to a recipient proven before", Figure: figures(l.Recipient...),
			Counted: "tenant and recipient, exact, under the recipient's lock", Surfaces: "all",
			Answer: "429 " + string(classRecipient) + ", nothing is sent (Twilio: 60203; CAMARA: 403 MAX_OTP_CODES_EXCEEDED)", Lockout: "as above",
		},
		{
			Limit: "wait between messages of a verification", Figure: durations(l.CoolDowns),
			Counted: "verification", Surfaces: "native; at the doors of MTA and iDenfy 30 s, then 429; none at those of Twilio and CAMARA",
			Answer: "200 with the live verification and its countdown, nothing is sent", Lockout: "the code that was sent stays valid",
		},
		{
			Limit: "wait between messages to a recipient", Figure: durations(l.CoolDowns) + ", by the messages of 10 minutes",
			Counted: "tenant and recipient, exact, under the recipient's lock", Surfaces: "invitations; at most 30 s where the customer enters the contact",
			Answer: "a page that says when, nothing is sent", Lockout: "the code that was sent stays valid",
		},
		{
			Limit: "messages of a verification", Figure: strconv.Itoa(p.MaxSends), Counted: "verification", Surfaces: "all",
			Answer: "429 " + string(classSends) + " until it expires (Twilio: 60203)", Lockout: "it ends with the code, after " + short(p.TTL),
		},
	}
}

func wrongCodeRows(l tenant.Limits, p tenant.Service) []Row {
	return []Row{
		{
			Limit: "wrong codes of a verification", Figure: strconv.Itoa(p.MaxChecks), Counted: "verification and generation of the code",
			Surfaces: "all", Answer: "200 with status exhausted, then 404 (Twilio: 429 60202 until it would have expired; CAMARA: VERIFICATION_FAILED; MTA: INVALID; iDenfy: is_verified false, after 3)",
			Lockout: "a new start makes a new verification",
		},
		{
			Limit: "wrong codes of a recipient from one client", Figure: figures(l.WrongPerClient) + ", then a pause of " + short(l.WrongPause),
			Counted: "tenant, recipient and client address (IPv6: /64), across verifications", Surfaces: "all",
			Answer: "429 " + string(classChecks) + " (iDenfy: is_verified false), nothing is compared or spent", Lockout: "the owner at another address goes on",
		},
		{
			Limit: "wrong codes of a recipient from anywhere", Figure: figures(l.WrongTotal) + ", then a pause until they drain",
			Counted: "tenant and recipient, across verifications", Surfaces: "all",
			Answer:  "429 " + string(classChecks) + " (iDenfy: is_verified false), nothing is compared or spent",
			Lockout: "a stranger meets the limit of one client first; authenticator apps are not paused",
		},
	}
}

func clientRows(l tenant.Limits) []Row {
	return []Row{
		{
			Limit: "unanswered messages asked for by a client address", Figure: figures(l.ClientAddress),
			Counted: "tenant and address (IPv6: /64), when the caller tells the client; a right check gives one back", Surfaces: "all",
			Answer: "429 " + string(classClient) + ", nothing is sent", Lockout: "it shuts out the address and no recipient",
		},
		{
			Limit: "unanswered messages asked for by a device", Figure: figures(l.ClientDevice),
			Counted: "tenant and device id, when the caller tells it; a right check gives one back", Surfaces: "all",
			Answer: "429 " + string(classClient) + ", nothing is sent", Lockout: "it shuts out the device and no recipient",
		},
	}
}

func serviceRows() []Row {
	return []Row{{
		Limit: "messages asked for by a rate limit of the service", Figure: "as its buckets say; a new service has none",
		Counted:  "rate limit, bucket and the value that the start gives for it, exact; a right check gives none back",
		Surfaces: "Twilio", Answer: "429 " + string(classService) + " (Twilio: 20429), nothing is sent and nothing counted",
		Lockout: "it shuts out the value: where that is a recipient's number, whoever asks for messages to it can use them up",
	}}
}

// figures writes limits as "5 in 10 min, 8 in 1 h".
func figures(limits ...ratelimit.Limit) string {
	out := make([]string, len(limits))
	for i, l := range limits {
		out[i] = strconv.Itoa(l.Burst) + " in " + short(l.Period)
	}
	return strings.Join(out, ", ")
}

func durations(list []time.Duration) string {
	out := make([]string, len(list))
	for i, d := range list {
		out[i] = short(d)
	}
	return strings.Join(out, ", ")
}

// short writes a duration in its largest whole unit.
func short(d time.Duration) string {
	switch {
	case d >= time.Hour && d%time.Hour == 0:
		return strconv.Itoa(int(d/time.Hour)) + " h"
	case d >= time.Minute && d%time.Minute == 0:
		return strconv.Itoa(int(d/time.Minute)) + " min"
	case d%time.Second == 0:
		return strconv.Itoa(int(d/time.Second)) + " s"
	}
	return d.String()
}
