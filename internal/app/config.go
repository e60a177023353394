package app

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/delivery/smtp"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/tenant"
)

// Config is everything an installation decides. Its fields are also the source of docs/configuration.md: the tag yaml
// is the key, doc what it means, default what holds without it, enum and range what it may be, example a value to show;
// env "only" keeps a key out of the file.
// Every key that is not a list of tables can be set by the environment too: see Load.
type Config struct {
	Listen         string          `yaml:"listen" default:"127.0.0.1:8080" doc:"Address and port to serve on. An empty host is every address of the machine."`
	PublicURL      string          `yaml:"public_url" example:"https://verify.example.com" doc:"How the world reaches this server; links in messages begin with it. https, except on loopback. Without it, the address of listen."`
	DataDir        string          `yaml:"data_dir" default:"data" doc:"Directory of the database and the master key. It is made when missing, for its owner alone."`
	DatabaseURL    delivery.Secret `yaml:"database_url" example:"postgres://countersign@db.example.net/countersign" doc:"PostgreSQL. Without it, SQLite in data_dir."`
	MasterKeyFile  string          `yaml:"master_key_file" example:"/etc/countersign/master.key" doc:"The master key. With SQLite the first start makes data_dir/master.key; with PostgreSQL the file must be given, the same on every node. A backup is useless without it."`
	MasterKey      delivery.Secret `yaml:"master_key" env:"only" doc:"The master key itself, the text that would be in the file. By the environment alone, for platforms that keep secrets there."`
	MessagesDir    string          `yaml:"messages_dir" example:"/etc/countersign/messages" doc:"Texts of your own in place of ours, see [Your own texts](operate.md#your-own-texts)."`
	Support        string          `yaml:"support" example:"help@example.com" doc:"Whom operators of the console turn to: your e-mail address, or an https URL. It is shown where they sign in, where something fails and in their profile. Customers are told whom their firm names."`
	TrustedProxies []netip.Prefix  `yaml:"trusted_proxies" example:"10.0.0.0/8" doc:"Proxies whose X-Forwarded-For is believed. No others are."`
	TLS            TLS             `yaml:"tls" doc:"A certificate of the server's own. Without it, a proxy in front speaks TLS."`
	Providers      []Provider      `yaml:"providers" doc:"Accounts at carriers and vendors, and your own senders. See below for each type."`
	SMTP           *smtp.Config    `yaml:"smtp" doc:"Short for one provider of type smtp with the name smtp. Its keys are those of that type."`
	Routes         []delivery.Rule `yaml:"routes" doc:"Which providers carry a message, in the order of failover. The first rule that matches decides. Without any, each channel goes to the providers that carry it, in their order."`
	Egress         Egress          `yaml:"egress" doc:"Where the server may connect to."`
	Limits         Limits          `yaml:"limits" doc:"Limits of tenants that have none of their own. Events and a period: \"5 in 10m\"."`
	Log            Log             `yaml:"log" doc:"What is logged to standard error."`
	Metrics        Metrics         `yaml:"metrics" doc:"Prometheus metrics."`
	Worker         Worker          `yaml:"worker" doc:"The sending of messages."`
	Audit          Audit           `yaml:"audit" doc:"The log that proves itself."`
	Retention      Retention       `yaml:"retention" doc:"How long things are kept."`
	MTA            MTA             `yaml:"mta" doc:"The door for clients of Mobile Text Alerts, see compat-mta.md. Each process counts for itself."`
	Dev            Dev             `yaml:"dev" doc:"Read in development mode only."`

	// DevMode is serve --dev; no file and no environment can set it.
	DevMode bool `yaml:"-"`
}

// TLS is the server's own certificate.
type TLS struct {
	CertFile string `yaml:"cert_file" example:"/etc/countersign/tls.crt" doc:"Certificate chain in PEM form."`
	KeyFile  string `yaml:"key_file" example:"/etc/countersign/tls.key" doc:"Its private key."`
}

// Egress is where the server may connect to.
type Egress struct {
	Allow []netip.Prefix `yaml:"allow" example:"10.0.0.0/8" doc:"Private and loopback networks that providers and webhooks may be in. All are refused otherwise."`
}

// Limits are those of tenant.Limits.
type Limits struct {
	Recipient      []ratelimit.Limit `yaml:"recipient" default:"5 in 10m, 8 in 1h, 15 in 24h" doc:"Messages asked for to one recipient; all must hold."`
	RecipientNew   []ratelimit.Limit `yaml:"recipient_new" default:"5 in 10m, 8 in 1h, 10 in 24h" doc:"The same for a recipient that was never proven."`
	WrongPerClient ratelimit.Limit   `yaml:"wrong_per_client" default:"10 in 1h" doc:"Wrong codes for one recipient from one client."`
	WrongPause     time.Duration     `yaml:"wrong_pause" default:"30m" range:"1s..24h" doc:"The pause that follows."`
	WrongTotal     ratelimit.Limit   `yaml:"wrong_total" default:"20 in 24h" doc:"Wrong codes for one recipient from anywhere."`
	ClientAddress  ratelimit.Limit   `yaml:"client_address" default:"30 in 1h" doc:"Unanswered messages asked for by one client address (IPv6: by one /64)."`
	ClientDevice   ratelimit.Limit   `yaml:"client_device" default:"6 in 1h" doc:"The same by one device."`
	CoolDowns      []time.Duration   `yaml:"cool_downs" default:"30s, 1m, 2m" range:"0s..1h" doc:"Waits between the first and the second message, the second and the third, and so on; the last repeats."`
}

// Log is what is logged.
type Log struct {
	Level  string `yaml:"level" default:"info" enum:"debug,info,warn,error" doc:"The least level."`
	Format string `yaml:"format" default:"json" enum:"json,text" doc:"json is for machines, text for people."`
}

// Metrics is where Prometheus reads.
type Metrics struct {
	Listen string `yaml:"listen" example:"127.0.0.1:9090" doc:"Address and port of /metrics. Without it, /metrics is on listen and answers loopback clients only."`
}

// Worker is how jobs are run.
type Worker struct {
	Concurrency int `yaml:"concurrency" default:"512" range:"1..10000" doc:"Messages handed to providers at once."`
}

// Audit is how the log is protected.
type Audit struct {
	CheckpointFile string        `yaml:"checkpoint_file" example:"/mnt/worm/countersign.checkpoints" doc:"A file outside the database that gets each signed checkpoint. Without it, data_dir/audit.checkpoints."`
	Interval       time.Duration `yaml:"interval" default:"60s" range:"1s..1h" doc:"The longest time between two checkpoints while events come."`
}

// Retention is how long things are kept.
type Retention struct {
	Verifications time.Duration `yaml:"verifications" default:"30d" range:"1d..3650d" doc:"Verifications that ended, with their deliveries."`
	Events        time.Duration `yaml:"events" default:"2557d" range:"0d..7300d" doc:"Audit events; 0d keeps them for ever. Their hashes stay, so that the log verifies."`
}

// MTA is what the door for clients of Mobile Text Alerts lets through. Without it, what the vendor does (MTA-35).
type MTA struct {
	AddressLimit ratelimit.Limit `yaml:"address_limit" default:"30 in 1m" doc:"Requests from one client address (IPv6: from one /64)."`
	AccountLimit ratelimit.Limit `yaml:"account_limit" default:"25 in 15s" doc:"Codes sent by a tenant, and again codes checked."`
}

// Dev is what a development installation may add.
type Dev struct {
	Barred  []string      `yaml:"barred" example:"+447700900999" doc:"Recipients treated as opted out."`
	CodeTTL time.Duration `yaml:"code_ttl" range:"5s..10m" example:"30s" doc:"Life of codes, also shorter than production allows."`
}

// BaseURL is how the world reaches the server, without a slash at the end.
func (c Config) BaseURL() string {
	if c.PublicURL != "" {
		return strings.TrimSuffix(c.PublicURL, "/")
	}
	u := url.URL{Scheme: "http", Host: c.Listen}
	if c.TLS.CertFile != "" {
		u.Scheme = "https"
	}
	if host, port, err := net.SplitHostPort(c.Listen); err == nil && isEveryAddress(host) {
		u.Host = net.JoinHostPort("localhost", port)
	}
	return u.String()
}

func isEveryAddress(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "" || err == nil && addr.IsUnspecified()
}

// KeyFile is where the master key is.
func (c Config) KeyFile() string {
	if c.MasterKeyFile != "" {
		return c.MasterKeyFile
	}
	return filepath.Join(c.DataDir, "master.key")
}

// CheckpointFile is where checkpoints go beside the database.
func (c Config) CheckpointFile() string {
	if c.Audit.CheckpointFile != "" {
		return c.Audit.CheckpointFile
	}
	return filepath.Join(c.DataDir, "audit.checkpoints")
}

// TenantLimits are the limits in the form that tenants have them. Development mode has its own, wide ones.
func (c Config) TenantLimits() tenant.Limits {
	if c.DevMode {
		return tenant.DevLimits()
	}
	l := c.Limits
	return tenant.Limits{
		Recipient: l.Recipient, RecipientNew: l.RecipientNew, WrongPerClient: l.WrongPerClient, WrongPause: l.WrongPause,
		WrongTotal: l.WrongTotal, ClientAddress: l.ClientAddress, ClientDevice: l.ClientDevice, CoolDowns: l.CoolDowns,
	}
}

// AllProviders are the providers with the one that smtp is short for, in the order of the file.
func (c Config) AllProviders() []Provider {
	if c.SMTP == nil {
		return c.Providers
	}
	return append(c.Providers[:len(c.Providers):len(c.Providers)], Provider{SMTP: c.SMTP})
}
