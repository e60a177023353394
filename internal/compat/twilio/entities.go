package twilio

import (
	"net/http"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// entity is whose factors and challenges the path of r is about. An identity that could be none is nobody's.
func (d *door) entity(r *http.Request) (factor.Owner, error) {
	s, err := d.service(r)
	if err != nil {
		return factor.Owner{}, err
	}
	o := owner(r, s, r.PathValue("identity"))
	if !o.Identity.Valid() {
		return o, errGone
	}
	return o, nil
}

func (d *door) createEntity(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	if form.Get("Identity") == "" {
		return missing("Identity")
	}
	e, err := d.Factors.CreateEntity(r.Context(), owner(r, s, form.Get("Identity")))
	if fault.As(err).Code == "entity_exists" {
		return errThere
	}
	if err != nil {
		return badFactor.by(err, map[string]string{"identity": "Identity"})
	}
	reply(w, http.StatusCreated, d.entityBody(r, e))
	return nil
}

func (d *door) fetchEntity(w http.ResponseWriter, r *http.Request) error {
	o, err := d.entity(r)
	if err != nil {
		return err
	}
	e, err := d.Factors.Entity(r.Context(), o)
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, d.entityBody(r, e))
	return nil
}

// deleteEntity removes an entity with all its factors and challenges.
func (d *door) deleteEntity(w http.ResponseWriter, r *http.Request) error {
	o, err := d.entity(r)
	if err != nil {
		return err
	}
	if err := d.Factors.DeleteEntity(r.Context(), o); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// listEntities lists forwards only: there may be many, and nothing here reads them from the end.
func (d *door) listEntities(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	p, err := readPage(r)
	if err != nil {
		return err
	}
	if !p.before.IsZero() {
		return errPageToken
	}
	ctx := r.Context()
	entities, err := window(p, func(e factor.Entity) uid.ID { return e.ID }, func(from uid.ID, _ bool, limit int) ([]factor.Entity, error) {
		return d.Factors.Entities(ctx, web.Principal(ctx).Tenant, s.ID, from, limit)
	})
	if err != nil {
		return err
	}
	p.previous = ""
	bodies := make([]entityBody, 0, len(entities))
	for _, e := range entities {
		bodies = append(bodies, d.entityBody(r, e))
	}
	const key = "entities"
	reply(w, http.StatusOK, map[string]any{key: bodies, "meta": p.meta(key, d.url(r, r.URL.Path))})
	return nil
}

// entityBody is an entity in answers.
type entityBody struct {
	SID         string            `json:"sid"`
	Identity    string            `json:"identity"`
	AccountSID  string            `json:"account_sid"`
	ServiceSID  string            `json:"service_sid"`
	DateCreated string            `json:"date_created"`
	DateUpdated string            `json:"date_updated"`
	URL         string            `json:"url"`
	Links       map[string]string `json:"links"`
}

func (d *door) entityBody(r *http.Request, e factor.Entity) entityBody {
	at := d.entityURL(r, e.Service, e.Identity)
	return entityBody{
		SID: sid(sidEntity, e.ID), Identity: string(e.Identity), AccountSID: account(r.Context()), ServiceSID: sid(sidService, e.Service),
		DateCreated: stamp(e.CreatedAt), DateUpdated: stamp(e.UpdatedAt), URL: at,
		Links: map[string]string{"factors": at + "/Factors", "new_factors": at + "/Factors", "challenges": at + "/Challenges"},
	}
}

// entityURL is the URL of an entity, whose identity is letters, digits and hyphens.
func (d *door) entityURL(r *http.Request, service uid.ID, i factor.Identity) string {
	return d.url(r, Mount+"/v2/Services/"+sid(sidService, service)+"/Entities/"+string(i))
}

// issuer is what authenticator apps show above the name of a factor.
func issuer(s tenant.Service) string {
	if own := s.Vendor[setIssuer]; own != "" {
		return own
	}
	return friendlyName(s)
}
