package api

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

var errNoService = fault.New(fault.NotFound, "service_not_found", "There is no such service.")

// Service is a service in answers: a named profile.
type Service struct {
	_ struct{} `additionalProperties:"true"`

	ID              string   `json:"id" example:"svc_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Name            string   `json:"name"`
	Default         bool     `json:"default"`
	CodeLength      int      `json:"code_length"`
	TTLSeconds      int      `json:"ttl_seconds"`
	EmailTTLSeconds int      `json:"email_ttl_seconds"`
	MaxChecks       int      `json:"max_checks"`
	MaxSends        int      `json:"max_sends"`
	Resend          string   `json:"resend" enum:"same_code,new_code"`
	Channels        []string `json:"channels" nullable:"false" doc:"Empty: all that have a route"`
	Host            string   `json:"host,omitempty"`

	Vendor map[string]string `json:"vendor,omitempty" doc:"Settings of vendors' doors that can be changed here"`

	CreatedAt string `json:"created_at" format:"date-time"`
	UpdatedAt string `json:"updated_at" format:"date-time"`
	Version   int64  `json:"version" doc:"Goes up with every change"`
}

// ServiceFields are what can be set of a service. Those left out keep their value, or get the default in a new one.
type ServiceFields struct {
	Default         *bool     `json:"default,omitempty" doc:"Use it for starts that name no service; the one before stops being it"`
	CodeLength      *int      `json:"code_length,omitempty" minimum:"4" maximum:"10" doc:"Digits; 6 by default"`
	TTLSeconds      *int      `json:"ttl_seconds,omitempty" minimum:"30" maximum:"600" doc:"Life of a code from the first send; 300 by default"`
	EmailTTLSeconds *int      `json:"email_ttl_seconds,omitempty" minimum:"30" maximum:"600" doc:"The same for e-mail; 600 by default"`
	MaxChecks       *int      `json:"max_checks,omitempty" minimum:"1" maximum:"10" doc:"5 by default"`
	MaxSends        *int      `json:"max_sends,omitempty" minimum:"1" maximum:"10" doc:"5 by default"`
	Resend          *string   `json:"resend,omitempty" enum:"same_code,new_code" doc:"same_code by default"`
	Channels        *[]string `json:"channels,omitempty" enum:"sms,voice,whatsapp,email" uniqueItems:"true" doc:"Empty: all that have a route"`
	Host            *string   `json:"host,omitempty" maxLength:"253" doc:"Your site, for the last line @host #code; empty: none"`

	Vendor map[string]string `json:"vendor,omitempty" maxProperties:"64" doc:"Settings of vendors' doors, as their pages list them. Those left out stay; an empty one goes back to its default"`
}

// apply sets on s what f sets.
func (f *ServiceFields) apply(s *tenant.Service) {
	set(&s.Default, f.Default)
	set(&s.CodeLength, f.CodeLength)
	set(&s.MaxChecks, f.MaxChecks)
	set(&s.MaxSends, f.MaxSends)
	set(&s.Channels, f.Channels)
	set(&s.Host, f.Host)
	if f.TTLSeconds != nil {
		s.TTL = time.Duration(*f.TTLSeconds) * time.Second
	}
	if f.EmailTTLSeconds != nil {
		s.EmailTTL = time.Duration(*f.EmailTTLSeconds) * time.Second
	}
	if f.Resend != nil {
		s.Resend = tenant.Resend(*f.Resend)
	}
	for name, value := range f.Vendor {
		s.SetVendor(name, value)
	}
}

// settings finds what is wrong with the settings of vendors' doors in f.
func (a *api) settings(f *ServiceFields) error {
	for _, name := range slices.Sorted(maps.Keys(f.Vendor)) {
		if err := a.Setting(name, f.Vendor[name]); err != nil {
			return err
		}
	}
	return nil
}

func set[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// service is s in answers, with those of its vendors' settings that can be set here.
func (a *api) service(s tenant.Service) Service {
	channels := s.Channels
	if channels == nil {
		channels = []string{}
	}
	vendor := maps.Clone(s.Vendor)
	maps.DeleteFunc(vendor, func(name, _ string) bool { return a.Setting(name, "") != nil })
	return Service{
		ID:              s.ID.Text(uid.Service),
		Name:            s.Name,
		Default:         s.Default,
		CodeLength:      s.CodeLength,
		TTLSeconds:      int(s.TTL / time.Second),
		EmailTTLSeconds: int(s.EmailTTL / time.Second),
		MaxChecks:       s.MaxChecks,
		MaxSends:        s.MaxSends,
		Resend:          string(s.Resend),
		Channels:        channels,
		Host:            s.Host,
		Vendor:          vendor,
		CreatedAt:       stamp(s.CreatedAt),
		UpdatedAt:       stamp(s.UpdatedAt),
		Version:         s.Version,
	}
}

// changer is who asks, for changes of services.
func changer(ctx context.Context) tenant.Caller {
	by := caller(ctx)
	return tenant.Caller{Actor: by.Actor, RequestID: by.RequestID}
}

func (in Identified) service() (uid.ID, error) {
	id, err := uid.Parse(uid.Service, in.ID)
	if err != nil {
		return id, errNoService
	}
	return id, nil
}

type serviceOutput struct {
	Body Service
}

type createServiceInput struct {
	Repeatable
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"30" doc:"Shown in messages" example:"Acme"`
		ServiceFields
	}
}

func (a *api) createService(ctx context.Context, in *createServiceInput) (*serviceOutput, error) {
	if err := a.settings(&in.Body.ServiceFields); err != nil {
		return nil, err
	}
	fresh := tenant.Service{Tenant: web.Principal(ctx).Tenant, Name: in.Body.Name}
	in.Body.apply(&fresh)
	s, err := a.Profiles.CreateService(ctx, changer(ctx), fresh, in.once("POST /v1/services", "", &in.Body))
	if err != nil {
		return nil, err
	}
	return &serviceOutput{Body: a.service(s)}, nil
}

type serviceInput struct {
	Identified
}

func (a *api) getService(ctx context.Context, in *serviceInput) (*serviceOutput, error) {
	id, err := in.service()
	if err != nil {
		return nil, err
	}
	s, err := a.Profiles.Profile(ctx, web.Principal(ctx).Tenant, id)
	if err != nil {
		return nil, err
	}
	return &serviceOutput{Body: a.service(s)}, nil
}

type listServicesInput struct {
	Page
}

// ServiceList is a page of services.
type ServiceList struct {
	_ struct{} `additionalProperties:"true"`

	Data []Service `json:"data" nullable:"false"`
	Next *string   `json:"next" doc:"Cursor of the next page, null at the end"`
}

type listServicesOutput struct {
	Body ServiceList
}

func (a *api) listServices(ctx context.Context, in *listServicesInput) (*listServicesOutput, error) {
	after, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	services, more, err := a.Profiles.Services(ctx, web.Principal(ctx).Tenant, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &listServicesOutput{Body: ServiceList{Data: make([]Service, len(services)), Next: cursor(more)}}
	for i, s := range services {
		out.Body.Data[i] = a.service(s)
	}
	return out, nil
}

type updateServiceInput struct {
	Identified
	Body struct {
		Name *string `json:"name,omitempty" minLength:"1" maxLength:"30"`
		ServiceFields
	}
}

func (a *api) updateService(ctx context.Context, in *updateServiceInput) (*serviceOutput, error) {
	id, err := in.service()
	if err != nil {
		return nil, err
	}
	if err := a.settings(&in.Body.ServiceFields); err != nil {
		return nil, err
	}
	s, err := a.Profiles.UpdateService(ctx, changer(ctx), web.Principal(ctx).Tenant, id, func(s *tenant.Service) {
		set(&s.Name, in.Body.Name)
		in.Body.apply(s)
	})
	if err != nil {
		return nil, err
	}
	return &serviceOutput{Body: a.service(s)}, nil
}

func (a *api) deleteService(ctx context.Context, in *serviceInput) (*struct{}, error) {
	id, err := in.service()
	if err != nil {
		return nil, err
	}
	return nil, a.Profiles.DeleteService(ctx, changer(ctx), web.Principal(ctx).Tenant, id)
}
