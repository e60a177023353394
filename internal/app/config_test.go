package app

import (
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/delivery/relay"
	"github.com/countersign/countersign/internal/delivery/smtp"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/tenant"
)

var update = flag.Bool("update", false, "write generated files")

var secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

func writeFile(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, text string, environ ...string) (Config, error) {
	t.Helper()
	return Load(Options{File: writeFile(t, "c.yaml", text), Environ: environ})
}

// said are the faults as "line:column key what".
func said(err error) []string {
	faults, _ := errors.AsType[Faults](err)
	var out []string
	for _, f := range faults {
		out = append(out, fmt.Sprintf("%d:%d %s %s", f.Line, f.Column, f.Key, f.What))
	}
	return out
}

func TestWithoutAnyFileTheDefaultsAreSafe(t *testing.T) {
	t.Parallel()
	c, err := Load(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Listen != "127.0.0.1:8080" || c.DataDir != "data" || c.BaseURL() != "http://127.0.0.1:8080" || c.DevMode ||
		c.KeyFile() != "data/master.key" || len(c.AllProviders()) != 0 || c.Worker.Concurrency != 512 {
		t.Errorf("%+v", c)
	}
	if diff := cmp.Diff(tenant.DefaultLimits(), c.TenantLimits()); diff != "" {
		t.Errorf("the limits in the tags are not those of the tenants (-want +got):\n%s", diff)
	}
}

func TestEveryTagCanBeRead(t *testing.T) {
	t.Parallel()
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		for i := range v.NumField() {
			f, tag := v.Field(i), v.Type().Field(i).Tag
			if name := tag.Get("yaml"); name == "" || name != "-" && tag.Get("doc") == "" {
				t.Errorf("%s.%s needs the tags yaml and doc", v.Type(), v.Type().Field(i).Name)
			}
			if text := tag.Get("default"); text != "" {
				if err := setText(f, text, tag); err != nil {
					t.Errorf("default of %s: %v", tag.Get("yaml"), err)
				}
			}
			least, most, ranged := strings.Cut(tag.Get("range"), "..")
			if ranged && (setText(f, least, tag) != nil || setText(f, most, tag) != nil) {
				t.Errorf("range of %s: %s", tag.Get("yaml"), tag.Get("range"))
			}
			if f.Kind() == reflect.Struct && !isScalar(f.Type()) {
				walk(f)
			}
		}
	}
	walk(reflect.ValueOf(new(Config)).Elem())
}

func TestEveryKeyOfAFileIsRead(t *testing.T) {
	t.Parallel()
	key := writeFile(t, "master.key", "x")
	c, err := load(t, `
listen: 0.0.0.0:9000
public_url: https://verify.example.com/
support: help@example.com
data_dir: /srv/data
database_url: postgres://u:p@db.example.net/c
master_key_file: `+key+`
trusted_proxies: [10.0.0.0/8, 192.0.2.1]
providers:
  - {name: main, type: relay, channels: [sms, voice], url: "https://sms.example.net/send", secret: "`+secret+`", receipts: reference}
  - name: post
    type: smtp
    channels: [email]
    address: mail.example.net:465
    from: "Acme <no-reply@example.net>"
    tls: implicit
    connections: 3
smtp: {address: "10.0.0.3:25", from: a@example.net, tls: none, allow_plaintext: true}
routes:
  - {match: {channel: sms, country: [US, NO]}, use: [main], sender: "+12025550100"}
  - match: {channel: email}
    use: [post, smtp]
egress: {allow: ["10.0.0.0/8"]}
limits:
  recipient: ["50 in 10m", "80 in 1d"]
  recipient_new: [1 in 1h]
  client_device: 7 in 2h
  wrong_pause: 1h
  cool_downs: [0s]
log: {level: debug, format: text}
metrics: {listen: ":9090"}
worker: {concurrency: 7}
audit: {checkpoint_file: /mnt/x, interval: 5s}
retention: {verifications: 90d, events: 0d}
mta: {account_limit: 500 in 1m}
dev: {barred: ["+447700900999"], code_ttl: 30s}
`)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Listen: "0.0.0.0:9000", PublicURL: "https://verify.example.com/", Support: "help@example.com", DataDir: "/srv/data", MasterKeyFile: key,
		DatabaseURL:    "postgres://u:p@db.example.net/c",
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")},
		Providers: []Provider{
			{Relay: &relay.Config{Name: "main", Channels: []delivery.Channel{"sms", "voice"}, URL: "https://sms.example.net/send",
				Secret: delivery.Secret(secret), Receipts: "reference"}},
			{SMTP: &smtp.Config{Name: "post", Channels: []delivery.Channel{"email"}, Address: "mail.example.net:465",
				From: "Acme <no-reply@example.net>", TLS: "implicit", Connections: 3}},
		},
		SMTP: &smtp.Config{Name: "smtp", Address: "10.0.0.3:25", From: "a@example.net", TLS: "none", AllowPlaintext: true},
		Routes: []delivery.Rule{
			{Match: delivery.Match{Channel: "sms", Country: []string{"US", "NO"}}, Use: []string{"main"}, Sender: "+12025550100"},
			{Match: delivery.Match{Channel: "email"}, Use: []string{"post", "smtp"}},
		},
		Egress: Egress{Allow: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}},
		Limits: Limits{
			Recipient:    []ratelimit.Limit{{Burst: 50, Period: 10 * time.Minute}, {Burst: 80, Period: 24 * time.Hour}},
			RecipientNew: []ratelimit.Limit{{Burst: 1, Period: time.Hour}}, ClientDevice: ratelimit.Limit{Burst: 7, Period: 2 * time.Hour},
			WrongPause: time.Hour, CoolDowns: []time.Duration{0},
			WrongPerClient: ratelimit.Limit{Burst: 10, Period: time.Hour}, WrongTotal: ratelimit.Limit{Burst: 20, Period: 24 * time.Hour},
			ClientAddress: ratelimit.Limit{Burst: 30, Period: time.Hour},
		},
		Log: Log{Level: "debug", Format: "text"}, Metrics: Metrics{Listen: ":9090"}, Worker: Worker{Concurrency: 7},
		Audit: Audit{CheckpointFile: "/mnt/x", Interval: 5 * time.Second}, Retention: Retention{Verifications: 90 * 24 * time.Hour},
		MTA: MTA{AddressLimit: ratelimit.Limit{Burst: 30, Period: time.Minute}, AccountLimit: ratelimit.Limit{Burst: 500, Period: time.Minute}},
		Dev: Dev{Barred: []string{"+447700900999"}, CodeTTL: 30 * time.Second},
	}
	if diff := cmp.Diff(want, c, cmpopts.EquateComparable(netip.Prefix{}), reveal); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if c.BaseURL() != "https://verify.example.com" {
		t.Errorf("base URL %s", c.BaseURL())
	}
}

// reveal compares secrets by what they are, not by how they print.
var reveal = cmp.Comparer(func(a, b delivery.Secret) bool { return a.Reveal() == b.Reveal() })

func TestAllFaultsAreToldAtOnceWithTheirPlaces(t *testing.T) {
	t.Parallel()
	_, err := load(t, `listen: 8080
log:
  levl: debug
  format: [json]
worker: {concurrency: "7"}
providers:
  - {name: Main, type: relay, channels: [sms, email], url: "ftp://x", secert: whsec_hidden}
  - {name: two, type: carrier-pigeon}
  - {name: three}
  - hello
routes:
  - {match: {channel: sms}, use: [nobody]}
  - match: {channel: email, country: [US]}
    use: []
limits:
  recipient: ["5 per hour"]
  wrong_total: 300 in 24h
retention:
  events: 30
trusted_proxies: 10.0.0.0/8
egress: {allow: [10.0.0.1/8]}
tls: {cert_file: /nowhere}
log: {level: loud}
public_url: verify.example.com
mta: {account_limit: 0 in 15s}
`)
	got := said(err)
	want := []string{
		"1:1 listen must be address:port, such as 127.0.0.1:8080 or :8080.",
		"3:3 log.levl is not a key of this table.",
		"4:11 log.format must be one value, not a list or a table.",
		"5:23 worker.concurrency must be a whole number.",
	}
	if len(got) < 20 {
		t.Errorf("only %d faults:\n%s", len(got), strings.Join(got, "\n"))
	}
	if diff := cmp.Diff(want, got[:min(len(want), len(got))]); diff != "" {
		t.Errorf("the first faults (-want +got):\n%s", diff)
	}
	for _, line := range []int{7, 8, 9, 10, 12, 13, 14, 16, 17, 19, 20, 21, 22, 23, 24, 25} {
		if !strings.Contains("\n"+strings.Join(got, "\n"), fmt.Sprintf("\n%d:", line)) {
			t.Errorf("no fault for line %d:\n%s", line, strings.Join(got, "\n"))
		}
	}
	if twice := "23:1 log is given twice."; !strings.Contains(strings.Join(got, "\n"), twice) {
		t.Errorf("not told: %s", twice)
	}
	if text := err.Error(); strings.Contains(text, "whsec_hidden") || !strings.Contains(text, "Did you mean secret?") {
		t.Errorf("the text must help and hold no value:\n%s", text)
	}
}

func TestRA_53_WhomOperatorsTurnToIsAnAddressOrAnHTTPSURL(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"help@example.com", "https://example.com/help?from=console", "''"} {
		if _, err := load(t, "support: "+good+"\n"); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"help", "http://example.com", "https://", "'Help <help@example.com>'", "javascript:alert(1)", "https://u:p@example.com"} {
		_, err := load(t, "listen: :8080\nsupport: "+bad+"\n")
		if got := said(err); len(got) != 1 || got[0] != "2:1 support must be an e-mail address or an https URL, such as help@example.com." {
			t.Errorf("%s: %q", bad, got)
		}
	}
}

func TestAFaultShowsItsLineWithoutValues(t *testing.T) {
	t.Parallel()
	_, err := load(t, "log: {level: loud, format: json}\nsmtp:\n    password: hunter2\n    adress: x\n")
	const want = `
     1 | log: {level: …   , format: …   }
       |              ^`
	if text := err.Error(); !strings.Contains(text, want) || strings.Contains(text, "hunter2") {
		t.Errorf("got:\n%s\nwant in it:%s", text, want)
	}
}

func TestBrokenYAMLIsToldWithoutQuotingIt(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"smtp:\n  password: hunter2\n bad: [", "a: \"hunter2", "key: hunter2: x\n", "\tx: hunter2", "- hunter2\n", "|hunter200", "a: 1\n---\nb: 2\n", "data_dir: &a hunter2\nmaster_key_file: *a\n"} {
		_, err := load(t, text)
		faults, ok := errors.AsType[Faults](err)
		if !ok || len(faults) == 0 || faults[0].Line == 0 {
			t.Errorf("%q: %v, want faults with a line", text, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q is quoted:\n%v", text, err)
		}
	}
}

func TestAReferenceWithinTheFileIsRefusedAsSuch(t *testing.T) {
	t.Parallel()
	_, err := load(t, "data_dir: &a here\nmaster_key_file: *a\n")
	if diff := cmp.Diff([]string{"2:18 master_key_file refers to another place of the file."}, said(err)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestAnEmptyFileIsNoFault(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing\n", "---\n", "log:\n", "providers: []\nroutes: []\n"} {
		if _, err := load(t, text); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTheDocumentIsWhatTheTypesSay(t *testing.T) {
	t.Parallel()
	const path = "../../docs/configuration.md"
	if *update {
		if err := os.WriteFile(path, []byte(Document()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if diff := cmp.Diff(Document(), string(got)); err != nil || diff != "" {
		t.Errorf("%v; run this test with -update (-want +got):\n%s", err, diff)
	}
}

func TestEveryKeyOfOtherPackagesIsDocumented(t *testing.T) {
	t.Parallel()
	type table struct {
		typ  reflect.Type
		docs map[string]string
	}
	tables := []table{{reflect.TypeFor[delivery.Rule](), ruleDocs()}, {reflect.TypeFor[delivery.Match](), matchDocs()}}
	for _, p := range providerTypes() {
		tables = append(tables, table{reflect.TypeOf(p.pick(new(Provider))).Elem(), providerDocs()[p.name]})
	}
	for _, table := range tables {
		for i := range table.typ.NumField() {
			name := table.typ.Field(i).Tag.Get("yaml")
			if table.docs[name] == "" && name != "match" {
				t.Errorf("%s: the key %q has no text", table.typ, name)
			}
			delete(table.docs, name)
		}
		if len(table.docs) > 0 {
			t.Errorf("%s: texts for keys that are gone: %v", table.typ, sortedKeys(table.docs))
		}
	}
}

func TestTheExampleOfTheDocumentLoads(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"main.secret": secret, "post.password": "p"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := strings.ReplaceAll(exampleConfig, "/etc/countersign", dir)
	_, err := load(t, text)
	for _, f := range said(err) { // the certificate is not made here
		if !strings.Contains(f, "tls") {
			t.Errorf("%s", f)
		}
	}
}

// Keys are quoted, and what stands before a colon on its line, or behind a question mark, is one.
var asKey = regexp.MustCompile(`hunter2[^\n]*:|\?`)

func FuzzLoadNeitherPanicsNorQuotesValues(f *testing.F) {
	f.Add(exampleConfig)
	f.Add("a: [b, {c: d}]\n? x\n: y\n<<: *z\n")
	f.Add("listen: |\n  hunter2\nlog: {level: \"hunter2\"}\n")
	f.Fuzz(func(t *testing.T, text string) {
		s := newSource("f", []byte(text))
		var c Config
		s.decode([]byte(text), &c)
		s.check(c)
		if got := s.sorted().Error(); strings.Contains(got, "hunter2") && !asKey.MatchString(text) {
			t.Errorf("%q is quoted in:\n%s", text, got)
		}
	})
}

func TestWrongCodesOfAuthenticatorsWaitOutsideDevelopmentOnly(t *testing.T) {
	t.Parallel()
	usual := factor.DefaultLimits()
	if diff := cmp.Diff(usual, factorLimits(Config{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	usual.Waits = nil
	if diff := cmp.Diff(usual, factorLimits(Config{DevMode: true})); diff != "" {
		t.Errorf("development mode (-want +got):\n%s", diff)
	}
}
