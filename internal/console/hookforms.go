package console

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

var hookStates = []string{"dead", "pending", "delivered"}

// hookForm is the form for an endpoint as it is, or a new one.
func (v *visit) hookForm(e webhook.Endpoint, problems ...Problem) *EndpointForm {
	view := &EndpointForm{
		Frame: v.frame(problems...), Act: v.form(pathHooks + "/new").once(), Target: e.URL, Description: e.Description, Enabled: e.Enabled,
		Version: e.Version, BackURL: pathHooks, Foreign: e.Dialect,
	}
	if !e.ID.IsZero() {
		view.ID, view.Act, view.BackURL = e.ID.Text(uid.Webhook), v.form(hookURL(e.ID)+"/edit"), hookURL(e.ID)
	}
	view.choose(e.Events)
	return view
}

// choose ticks words: whole families, and types of which one alone is wanted.
func (f *EndpointForm) choose(on []string) {
	if f.Foreign != "" {
		f.Words = on
		return
	}
	var families, types []string
	for _, t := range webhook.Types() {
		noun, _, _ := strings.Cut(t.Name, ".")
		if !slices.Contains(families, noun+".*") {
			families = append(families, noun+".*")
		}
		types = append(types, t.Name)
	}
	f.Events, f.Types = ticked(families, on), ticked(types, on)
	f.Single = slices.ContainsFunc(f.Types, func(t Ticked) bool { return t.On })
}

// typedHook is the form as it was sent.
func (v *visit) typedHook(e webhook.Endpoint, problems ...Problem) *EndpointForm {
	view := v.hookForm(e, problems...)
	view.Target, view.Description, view.Enabled = v.value(FieldURL), v.value(FieldAbout), v.ticked(FieldEnabled)
	if e.Dialect == "" {
		view.choose(v.r.PostForm[FieldEvents])
	}
	if seen, err := strconv.ParseInt(v.value(FieldVersion), 10, 64); err == nil {
		view.Version = seen
	}
	return view
}

func (s *Site) newHook(v *visit) (View, error) { return v.hookForm(webhook.Endpoint{}), nil }

func (s *Site) makeHook(v *visit) (View, error) {
	e, secret, err := s.Hooks.Create(v.ctx(), v.hooksCaller("create"), webhook.Endpoint{
		Tenant: v.Operator.Tenant, URL: v.value(FieldURL), Description: v.value(FieldAbout), Events: v.r.PostForm[FieldEvents],
	})
	if err != nil {
		problems, err := wrong(err, nil)
		if err != nil {
			return nil, err
		}
		return v.typedHook(webhook.Endpoint{}, problems...), nil
	}
	return s.shownSecret(v, e, secret)
}

// hooksCaller is who asks the webhooks for something that a second click does not do twice.
func (v *visit) hooksCaller(part string) webhook.Caller {
	by := v.caller().Webhooks()
	by.Idempotency = v.once(part)
	return by
}

// shownSecret is an endpoint with the secret that it has got. A form that came before has the same answer as long as that is the secret
// which signs.
func (s *Site) shownSecret(v *visit, e webhook.Endpoint, secret signing.Secret) (View, error) {
	now, err := s.Hooks.Endpoint(v.ctx(), v.Operator.Tenant, e.ID)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(now.Secret, e.Secret) {
		return v.leave(hookURL(e.ID), Flash{})
	}
	view := v.endpoint(now)
	view.Secret = secret.Reveal()
	return view, nil
}

func (s *Site) editHook(v *visit) (View, error) {
	e, err := v.ownHook()
	if err != nil {
		return nil, err
	}
	return v.hookForm(e), nil
}

func (s *Site) changeHook(v *visit) (View, error) {
	was, err := v.ownHook()
	if err != nil {
		return nil, err
	}
	seen, err := strconv.ParseInt(v.value(FieldVersion), 10, 64)
	if err != nil {
		return nil, errForm
	}
	_, err = s.Hooks.Revise(v.ctx(), v.caller().Webhooks(), v.Operator.Tenant, was.ID, seen, func(e *webhook.Endpoint) {
		e.URL, e.Description, e.Enabled = v.value(FieldURL), v.value(FieldAbout), v.ticked(FieldEnabled)
		if e.Dialect == "" { // else its words are its vendor's
			e.Events = slices.Clone(v.r.PostForm[FieldEvents])
		}
	})
	switch {
	case err == nil:
		return v.leave(hookURL(was.ID), Flash{Said: "saved"})
	case isStale(err):
		return s.staleHook(v, was.ID)
	}
	problems, err := wrong(err, nil)
	if err != nil {
		return nil, err
	}
	return v.typedHook(was, problems...), nil
}
