package twilio

import (
	"encoding/json"
	"net/url"
	"time"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/factor"
)

// The bounds of what a challenge can say.
const (
	maxDetails = 20
	maxLabel   = 36 // characters
	maxValue   = 128
	maxHidden  = 1024
)

// ofChallenge are the parameters that the fields of a challenge come from.
var ofChallenge = map[string]string{"expires_at": "ExpirationDate", "details": "Details"}

// note is what is kept beside a challenge for whoever asked it.
type note struct {
	Details *details          `json:"details,omitempty"`
	Hidden  map[string]string `json:"hidden,omitempty"`
}

// details are what a device would show about a challenge.
type details struct {
	Message string  `json:"message"`
	Fields  []field `json:"fields"`
}

// field is one line of details.
type field struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// readNote reads what a form says about a challenge, as text to be kept.
func readNote(form url.Values) (string, error) {
	var n note
	if form.Has("Details.Message") || form.Has("Details.Fields") {
		n.Details = &details{Message: form.Get("Details.Message"), Fields: []field{}}
	}
	if len(form["Details.Fields"]) > maxDetails {
		return "", badChallenge.of("Details.Fields", "Give at most 20.")
	}
	for _, text := range form["Details.Fields"] {
		var f field
		if json.Unmarshal([]byte(text), &f) != nil || f.Label == "" || utf8.RuneCountInString(f.Label) > maxLabel ||
			utf8.RuneCountInString(f.Value) > maxValue {
			return "", badChallenge.of("Details.Fields", "Give JSON objects with a label of at most 36 characters and a value of at most 128.")
		}
		n.Details.Fields = append(n.Details.Fields, f)
	}
	if text := form.Get("HiddenDetails"); text != "" {
		if utf8.RuneCountInString(text) > maxHidden || json.Unmarshal([]byte(text), &n.Hidden) != nil {
			return "", badChallenge.of("HiddenDetails", "Give a JSON object of texts, of at most 1024 characters.")
		}
	}
	if n.Details == nil && n.Hidden == nil {
		return "", nil
	}
	text, _ := json.Marshal(n) // texts always encode
	return string(text), nil
}

// readChallenge reads what a form asks.
func readChallenge(form url.Values) (req factor.ChallengeRequest, err error) {
	name := form.Get("FactorSid")
	if name == "" {
		return req, missing("FactorSid")
	}
	var ok bool
	if req.Factor, ok = parseSID(sidFactor, name); !ok {
		return req, errGone
	}
	if req.Code = form.Get("AuthPayload"); req.Code != "" && !isCode(req.Code) {
		return req, badChallenge.of("AuthPayload", "Give 3 to 8 digits.")
	}
	if text := form.Get("ExpirationDate"); text != "" {
		if req.ExpiresAt, err = time.Parse(time.RFC3339, text); err != nil {
			return req, badChallenge.of("ExpirationDate", "Give a time like 2006-01-02T15:04:05Z.")
		}
	}
	req.Note, err = readNote(form)
	return req, err
}

// readFilter reads which challenges a query asks for. None is true when there can be no such challenge.
func readFilter(query url.Values) (f factor.Filter, newest, none bool, err error) {
	if name := query.Get("FactorSid"); name != "" {
		var ok bool
		if f.Factor, ok = parseSID(sidFactor, name); !ok {
			return f, false, false, badChallenge.of("FactorSid", "")
		}
	}
	switch state := query.Get("Status"); state {
	case "", string(factor.StatePending), string(factor.StateApproved), string(factor.StateExpired):
		f.State = factor.State(state)
	case "denied": // a code can't deny
		none = true
	default:
		return f, false, false, badChallenge.of("Status", "Use pending, approved, denied or expired.")
	}
	switch query.Get("Order") {
	case "", "asc":
	case "desc":
		newest = true
	default:
		return f, false, false, badChallenge.of("Order", "Use asc or desc.")
	}
	return f, newest, none, nil
}
