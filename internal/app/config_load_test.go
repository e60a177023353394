package app

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestTheEnvironmentWinsOverTheFile(t *testing.T) {
	t.Parallel()
	pass := writeFile(t, "pass", "from a file\n")
	c, err := load(t, "log: {level: warn}\negress: {allow: [10.0.0.0/8]}\n",
		"COUNTERSIGN_LOG_LEVEL=error", "COUNTERSIGN_EGRESS_ALLOW=127.0.0.0/8, 10.1.0.0/16", "COUNTERSIGN_SMTP_ADDRESS=mail.example.net:587",
		"COUNTERSIGN_SMTP_FROM=a@example.net", "COUNTERSIGN_SMTP_USERNAME=u", "COUNTERSIGN_SMTP_PASSWORD_FILE="+pass,
		"COUNTERSIGN_LIMITS_RECIPIENT=9 in 1h,10 in 1d", "COUNTERSIGN_WORKER_CONCURRENCY=3", "COUNTERSIGN_SERVICE_HOST=10.0.0.1", "PATH=/bin")
	if err != nil {
		t.Fatal(err)
	}
	if c.Log.Level != "error" || len(c.Egress.Allow) != 2 || c.Worker.Concurrency != 3 || len(c.Limits.Recipient) != 2 {
		t.Errorf("%+v", c)
	}
	if c.SMTP == nil || c.SMTP.Address != "mail.example.net:587" || c.SMTP.Password.Reveal() != "from a file" {
		t.Errorf("smtp: %+v", c.SMTP)
	}
	_, err = load(t, "", "COUNTERSIGN_LOG_LEVEL=loud", "COUNTERSIGN_LISTEN=here", "COUNTERSIGN_DATABASE_URL_FILE=/nowhere")
	want := []string{"0:0 COUNTERSIGN_DATABASE_URL_FILE the file can't be read: no such file or directory.",
		"0:0 COUNTERSIGN_LISTEN must be address:port, such as 127.0.0.1:8080 or :8080.",
		"0:0 COUNTERSIGN_LOG_LEVEL must be one of: debug, info, warn, error."}
	if diff := cmp.Diff(want, said(err), cmpopts.SortSlices(strings.Compare)); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestEveryScalarKeyHasAVariable(t *testing.T) {
	t.Parallel()
	names := Variables()
	for _, want := range []string{"COUNTERSIGN_LISTEN", "COUNTERSIGN_DATABASE_URL", "COUNTERSIGN_DATABASE_URL_FILE", "COUNTERSIGN_MASTER_KEY_FILE",
		"COUNTERSIGN_MASTER_KEY", "COUNTERSIGN_TLS_CERT_FILE", "COUNTERSIGN_SMTP_PASSWORD", "COUNTERSIGN_DEV_CODE_TTL", "COUNTERSIGN_TRUSTED_PROXIES"} {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+want+" ") {
			t.Errorf("%s is missing", want)
		}
	}
	seen := map[string]bool{}
	for _, n := range names {
		if seen[n] {
			t.Errorf("%s stands for two keys", n)
		}
		seen[n] = true
	}
}

func TestSecretsCanBeReadFromFiles(t *testing.T) {
	t.Parallel()
	path := writeFile(t, "secret", secret+"\r\n")
	entry := func(more string) string {
		return "providers:\n  - {name: main, type: relay, channels: [sms], url: \"https://x.example\", " + more + "}\n"
	}
	c, err := load(t, entry("secret_file: "+path))
	if err != nil || c.Providers[0].Relay.Secret.Reveal() != secret {
		t.Errorf("%v; the secret of the file was not taken", err)
	}
	for name, text := range map[string]string{
		"unreadable":          entry("secret_file: /nowhere/at/all"),
		"both":                entry("secret: " + secret + ", secret_file: " + path),
		"both, the other way": entry("secret_file: " + path + ", secret: " + secret),
	} {
		if _, err := load(t, text); err == nil || strings.Contains(err.Error(), secret) || !strings.Contains(err.Error(), "c.yaml:2:") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if out := fmt.Sprintf("%+v %#v", c.Providers[0].Relay, *c.Providers[0].Relay); strings.Contains(out, secret) {
		t.Error("a printed configuration holds the secret")
	}
}

func TestDevelopmentModeIsForLoopbackAlone(t *testing.T) {
	t.Parallel()
	for listen, ok := range map[string]bool{
		"127.0.0.1:8080": true, "[::1]:0": true, "localhost:1": true, "127.9.9.9:1": true,
		":8080": false, "0.0.0.0:8080": false, "[::]:8080": false, "192.168.1.2:8080": false, "example.com:80": false, "[::ffff:8.8.8.8]:1": false,
	} {
		_, err := Load(Options{Dev: true, Listen: listen, DataDir: "d"})
		if (err == nil) != ok {
			t.Errorf("--dev --listen %s: %v", listen, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "flags: --listen: is not loopback") {
			t.Errorf("--dev --listen %s: %v", listen, err)
		}
		if _, err := Load(Options{Listen: listen}); err != nil {
			t.Errorf("--listen %s: %v", listen, err)
		}
	}
	if _, err := Load(Options{Dev: true, Environ: []string{"COUNTERSIGN_LISTEN=:80"}}); err == nil {
		t.Error("--dev with a public address from the environment")
	}
}

func TestAKeyMustBeGivenWithPostgreSQL(t *testing.T) {
	t.Parallel()
	const db = "COUNTERSIGN_DATABASE_URL=postgres://db/c"
	for name, c := range map[string]struct {
		o  Options
		ok bool
	}{
		"none":       {Options{Environ: []string{db}}, false},
		"a file":     {Options{Environ: []string{db, "COUNTERSIGN_MASTER_KEY_FILE=" + writeFile(t, "k", "x")}}, true},
		"no such":    {Options{Environ: []string{db, "COUNTERSIGN_MASTER_KEY_FILE=/nowhere"}}, false},
		"the key":    {Options{Environ: []string{db, "COUNTERSIGN_MASTER_KEY=x"}}, true},
		"both":       {Options{Environ: []string{db, "COUNTERSIGN_MASTER_KEY=x", "COUNTERSIGN_MASTER_KEY_FILE=" + writeFile(t, "k", "x")}}, false},
		"dev":        {Options{Dev: true, Environ: []string{db}}, true},
		"mysql":      {Options{Environ: []string{"COUNTERSIGN_DATABASE_URL=mysql://db/c", "COUNTERSIGN_MASTER_KEY=x"}}, false},
		"in a file?": {Options{File: writeFile(t, "c.yaml", "master_key: x\n")}, false},
	} {
		if _, err := Load(c.o); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAFileThatIsNotThereIsAFault(t *testing.T) {
	t.Parallel()
	for _, path := range []string{filepath.Join(t.TempDir(), "none.yaml"), t.TempDir()} {
		_, err := Load(Options{File: path})
		if _, ok := errors.AsType[Faults](err); !ok {
			t.Errorf("%s: %v", path, err)
		}
	}
}
