package webhook

import (
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/uid"
)

// Type is a kind of event that endpoints can get.
type Type struct {
	Name   string
	Means  string     // for the documents
	Detail bool       // the event's own data go along, as data.detail
	Record bool       // it is about one verification, whose record goes along
	Of     uid.Prefix // it is about a factor, a challenge or an invitation, whose record goes along; or about an import or a webhook
}

// Tested is the type of the event that a test sends, to one endpoint and whatever it wants.
const Tested = "webhook.tested"

// disabled is the type of the event that tells that an endpoint was switched off.
const disabled = "webhook.disabled"

// Types are all types that an endpoint can ask for, in the order of the documents.
func Types() []Type {
	verification := func(name, means string, detail bool) Type {
		return Type{Name: "verification." + name, Means: means, Detail: detail, Record: true}
	}
	invitation := func(name, means string) Type {
		return Type{Name: "invitation." + name, Means: means, Of: uid.Invitation}
	}
	limited := verification("limited", "a limit refused a request; at most one a minute for each key", true)
	limited.Record = false
	return []Type{
		verification("started", "a verification was made, with its first message", false),
		verification("denied", "the risk engine said no or asked for more; nothing was sent", false),
		verification("resent", "one more message was asked for", true),
		verification("sent", "a provider took a message", true),
		verification("delivery_recorded", "no provider took a message yet", true),
		verification("receipt", "a provider reported on a message", true),
		verification("check_failed", "a wrong code was handed in", true),
		verification("approved", "the right code was handed in", true),
		verification("exhausted", "a wrong code was handed in, and it was the last check", true),
		verification("expired", "its time was over", false),
		verification("canceled", "it was canceled", false),
		verification("superseded", "a later start took its place", false),
		verification("failed", "no route could carry a message", true),
		verification("revealed", "the recipient was read in full", false),
		verification("test_number_used", "it is of a test number; nothing is sent", false),
		limited,
		{Name: "factor.created", Means: "an authenticator was enrolled and is not verified yet", Of: uid.Factor},
		{Name: "factor.verified", Means: "its first right code was handed in", Of: uid.Factor},
		{Name: "factor.deleted", Means: "it was removed, or its entity was", Of: uid.Factor},
		{Name: "challenge.approved", Means: "the right code was handed in for a challenge", Of: uid.Challenge},
		invitation("created", "an invitation was made"),
		invitation("sent", "a provider took its link"),
		invitation("undeliverable", "its link did not arrive by any channel"),
		invitation("opened", "the link was opened in a browser, by a person or a program"),
		invitation("mobile_code_sent", "the customer asked for a code"),
		invitation("mobile_verified", "a contact was proven by the right code; all of them, when the status says so"),
		invitation("mobile_failed", "the codes of a contact are used up, for now or until you unlock it"),
		invitation("consented", "the customer agreed"),
		invitation("declined", "the customer did not agree, or gave up"),
		invitation("handed_off", "the customer was sent on"),
		invitation("completed", "nothing is left to be done"),
		invitation("expired", "its time was over, or the codes of a contact were"),
		invitation("canceled", "you ended it"),
		invitation("resent", "a new link was asked for, and the old one is dead"),
		invitation("unlocked", "a contact that had failed got one more cycle"),
		invitation("contact_changed", "a contact was corrected, by you or by the customer"),
		{Name: "invitation.import_finished", Means: "a file of invitations is done with: each of its rows was made or refused", Detail: true, Of: uid.Import},
		{Name: "invitation.settings_changed", Means: "what you require of invitations, or what your customers see, was changed"},
		{Name: disabled, Means: "an endpoint answered 410 and was switched off", Detail: true, Of: uid.Webhook},
	}
}

// typeOf finds a type by its name.
func typeOf(name string) (Type, bool) {
	all := Types()
	i := slices.IndexFunc(all, func(t Type) bool { return t.Name == name })
	if i < 0 {
		return Type{Name: name}, false
	}
	return all[i], true
}

// isFilter reports whether s is a type or a family of types, as "verification.*".
func isFilter(s string) bool {
	family, all := strings.CutSuffix(s, "*")
	return slices.ContainsFunc(Types(), func(t Type) bool {
		return t.Name == s || all && strings.HasSuffix(family, ".") && strings.HasPrefix(t.Name, family)
	})
}

// wants reports whether a filter lets a type through, which must be of the catalogue. An empty one lets every one of these through.
func wants(filter []string, name string) bool {
	if _, known := typeOf(name); !known {
		return false
	}
	return len(filter) == 0 || slices.ContainsFunc(filter, func(f string) bool {
		family, all := strings.CutSuffix(f, "*")
		return f == name || all && strings.HasPrefix(name, family)
	})
}
