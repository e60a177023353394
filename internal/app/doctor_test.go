package app

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/delivery/relay"
	"github.com/countersign/countersign/internal/delivery/smtp"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/tenant"
)

// sound is an installation that the doctor has nothing to say against.
func sound(t *testing.T) Config {
	t.Helper()
	c, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.DataDir = t.TempDir()
	if err := os.Chmod(c.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.KeyFile(), []byte("k"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Audit.CheckpointFile = filepath.Join(t.TempDir(), "checkpoints")
	c.PublicURL = "https://verify.example.com"
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	carries := func(name string) Provider {
		return Provider{Relay: &relay.Config{Name: name, Channels: []delivery.Channel{"sms"}, URL: "https://x.example"}}
	}
	c.Providers = []Provider{carries("a"), carries("b"), {SMTP: &smtp.Config{Name: "c"}}, {SMTP: &smtp.Config{Name: "d"}}}
	c.Routes = []delivery.Rule{
		{Match: delivery.Match{Channel: "sms", Country: []string{"DE"}}, Use: []string{"a", "b"}},
		{Match: delivery.Match{Channel: "email"}, Use: []string{"c", "d"}},
	}
	return c
}

func soundProbe() Probe {
	return Probe{
		Schema: func(context.Context) (int64, int64, error) { return 3, 3, nil },
		Key:    func(context.Context) error { return nil },
		Services: func(context.Context) ([]tenant.Service, error) {
			return []tenant.Service{{Name: "Acme", CodeLength: 6, TTL: 300 * time.Second, MaxChecks: 5}}, nil
		},
		Testing: func(context.Context) (int, error) { return 0, nil },
	}
}

// against are the findings that are no praise. Those of this machine are left out: its clock, its disk.
func against(found []Finding) (out []string) {
	for _, f := range found {
		if f.Level != OK && !strings.Contains(f.What, "synchronised") && !strings.Contains(f.What, "free space") && !strings.Contains(f.What, "to be safe") {
			out = append(out, string(f.Level)+": "+f.What)
		}
	}
	return out
}

func TestASoundInstallationIsPraised(t *testing.T) {
	t.Parallel()
	c := sound(t)
	before, _ := os.ReadDir(c.DataDir)
	found := Diagnose(t.Context(), c, soundProbe())
	if bad := against(found); len(bad) > 0 || len(found) < 10 {
		t.Errorf("%d findings, against it:\n%s", len(found), strings.Join(bad, "\n"))
	}
	for _, f := range found {
		if (f.Remedy == "") != (f.Level == OK) {
			t.Errorf("%s: %s needs a remedy, and praise none: %q", f.Level, f.What, f.Remedy)
		}
	}
	if after, _ := os.ReadDir(c.DataDir); len(after) != len(before) {
		t.Errorf("the doctor left something in data_dir: %v", after)
	}
}

func TestTheDoctorFindsEachRisk(t *testing.T) {
	t.Parallel()
	profile := func(change func(*tenant.Service)) func(*Config, *Probe) {
		return func(_ *Config, p *Probe) {
			s := tenant.Service{Name: "Acme", CodeLength: 6, TTL: 300 * time.Second, MaxChecks: 5}
			change(&s)
			p.Services = func(context.Context) ([]tenant.Service, error) { return []tenant.Service{s}, nil }
		}
	}
	for name, c := range map[string]struct {
		change func(*Config, *Probe)
		want   string
	}{
		"open directory": {func(c *Config, _ *Probe) { _ = os.Chmod(c.DataDir, 0o755) }, "warn: DATA is open to other users (mode 0755)."},
		"a file as directory": {func(c *Config, _ *Probe) { c.DataDir = c.KeyFile(); c.MasterKey = "k" },
			"fail: DATA/master.key is no directory."},
		"open key":    {func(c *Config, _ *Probe) { _ = os.Chmod(c.KeyFile(), 0o640) }, "fail: DATA/master.key holds the master key and is open to other users (mode 0640)."},
		"checkpoints": {func(c *Config, _ *Probe) { c.Audit.CheckpointFile = "" }, "warn: Audit checkpoints lie beside the database"},
		"database away": {func(_ *Config, p *Probe) {
			p.Schema = func(context.Context) (int64, int64, error) { return 0, 0, errors.New("refused") }
		}, "fail: The database can't be reached: refused."},
		"old schema":    {func(_ *Config, p *Probe) { p.Schema = func(context.Context) (int64, int64, error) { return 2, 3, nil } }, "fail: The database has schema 2, and this program needs 3."},
		"newer schema":  {func(_ *Config, p *Probe) { p.Schema = func(context.Context) (int64, int64, error) { return 4, 3, nil } }, "fail: The database has schema 4, newer than"},
		"wrong key":     {func(_ *Config, p *Probe) { p.Key = func(context.Context) error { return errors.New("another") } }, "fail: The master key can't be used with this database: another."},
		"no provider":   {func(c *Config, _ *Probe) { c.Providers = nil }, "fail: No provider is configured"},
		"no email":      {func(c *Config, _ *Probe) { c.Routes = c.Routes[:1] }, "warn: No route carries email."},
		"one provider":  {func(c *Config, _ *Probe) { c.Routes[0].Use = []string{"b"} }, "warn: All sms goes through b"},
		"every country": {func(c *Config, _ *Probe) { c.Routes[0].Match.Country = nil }, "warn: SMS goes to every country"},
		"no routes":     {func(c *Config, _ *Probe) { c.Routes = nil }, "warn: SMS goes to every country"},
		"plain relay":   {func(c *Config, _ *Probe) { c.Providers[0].Relay.URL = "http://sms.example.net" }, "warn: a is reached without TLS"},
		"plain mail": {func(c *Config, _ *Probe) {
			*c.Providers[2].SMTP = smtp.Config{Name: "c", TLS: "none", AllowPlaintext: true}
		}, "warn: c is reached without TLS"},
		"no receipts":    {func(c *Config, _ *Probe) { c.PublicURL = "" }, "warn: a has no address to report deliveries to."},
		"no public_url":  {func(c *Config, _ *Probe) { c.PublicURL = "" }, "warn: public_url is not set"},
		"plain url":      {func(c *Config, _ *Probe) { c.PublicURL = "http://verify.example.com" }, "warn: public_url is not https."},
		"no TLS":         {func(c *Config, _ *Probe) { c.Listen = ":8080" }, "warn: The server listens on :8080 without TLS"},
		"no proxy":       {func(c *Config, _ *Probe) { c.TrustedProxies = nil }, "warn: No proxy is trusted"},
		"open metrics":   {func(c *Config, _ *Probe) { c.Metrics.Listen = ":9090" }, "warn: Metrics are on :9090"},
		"open egress":    {func(c *Config, _ *Probe) { c.Egress.Allow = []netip.Prefix{netip.MustParsePrefix("169.254.0.0/16")} }, "warn: egress.allow opens 169.254.0.0/16"},
		"wide limits":    {func(c *Config, _ *Probe) { c.Limits.Recipient = []ratelimit.Limit{{Burst: 99, Period: time.Minute}} }, "warn: Limits of recipients are above"},
		"short audit":    {func(c *Config, _ *Probe) { c.Retention.Events = 24 * time.Hour }, "warn: Audit events are kept for less than a year."},
		"dev table":      {func(c *Config, _ *Probe) { c.Dev.CodeTTL = time.Minute }, "warn: The table dev is ignored"},
		"dev mode":       {func(c *Config, _ *Probe) { c.DevMode = true }, "warn: This is development mode"},
		"SP-43 too long": {profile(func(s *tenant.Service) { s.TTL = 600 * time.Second }), `codes that live 10m0s.`},
		"too short":      {profile(func(s *tenant.Service) { s.TTL = 30 * time.Second }), `codes that live 30s.`},
		"SP-51 checks":   {profile(func(s *tenant.Service) { s.MaxChecks = 6 }), `allows 6 wrong codes.`},
		"few digits":     {profile(func(s *tenant.Service) { s.CodeLength = 4 }), `codes of 4 digits.`},
		"not in GSM":     {profile(func(s *tenant.Service) { s.Name = "Žlutý" }), `outside of the GSM alphabet`},
		"SEC-13 numbers": {func(_ *Config, p *Probe) { p.Testing = func(context.Context) (int, error) { return 2, nil } }, "warn: Tenants with test numbers switched on: 2."},
	} {
		cfg, probe := sound(t), soundProbe()
		data := cfg.DataDir
		c.change(&cfg, &probe)
		bad := against(Diagnose(t.Context(), cfg, probe))
		want := strings.ReplaceAll(c.want, "DATA", data)
		if !slices.ContainsFunc(bad, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("%s: not found: %s\namong:\n%s", name, want, strings.Join(bad, "\n"))
		}
	}
}

func TestTheDoctorSaysWhatTheFirstStartMakes(t *testing.T) {
	t.Parallel()
	c := sound(t)
	c.DataDir = filepath.Join(t.TempDir(), "new")
	if bad := against(Diagnose(t.Context(), c, Probe{})); len(bad) > 0 {
		t.Errorf("against a new installation:\n%s", strings.Join(bad, "\n"))
	}
	if _, err := os.Stat(c.DataDir); !errors.Is(err, os.ErrNotExist) {
		t.Error("the doctor made the data directory")
	}
}

func TestTheDoctorDoubtsAClockInThePast(t *testing.T) {
	t.Parallel()
	d := &doctor{now: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)}
	d.clock()
	if bad := against(d.found); len(bad) != 1 || !strings.Contains(bad[0], "1970-01-01") {
		t.Errorf("findings: %v", bad)
	}
}

func TestFaultsOfTheConfigurationAreFindings(t *testing.T) {
	t.Parallel()
	_, err := load(t, "listen: here\nlgo: {}\n")
	found := DiagnoseFaults(err)
	if len(found) != 2 || found[0].Level != Fail || !strings.Contains(found[1].What, "c.yaml:2:1: lgo: is not a key") || found[1].Remedy != "Did you mean log?" {
		t.Errorf("%+v", found)
	}
	if found := DiagnoseFaults(errors.New("no")); len(found) != 1 || found[0].Level != Fail {
		t.Errorf("%+v", found)
	}
}
