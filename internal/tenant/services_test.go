package tenant_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

func TestATenantStartsWithADefaultProfile(t *testing.T) {
	t.Parallel()
	s := &store{}
	d := open(t, s)
	for tenantName, want := range map[string]string{
		"Acme": "Acme",
		"An uncommonly long name of a firm, Ltd.": "An uncommonly long name of a f",
		"Slash / Burn": "Default",
	} {
		ten, err := d.CreateTenant(t.Context(), by, tenantName)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Service(t.Context(), ten.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		wanted := tenant.Service{
			ID: got.ID, Tenant: ten.ID, Name: want, Default: true, CodeLength: 6, TTL: 300 * time.Second, EmailTTL: 600 * time.Second,
			MaxChecks: 5, MaxSends: 5, Resend: tenant.SameCode, CreatedAt: ten.CreatedAt, UpdatedAt: ten.CreatedAt, Version: 1,
		}
		if diff := cmp.Diff(wanted, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tenantName, diff)
		}
	}
	for _, bad := range []string{"", "a\tb", "a\u202eb", string(make([]byte, 101))} {
		_, err := d.CreateTenant(t.Context(), by, bad)
		wantKind(t, err, fault.Invalid, "a bad tenant name")
	}
}

func TestAServiceIsFoundByIDByNameOrAsTheDefault(t *testing.T) {
	t.Parallel()
	d := open(t, &store{})
	ten, other := newTenant(t, d), newTenant(t, d)
	made, err := d.CreateService(t.Context(), by, tenant.Service{Tenant: ten.ID, Name: "Shop"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{"Shop", made.ID.Text(uid.Service)} {
		if got, err := d.Service(t.Context(), ten.ID, ref); err != nil || !cmp.Equal(got, made) {
			t.Errorf("%q: %+v, %v", ref, got, err)
		}
		_, err := d.Service(t.Context(), other.ID, ref)
		wantKind(t, err, fault.NotFound, "another tenant asks for "+ref)
	}
	if got, err := d.Profile(t.Context(), ten.ID, made.ID); err != nil || got.ID != made.ID {
		t.Errorf("by id: %v", err)
	}
	if got, err := d.Service(t.Context(), ten.ID, ""); err != nil || !got.Default || got.ID == made.ID {
		t.Errorf("default: %+v, %v", got, err)
	}
	_, err = d.Service(t.Context(), ten.ID, "shop")
	wantKind(t, err, fault.NotFound, "a name in other case")
}

func TestAllFaultsOfAProfileAreToldAtOnce(t *testing.T) {
	t.Parallel()
	d := open(t, &store{})
	ten := newTenant(t, d)
	_, err := d.CreateService(t.Context(), by, tenant.Service{
		Tenant: ten.ID, Name: "a/b", CodeLength: 3, TTL: 601 * time.Second, EmailTTL: 1500 * time.Millisecond, MaxChecks: 11, MaxSends: -1,
		Resend: "often", Channels: []string{"sms", "fax"}, Host: "https://example.com", Vendor: map[string]string{"": "no name"},
	}, nil)
	want := []string{"name", "code_length", "ttl_seconds", "email_ttl_seconds", "max_checks", "max_sends", "resend", "channels", "host", "vendor"}
	if diff := cmp.Diff(want, fields(err)); diff != "" {
		t.Errorf("fields at fault (-want +got):\n%s", diff)
	}
	wantKind(t, err, fault.Invalid, "as one fault")
}

func TestTheBoundsOfAProfileAreInclusive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*tenant.Service)
		ok     bool
	}{
		"4 digits":         {func(s *tenant.Service) { s.CodeLength = 4 }, true},
		"10 digits":        {func(s *tenant.Service) { s.CodeLength = 10 }, true},
		"11 digits":        {func(s *tenant.Service) { s.CodeLength = 11 }, false},
		"29 s":             {func(s *tenant.Service) { s.TTL = 29 * time.Second }, false},
		"30 s":             {func(s *tenant.Service) { s.TTL = 30 * time.Second }, true},
		"600 s":            {func(s *tenant.Service) { s.TTL = 600 * time.Second }, true},
		"601 s by e-mail":  {func(s *tenant.Service) { s.EmailTTL = 601 * time.Second }, false},
		"1 check":          {func(s *tenant.Service) { s.MaxChecks = 1 }, true},
		"10 sends":         {func(s *tenant.Service) { s.MaxSends = 10 }, true},
		"11 sends":         {func(s *tenant.Service) { s.MaxSends = 11 }, false},
		"30 characters":    {func(s *tenant.Service) { s.Name = "ääääääääääääääääääääääääääääää" }, true},
		"31 characters":    {func(s *tenant.Service) { s.Name = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" }, false},
		"a name like ids":  {func(s *tenant.Service) { s.Name = uid.Random(time.Now()).Text(uid.Service) }, false},
		"a channel twice":  {func(s *tenant.Service) { s.Channels = []string{"sms", "sms"} }, false},
		"a host":           {func(s *tenant.Service) { s.Host = "login.example.co.uk" }, true},
		"localhost":        {func(s *tenant.Service) { s.Host = "localhost" }, true},
		"a host with port": {func(s *tenant.Service) { s.Host = "example.com:443" }, false},
		"a host in caps":   {func(s *tenant.Service) { s.Host = "Example.com" }, false},
		"a bare label":     {func(s *tenant.Service) { s.Host = "intranet" }, false},
		"an address":       {func(s *tenant.Service) { s.Host = "10.0.0.1" }, false},
	} {
		d := open(t, &store{})
		s := tenant.Service{Tenant: newTenant(t, d).ID, Name: "Shop"}
		c.change(&s)
		if _, err := d.CreateService(t.Context(), by, s, nil); (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %v", name, err, c.ok)
		}
	}
}

func TestDevelopmentAllowsAShorterLife(t *testing.T) {
	t.Parallel()
	dev := open(t, &store{}, func(c *tenant.Config) { c.MinTTL = 5 * time.Second })
	ten := newTenant(t, dev)
	if _, err := dev.CreateService(t.Context(), by, tenant.Service{Tenant: ten.ID, Name: "Shop", TTL: 5 * time.Second}, nil); err != nil {
		t.Error(err)
	}
	_, err := dev.CreateService(t.Context(), by, tenant.Service{Tenant: ten.ID, Name: "Other", TTL: 4 * time.Second}, nil)
	wantKind(t, err, fault.Invalid, "four seconds")
}

func TestAServiceChangesWithItsEventOrNotAtAll(t *testing.T) {
	t.Parallel()
	s := &store{}
	d := open(t, s)
	ten := newTenant(t, d)
	made, err := d.CreateService(t.Context(), by, tenant.Service{Tenant: ten.ID, Name: "Shop"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.UpdateService(t.Context(), by, ten.ID, made.ID, func(s *tenant.Service) {
		s.Name, s.MaxSends = "Store", 3
		s.ID, s.Tenant, s.Version = uid.ID{}, uid.Tenant{}, 99 // not the caller's to change
	})
	if err != nil || got.Name != "Store" || got.MaxSends != 3 || got.ID != made.ID || got.Tenant != ten.ID || got.Version != 2 {
		t.Fatalf("%+v, %v", got, err)
	}
	if read, _ := d.Service(t.Context(), ten.ID, "Store"); !cmp.Equal(read, got) {
		t.Errorf("read back %+v, want %+v", read, got)
	}
	_, err = d.UpdateService(t.Context(), by, ten.ID, made.ID, func(s *tenant.Service) { s.MaxSends = 0 })
	wantKind(t, err, fault.Invalid, "a zero is no default in a change")
	_, err = d.UpdateService(t.Context(), by, newTenant(t, d).ID, made.ID, func(*tenant.Service) {})
	wantKind(t, err, fault.NotFound, "another tenant")
	_, err = d.UpdateService(t.Context(), by, ten.ID, made.ID, func(s *tenant.Service) { s.Name = "Acme" })
	wantKind(t, err, fault.Conflict, "the name of another")
	_, err = d.CreateService(t.Context(), by, tenant.Service{Tenant: uid.NewTenant(time.Now()), Name: "Shop"}, nil)
	wantKind(t, err, fault.NotFound, "an unknown tenant")

	events, _ := s.Events(t.Context())
	type seen struct{ Type, Actor, RequestID, Data string }
	var log []seen
	for _, e := range events {
		if e.Tenant == ten.ID {
			log = append(log, seen{e.Type, e.Actor, e.RequestID, string(e.Data)})
		}
	}
	want := []seen{
		{"tenant.created", "command", "req_1", ""},
		{"service.created", "command", "req_1", ""},
		{"service.created", "command", "req_1", ""},
		{"service.updated", "command", "req_1", `{"changed":["name","max_sends"],"version":2}`},
	}
	if diff := cmp.Diff(want, log); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestAChangeThatOthersComeInBetweenOfIsDoneAgain(t *testing.T) {
	t.Parallel()
	d := open(t, &store{})
	ten := newTenant(t, d)
	s, _ := d.Service(t.Context(), ten.ID, "")
	more := func(s *tenant.Service) { s.MaxSends++ }
	calls := 0
	_, err := d.UpdateService(t.Context(), by, ten.ID, s.ID, func(s *tenant.Service) {
		if calls++; calls <= 3 {
			if _, err := d.UpdateService(t.Context(), by, ten.ID, s.ID, more); err != nil {
				t.Error(err)
			}
		}
		more(s)
	})
	if got, _ := d.Service(t.Context(), ten.ID, ""); err != nil || calls != 4 || got.MaxSends != 9 || got.Version != 5 {
		t.Errorf("%v; after %d calls max_sends %d, version %d; want 4, 9, 5", err, calls, got.MaxSends, got.Version)
	}
	_, err = d.UpdateService(t.Context(), by, ten.ID, s.ID, func(s *tenant.Service) { // somebody is always first
		_, _ = d.UpdateService(t.Context(), by, ten.ID, s.ID, func(*tenant.Service) {})
	})
	wantKind(t, err, fault.Conflict, "never the first")
}

func TestAChangeOfAVersionThatIsOverChangesNothing(t *testing.T) {
	t.Parallel()
	s := &store{}
	d := open(t, s)
	ten := newTenant(t, d)
	was, _ := d.Service(t.Context(), ten.ID, "")
	now, err := d.ReviseService(t.Context(), by, ten.ID, was.ID, was.Version, func(s *tenant.Service) { s.MaxSends = 2 })
	if err != nil || now.Version != was.Version+1 || now.MaxSends != 2 {
		t.Fatalf("%+v, %v", now, err)
	}
	before, _ := s.Events(t.Context())
	_, err = d.ReviseService(t.Context(), by, ten.ID, was.ID, was.Version, func(s *tenant.Service) { s.MaxSends = 9 })
	wantKind(t, err, fault.Conflict, "a version that is over")
	if fault.As(err).Code != tenant.CodeServiceStale {
		t.Errorf("code %q", fault.As(err).Code)
	}
	after, _ := s.Events(t.Context())
	if got, _ := d.Profile(t.Context(), ten.ID, was.ID); got.MaxSends != 2 || len(after) != len(before) {
		t.Errorf("max_sends %d, %d events more", got.MaxSends, len(after)-len(before))
	}
}

func TestThereIsAlwaysOneDefaultService(t *testing.T) {
	t.Parallel()
	d := open(t, &store{})
	ten := newTenant(t, d)
	first, _ := d.Service(t.Context(), ten.ID, "")
	_, err := d.UpdateService(t.Context(), by, ten.ID, first.ID, func(s *tenant.Service) { s.Default = false })
	wantKind(t, err, fault.Invalid, "no default at all")
	wantKind(t, d.DeleteService(t.Context(), by, ten.ID, first.ID), fault.Conflict, "deleting the default")
	second, err := d.CreateService(t.Context(), by, tenant.Service{Tenant: ten.ID, Name: "Shop", Default: true}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := d.Service(t.Context(), ten.ID, ""); got.ID != second.ID {
		t.Error("the new default is not used")
	}
	if err := d.DeleteService(t.Context(), by, ten.ID, first.ID); err != nil {
		t.Errorf("deleting the one that is no longer the default: %v", err)
	}
	_, err = d.Profile(t.Context(), ten.ID, first.ID)
	wantKind(t, err, fault.NotFound, "the deleted one")
	wantKind(t, d.DeleteService(t.Context(), by, ten.ID, first.ID), fault.NotFound, "deleting it again")
}

func TestServicesArePaged(t *testing.T) {
	t.Parallel()
	d := open(t, &store{})
	ten := newTenant(t, d)
	for _, name := range []string{"b", "c", "d", "e"} {
		if _, err := d.CreateService(t.Context(), by, tenant.Service{Tenant: ten.ID, Name: name}, nil); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	var after uid.ID
	for pages := 1; ; pages++ {
		page, more, err := d.Services(t.Context(), ten.ID, after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page {
			seen[s.Name] = true
		}
		if more.IsZero() {
			if pages != 3 || len(seen) != 5 {
				t.Errorf("%d pages with %d services, want 3 with 5", pages, len(seen))
			}
			return
		}
		after = more
	}
}
