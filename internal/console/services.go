package console

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// Directory is what the pages ask of tenant.Directory about services and keys.
type Directory interface {
	Services(ctx context.Context, t uid.Tenant, after uid.ID, limit int) (page []tenant.Service, more uid.ID, err error)
	Profile(ctx context.Context, t uid.Tenant, id uid.ID) (tenant.Service, error)
	CreateService(ctx context.Context, by tenant.Caller, s tenant.Service, i *tenant.Idempotency) (tenant.Service, error)
	ReviseService(ctx context.Context, by tenant.Caller, t uid.Tenant, id uid.ID, seen int64, change func(*tenant.Service)) (tenant.Service, error)
	DeleteService(ctx context.Context, by tenant.Caller, t uid.Tenant, id uid.ID) error
	Keys(ctx context.Context, t uid.Tenant) ([]tenant.Key, error)
	CreateKey(ctx context.Context, by tenant.Caller, t uid.Tenant, r tenant.KeyRequest) (tenant.Key, tenant.Secret, error)
	RevokeKey(ctx context.Context, by tenant.Caller, t uid.Tenant, id uid.ID) error
}

const (
	pathServices = Prefix + "/services"
	mostServices = 200 // as many as a tenant may have
)

// channels are those that a service may be held to, in the order of the form.
var channels = []string{"sms", "email", "voice", "whatsapp"}

func (s *Site) serviceRoutes() []route {
	return []route{
		{"GET " + pathServices, AtServices, operator.SeeSettings, s.services},
		{"GET " + pathServices + "/new", AtServices, operator.ChangeServices, s.newService},
		{"POST " + pathServices + "/new", AtServices, operator.ChangeServices, s.makeService},
		{"GET " + pathServices + "/{id}", AtServices, operator.SeeSettings, s.service},
		{"POST " + pathServices + "/{id}", AtServices, operator.ChangeServices, s.changeService},
		{"GET " + pathServices + "/{id}/delete", AtServices, operator.ChangeServices, s.askDeleteService},
		{"POST " + pathServices + "/{id}/delete", AtServices, operator.ChangeServices, s.deleteService},
	}
}

func (s *Site) services(v *visit) (View, error) {
	list, _, err := s.Directory.Services(v.ctx(), v.Operator.Tenant, uid.ID{}, mostServices)
	if err != nil {
		return nil, err
	}
	view := &Services{Frame: v.frame(), May: v.May(operator.ChangeServices)}
	for _, one := range list {
		view.Rows = append(view.Rows, ServiceRow{
			URL: serviceURL(one.ID), Name: one.Name, ID: one.ID.Text(uid.Service), Default: one.Default,
			Digits: one.CodeLength, Life: span(one.TTL), Channels: one.Channels,
		})
	}
	return view, nil
}

func serviceURL(id uid.ID) string { return pathServices + "/" + id.Text(uid.Service) }

// span is a time in whole minutes or seconds.
func span(d time.Duration) string {
	if d >= time.Minute && d%time.Minute == 0 {
		return strconv.Itoa(int(d/time.Minute)) + " min"
	}
	return strconv.Itoa(int(d/time.Second)) + " s"
}

// serviceForm is the form with a service in it.
func (v *visit) serviceForm(s tenant.Service, problems ...Problem) *Service {
	view := &Service{
		Frame: v.frame(problems...), Version: s.Version, May: v.May(operator.ChangeServices), Default: s.Default, Name: s.Name,
		Digits: strconv.Itoa(s.CodeLength), Seconds: seconds(s.TTL), PostSeconds: seconds(s.EmailTTL),
		MaxChecks: strconv.Itoa(s.MaxChecks), MaxSends: strconv.Itoa(s.MaxSends), Resend: string(s.Resend), Host: s.Host,
		Channels: ticked(channels, s.Channels), Act: v.form(pathServices + "/new").once(),
	}
	if !s.ID.IsZero() {
		view.ID, view.Act, view.Changed = s.ID.Text(uid.Service), v.form(serviceURL(s.ID)), s.UpdatedAt
		if view.May && !s.Default {
			view.DeleteURL = serviceURL(s.ID) + "/delete"
		}
	}
	return view
}

// typedService is the form as it was sent, so that nothing that was typed is lost.
func (v *visit) typedService(s tenant.Service, problems ...Problem) *Service {
	view := v.serviceForm(s, problems...)
	view.Name, view.Digits, view.Seconds, view.PostSeconds = v.value("name"), v.value(FieldDigits), v.value(FieldSeconds), v.value(FieldPostLife)
	view.MaxChecks, view.MaxSends, view.Resend, view.Host = v.value(FieldMaxChecks), v.value(FieldMaxSends), v.value(FieldResend), v.value(FieldHost)
	view.Channels, view.Default = ticked(channels, v.r.PostForm[FieldChannels]), v.ticked("default")
	if seen, err := strconv.ParseInt(v.value(FieldVersion), 10, 64); err == nil {
		view.Version = seen
	}
	return view
}

// fill sets what the form sets; what is no number becomes one that is out of every range. All else stays, vendors' settings too.
func (v *visit) fill(s *tenant.Service) {
	s.Name, s.Default, s.Host = v.value("name"), v.ticked("default"), v.value(FieldHost)
	s.CodeLength, s.MaxChecks, s.MaxSends = whole(v.value(FieldDigits)), whole(v.value(FieldMaxChecks)), whole(v.value(FieldMaxSends))
	s.TTL = time.Duration(whole(v.value(FieldSeconds))) * time.Second
	s.EmailTTL = time.Duration(whole(v.value(FieldPostLife))) * time.Second
	s.Resend = tenant.Resend(cmp.Or(v.value(FieldResend), "none"))
	s.Channels = slices.Clone(v.r.PostForm[FieldChannels])
}

func (s *Site) newService(v *visit) (View, error) {
	return v.serviceForm(tenant.Service{
		CodeLength: 6, TTL: 300 * time.Second, EmailTTL: 600 * time.Second, MaxChecks: 5, MaxSends: 5, Resend: tenant.SameCode,
	}), nil
}

func (s *Site) makeService(v *visit) (View, error) {
	fresh := tenant.Service{Tenant: v.Operator.Tenant}
	v.fill(&fresh)
	made, err := s.Directory.CreateService(v.ctx(), v.caller().Directory(), fresh, v.once("service"))
	if err != nil {
		problems, err := wrong(err, nil)
		if err != nil {
			return nil, err
		}
		return v.typedService(tenant.Service{}, problems...), nil
	}
	return v.leave(serviceURL(made.ID), Flash{Said: "saved"})
}

// ownService reads the service of the path.
func (v *visit) ownService() (tenant.Service, error) {
	id, err := v.id(uid.Service, "id")
	if err != nil {
		return tenant.Service{}, err
	}
	return v.site.Directory.Profile(v.ctx(), v.Operator.Tenant, id)
}

func (s *Site) service(v *visit) (View, error) {
	one, err := v.ownService()
	if err != nil {
		return nil, err
	}
	return v.serviceForm(one), nil
}

func (s *Site) changeService(v *visit) (View, error) {
	was, err := v.ownService()
	if err != nil {
		return nil, err
	}
	seen, err := strconv.ParseInt(v.value(FieldVersion), 10, 64)
	if err != nil {
		return nil, errForm
	}
	_, err = s.Directory.ReviseService(v.ctx(), v.caller().Directory(), v.Operator.Tenant, was.ID, seen, v.fill)
	switch {
	case err == nil:
		return v.leave(serviceURL(was.ID), Flash{Said: "saved"})
	case fault.As(err).Code == tenant.CodeServiceStale:
		return s.staleService(v, was.ID)
	}
	problems, err := wrong(err, nil)
	if err != nil {
		return nil, err
	}
	return v.typedService(was, problems...), nil
}

// staleService shows what is there beside what was sent.
func (s *Site) staleService(v *visit, id uid.ID) (View, error) {
	theirs, err := s.Directory.Profile(v.ctx(), v.Operator.Tenant, id)
	if err != nil {
		return nil, err
	}
	their, mine := v.serviceForm(theirs), v.typedService(theirs)
	view := v.stale(serviceURL(id), theirs.Version, theirs.UpdatedAt)
	view.differ("name", their.Name, mine.Name)
	view.differ("service_default", yes(their.Default), yes(mine.Default))
	view.differ("code_length", their.Digits, mine.Digits)
	view.differ("ttl", their.Seconds, mine.Seconds)
	view.differ("email_ttl", their.PostSeconds, mine.PostSeconds)
	view.differ("max_checks", their.MaxChecks, mine.MaxChecks)
	view.differ("max_sends", their.MaxSends, mine.MaxSends)
	view.differ("resend_how", their.Resend, mine.Resend)
	view.differ("channels", strings.Join(theirs.Channels, ", "), strings.Join(v.r.PostForm[FieldChannels], ", "))
	view.differ("host", their.Host, mine.Host)
	return view, nil
}

func (s *Site) askDeleteService(v *visit) (View, error) {
	one, err := v.ownService()
	if err != nil {
		return nil, err
	}
	return v.confirmDelete(one), nil
}

func (v *visit) confirmDelete(s tenant.Service, problems ...Problem) View {
	return &Confirm{
		Frame: v.frame(problems...), What: "delete_service", Object: s.Name, Act: v.form(serviceURL(s.ID) + "/delete"), BackURL: serviceURL(s.ID),
	}
}

func (s *Site) deleteService(v *visit) (View, error) {
	one, err := v.ownService()
	if err != nil {
		return nil, err
	}
	if err := s.Directory.DeleteService(v.ctx(), v.caller().Directory(), v.Operator.Tenant, one.ID); err != nil {
		problems, err := wrong(err, nil)
		if err != nil {
			return nil, err
		}
		return v.confirmDelete(one, problems...), nil
	}
	return v.leave(pathServices, Flash{Said: "service_deleted", Object: one.Name})
}
