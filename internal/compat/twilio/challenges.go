package twilio

import (
	"encoding/json"
	"net/http"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/uid"
)

// createChallenge asks a factor. A code that comes along is its first answer; a wrong one leaves the challenge pending.
func (d *door) createChallenge(w http.ResponseWriter, r *http.Request) error {
	o, err := d.entity(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	req, err := readChallenge(form)
	if err != nil {
		return err
	}
	req.Owner = o
	a, err := d.Factors.Challenge(r.Context(), req)
	if err != nil {
		return badChallenge.by(err, ofChallenge)
	}
	if a.Challenge.ID.IsZero() {
		return d.refusedAnswer(&a)
	}
	reply(w, http.StatusCreated, d.challengeBody(r, &a.Challenge))
	return nil
}

// refusedAnswer is why a code was not compared, or a challenge not made.
func (d *door) refusedAnswer(a *factor.Answer) error {
	switch a.Outcome {
	case factor.Settled:
		return errAnswered
	case factor.Expired:
		return errOver
	case factor.Exhausted:
		return codesUsedUp(60308, a.Challenge.ExpiresAt.Sub(d.Now()))
	case factor.Paused:
		e := tooMany("factor_paused", "")
		e.wait = a.RetryAt.Sub(d.Now())
		return &e
	case factor.Rationed:
		return &refusal{status: 429, code: 60312, message: "Max challenges per factor reached", wait: a.RetryAt.Sub(d.Now())}
	case factor.Disabled:
		return errDisabled
	}
	if d.over(&a.Factor) {
		return errGone
	}
	return errUnverified
}

// namedChallenge finds the challenge that the path of r names.
func (d *door) namedChallenge(r *http.Request) (o factor.Owner, id uid.ID, err error) {
	if o, err = d.entity(r); err != nil {
		return o, id, err
	}
	id, ok := parseSID(sidChallenge, r.PathValue("challenge"))
	if !ok {
		return o, id, errGone
	}
	return o, id, nil
}

func (d *door) fetchChallenge(w http.ResponseWriter, r *http.Request) error {
	o, id, err := d.namedChallenge(r)
	if err != nil {
		return err
	}
	c, err := d.Factors.ChallengeOf(r.Context(), o, id)
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, d.challengeBody(r, &c))
	return nil
}

// answerChallenge hands in a code. A wrong one is an answer: pending.
func (d *door) answerChallenge(w http.ResponseWriter, r *http.Request) error {
	o, id, err := d.namedChallenge(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	code := form.Get("AuthPayload")
	switch {
	case code == "": // it is there all the same, or is not
		if _, err := d.Factors.ChallengeOf(r.Context(), o, id); err != nil {
			return err
		}
		return missing("AuthPayload")
	case !isCode(code):
		return badChallenge.of("AuthPayload", "Give 3 to 8 digits.")
	}
	a, err := d.Factors.Answer(r.Context(), o, id, code)
	if err != nil {
		return err
	}
	switch a.Outcome {
	case factor.Right, factor.Wrong, factor.Malformed: // the last could never be right, so nothing was spent
		reply(w, http.StatusOK, d.challengeBody(r, &a.Challenge))
		return nil
	}
	return d.refusedAnswer(&a)
}

func (d *door) listChallenges(w http.ResponseWriter, r *http.Request) error {
	o, err := d.entity(r)
	if err != nil {
		return err
	}
	p, err := readPage(r)
	if err != nil {
		return err
	}
	filter, newest, none, err := readFilter(p.query)
	if err != nil {
		return err
	}
	ctx := r.Context()
	found, err := window(p, func(c factor.Challenge) uid.ID { return c.ID }, func(from uid.ID, back bool, limit int) ([]factor.Challenge, error) {
		if none {
			_, err := d.Factors.Entity(ctx, o)
			return nil, err
		}
		f := filter
		f.After, f.Limit, f.Newest = from, limit, newest != back
		return d.Factors.Challenges(ctx, o, f)
	})
	if err != nil {
		return err
	}
	bodies := make([]challengeBody, 0, len(found))
	for i := range found {
		bodies = append(bodies, d.challengeBody(r, &found[i]))
	}
	const key = "challenges"
	reply(w, http.StatusOK, map[string]any{key: bodies, "meta": p.meta(key, d.url(r, r.URL.Path))})
	return nil
}

// challengeBody is a challenge in answers.
type challengeBody struct {
	SID         string            `json:"sid"`
	AccountSID  string            `json:"account_sid"`
	ServiceSID  string            `json:"service_sid"`
	EntitySID   string            `json:"entity_sid"`
	Identity    string            `json:"identity"`
	FactorSID   string            `json:"factor_sid"`
	FactorType  string            `json:"factor_type"`
	Status      string            `json:"status"`
	Reason      string            `json:"responded_reason"`
	Details     *details          `json:"details"`
	Hidden      map[string]string `json:"hidden_details"`
	Metadata    *struct{}         `json:"metadata"` // always null: of push
	DateCreated string            `json:"date_created"`
	DateUpdated string            `json:"date_updated"`
	Responded   *string           `json:"date_responded"`
	Expires     string            `json:"expiration_date"`
	URL         string            `json:"url"`
	Links       map[string]string `json:"links"`
}

func (d *door) challengeBody(r *http.Request, c *factor.Challenge) challengeBody {
	at := d.entityURL(r, c.Service, c.Identity) + "/Challenges/" + sid(sidChallenge, c.ID)
	var kept note
	_ = json.Unmarshal([]byte(c.Note), &kept) // what another door has kept is not for this one
	b := challengeBody{
		SID: sid(sidChallenge, c.ID), AccountSID: account(r.Context()), ServiceSID: sid(sidService, c.Service),
		EntitySID: sid(sidEntity, c.Entity), Identity: string(c.Identity), FactorSID: sid(sidFactor, c.Factor),
		FactorType: string(factor.TOTP), Status: string(c.At(d.Now())), Reason: "none", Details: kept.Details, Hidden: kept.Hidden,
		DateCreated: stamp(c.CreatedAt), DateUpdated: stamp(c.UpdatedAt), Expires: stamp(c.ExpiresAt),
		URL: at, Links: map[string]string{"notifications": at + "/Notifications"},
	}
	if !c.EndedAt.IsZero() {
		at := stamp(c.EndedAt)
		b.Responded = &at
	}
	return b
}
