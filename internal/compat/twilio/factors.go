package twilio

import (
	"context"
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// over reports whether f never became one: it was not verified in its time.
func (d *door) over(f *factor.Factor) bool {
	return f.Status == factor.Unverified && !d.Now().Before(f.ExpiresAt)
}

// namedFactor finds the factor that the path of r names.
func (d *door) namedFactor(r *http.Request) (factor.Owner, factor.Factor, error) {
	o, err := d.entity(r)
	if err != nil {
		return o, factor.Factor{}, err
	}
	id, ok := parseSID(sidFactor, r.PathValue("factor"))
	if !ok {
		return o, factor.Factor{}, errGone
	}
	f, err := d.Factors.Factor(r.Context(), o, id)
	if err == nil && d.over(&f) {
		err = errGone
	}
	return o, f, err
}

// createFactor enrols a factor. Its answer is the only one that shows the secret.
func (d *door) createFactor(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	req, err := readEnrolment(form, s)
	if err != nil {
		return err
	}
	req.Owner = owner(r, s, r.PathValue("identity"))
	made, err := d.Factors.Enrol(r.Context(), req)
	switch f := fault.As(err); f.Code {
	case "too_many_factors":
		return errFull
	case "secret_in_use":
		return errSameSecret
	case "enrolments_used_up":
		return &refusal{status: 429, code: 60326, message: "Max factors per entity and day reached", wait: f.RetryAfter}
	}
	if err != nil {
		return badFactor.by(err, ofFactor)
	}
	reply(w, http.StatusCreated, newFactorBody{
		factorBody: d.factorBody(r, made.Factor),
		Binding:    bindingBody{Secret: made.Secret.Reveal(), URI: made.URI.Reveal()},
	})
	return nil
}

func (d *door) fetchFactor(w http.ResponseWriter, r *http.Request) error {
	_, f, err := d.namedFactor(r)
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, d.factorBody(r, f))
	return nil
}

// updateFactor verifies a factor by its first code, or changes it. Not both: a refusal of one would leave the other done.
func (d *door) updateFactor(w http.ResponseWriter, r *http.Request) error {
	o, f, err := d.namedFactor(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	changes, err := configChanges(form)
	if err != nil {
		return err
	}
	name, code := form.Get("FriendlyName"), form.Get("AuthPayload")
	switch {
	case code != "" && !isCode(code):
		return badFactor.of("AuthPayload", "Give 3 to 8 digits.")
	case code != "" && (name != "" || len(changes) > 0):
		return badFactor.of("AuthPayload", "Verify the factor first, then change it.")
	case code != "":
		f, err = d.verifyFactor(r.Context(), o, f.ID, code)
	case name != "" || len(changes) > 0:
		f, err = d.Factors.Update(r.Context(), o, f.ID, func(set *factor.Settings) {
			if name != "" {
				set.Name = name
			}
			for _, change := range changes {
				change(&set.Config)
			}
		})
	}
	if err != nil {
		return badFactor.by(err, ofFactor)
	}
	reply(w, http.StatusOK, d.factorBody(r, f))
	return nil
}

// verifyFactor hands in the first code of a factor. A wrong one is an answer: the factor is unverified still.
func (d *door) verifyFactor(ctx context.Context, o factor.Owner, id uid.ID, code string) (factor.Factor, error) {
	a, err := d.Factors.Verify(ctx, o, id, code)
	if err != nil {
		return a.Factor, err
	}
	switch a.Outcome {
	case factor.Right, factor.Wrong, factor.Malformed: // the last could never be right, so nothing was spent
		return a.Factor, nil
	case factor.Settled: // to answer that it is verified would tell any code right
		return a.Factor, badFactor.of("AuthPayload", "The factor is verified. Ask it by a challenge.")
	case factor.Exhausted, factor.Disabled:
		return a.Factor, codesUsedUp(60310, max(a.Factor.ExpiresAt.Sub(d.Now()), time.Second))
	}
	return a.Factor, errGone
}

func (d *door) deleteFactor(w http.ResponseWriter, r *http.Request) error {
	o, f, err := d.namedFactor(r)
	if err != nil {
		return err
	}
	if err := d.Factors.DeleteFactor(r.Context(), o, f.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// everyFactor lists all factors of an entity but those that never became one. They are few.
func (d *door) everyFactor(ctx context.Context, o factor.Owner) (all []factor.Factor, err error) {
	const part = 200
	for after := (uid.ID{}); ; {
		some, err := d.Factors.Factors(ctx, o, after, part)
		if err != nil {
			return nil, err
		}
		for i := range some {
			if !d.over(&some[i]) {
				all = append(all, some[i])
			}
		}
		if len(some) < part {
			return all, nil
		}
		after = some[len(some)-1].ID
	}
}

func (d *door) listFactors(w http.ResponseWriter, r *http.Request) error {
	o, err := d.entity(r)
	if err != nil {
		return err
	}
	all, err := d.everyFactor(r.Context(), o)
	if err != nil {
		return err
	}
	id := func(f factor.Factor) uid.ID { return f.ID }
	return listed(d, w, r, "factors", all, id, func(f factor.Factor) factorBody { return d.factorBody(r, f) })
}

// factorBody is a factor in answers.
type factorBody struct {
	SID          string            `json:"sid"`
	AccountSID   string            `json:"account_sid"`
	ServiceSID   string            `json:"service_sid"`
	EntitySID    string            `json:"entity_sid"`
	Identity     string            `json:"identity"`
	FriendlyName string            `json:"friendly_name"`
	Status       string            `json:"status"`
	Type         string            `json:"factor_type"`
	Config       configBody        `json:"config"`
	Metadata     map[string]string `json:"metadata"`
	DateCreated  string            `json:"date_created"`
	DateUpdated  string            `json:"date_updated"`
	URL          string            `json:"url"`
}

// configBody is how the codes of a factor are made.
type configBody struct {
	Alg        string `json:"alg"`
	Skew       int    `json:"skew"`
	CodeLength int    `json:"code_length"`
	TimeStep   int    `json:"time_step"`
}

// newFactorBody is a factor just made, with what its authenticator is set up with.
type newFactorBody struct {
	factorBody
	Options *struct{}   `json:"options"` // always null: of push
	Binding bindingBody `json:"binding"`
}

// bindingBody is a secret, shown once.
type bindingBody struct {
	Secret string `json:"secret"`
	URI    string `json:"uri"`
}

func (d *door) factorBody(r *http.Request, f factor.Factor) factorBody {
	return factorBody{
		SID: sid(sidFactor, f.ID), AccountSID: account(r.Context()), ServiceSID: sid(sidService, f.Service),
		EntitySID: sid(sidEntity, f.Entity), Identity: string(f.Identity), FriendlyName: f.Name,
		Status: string(f.Status), Type: string(f.Type),
		Config: configBody{Alg: string(f.Config.Algorithm), Skew: f.Config.Skew, CodeLength: f.Config.Digits,
			TimeStep: int(f.Config.Step / time.Second)},
		Metadata: f.Metadata, DateCreated: stamp(f.CreatedAt), DateUpdated: stamp(f.UpdatedAt),
		URL: d.entityURL(r, f.Service, f.Identity) + "/Factors/" + sid(sidFactor, f.ID),
	}
}
