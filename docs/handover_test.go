package docs_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/handover"
	"github.com/countersign/countersign/internal/tenant/tenanttest"
	"github.com/countersign/countersign/internal/uid"
)

// oneValue is a store of the keys of one installation, and its clock.
type oneValue struct {
	mu    sync.Mutex
	value []byte
	clock time.Time // zero: the real one
}

func (m *oneValue) Meta(context.Context, string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.value, nil
}

func (m *oneValue) PutMeta(_ context.Context, _ string, _, value []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.value = value
	return value, nil
}

func (m *oneValue) set(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clock = at
}

func (m *oneValue) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.clock.IsZero() {
		return time.Now()
	}
	return m.clock
}

// signingServer publishes the keys of a signer as a server does.
func signingServer(t *testing.T) (*handover.Signer, *oneValue, string) {
	t.Helper()
	kept := &oneValue{}
	s := httptest.NewUnstartedServer(nil)
	issuer := "http://" + s.Listener.Addr().String()
	signer, err := handover.New(issuer, tenanttest.Ring(t), kept)
	if err != nil {
		t.Fatal(err)
	}
	signer.Now = kept.now
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		document, err := signer.JWKS(r.Context())
		if err != nil || r.URL.Path != "/.well-known/jwks.json" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		_, _ = w.Write(document) // the client may have gone
	})
	s.Start()
	t.Cleanup(s.Close)
	return signer, kept, issuer
}

// programOf is a program that handover.md shows, in a file of its own.
func programOf(t *testing.T, language, name string) string {
	t.Helper()
	text, err := os.ReadFile("handover.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(text)
	if found == nil {
		t.Fatalf("handover.md shows no program in %s", language)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, found[1], 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRA_48_the_programs_of_the_document_tell_true_results_from_forged_ones runs each as a firm would.
func TestRA_48_the_programs_of_the_document_tell_true_results_from_forged_ones(t *testing.T) {
	t.Parallel()
	t.Run("go", func(t *testing.T) {
		t.Parallel()
		bin := filepath.Join(t.TempDir(), "verify")
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, programOf(t, "go", "main.go")).CombinedOutput(); err != nil {
			t.Fatalf("build: %v\n%s", err, out)
		}
		judge(t, bin)
	})
	t.Run("node", func(t *testing.T) {
		t.Parallel()
		modules, err := filepath.Abs("../test/sdk/node/node_modules")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(modules, "jose", "package.json")); err != nil {
			t.Fatal("the library is not here: `make test` installs it; by hand: npm ci --ignore-scripts in test/sdk/node")
		}
		program := programOf(t, "js", "verify.mjs")
		if err := os.Symlink(modules, filepath.Join(filepath.Dir(program), "node_modules")); err != nil {
			t.Fatal(err)
		}
		judge(t, "node", program)
	})
	t.Run("python", func(t *testing.T) {
		t.Parallel()
		const python = "/usr/bin/python3" // the packages are Debian's
		if out, err := exec.CommandContext(t.Context(), python, "-c", "import jwt, cryptography").CombinedOutput(); err != nil {
			t.Fatalf("the libraries are not here: `make test` installs them; by hand: apt-get install python3-jwt python3-cryptography\n%s", out)
		}
		judge(t, python, programOf(t, "python", "verify.py"))
	})
}

// judge runs a program on good results and on forged ones.
func judge(t *testing.T, command ...string) {
	t.Helper()
	firm, invitation := uid.NewTenant(time.Now()), uid.Random(time.Now())
	server, clock, issuer := signingServer(t)
	stranger, _, _ := signingServer(t)
	sign := func(s *handover.Signer, at time.Time, firm uid.Tenant) string {
		clock.set(at)
		text, err := s.Sign(t.Context(), handover.Result{
			Tenant: firm, Invitation: invitation, State: "s-17", Status: "handed_off", MobileVerified: true, MobileVerifiedAt: at,
		})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	good := sign(server, time.Now(), firm)
	part := strings.Split(good, ".")
	payload, err := base64.RawURLEncoding.DecodeString(part[1])
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	changed := bytes.Replace(payload, []byte("s-17"), []byte("s-18"), 1)
	for name, c := range map[string]struct {
		issuer, result string
		good           bool
	}{
		"good":              {issuer, good, true},
		"over":              {issuer, sign(server, time.Now().Add(-7*time.Minute), firm), false},
		"of another firm":   {issuer, sign(server, time.Now(), uid.Tenant{1}), false},
		"of another server": {issuer, sign(stranger, time.Now(), firm), false},
		"changed":           {issuer, part[0] + "." + encode(changed) + "." + part[2], false},
		"unsigned":          {issuer, encode([]byte(`{"alg":"none","typ":"handover+jwt"}`)) + "." + part[1] + ".", false},
	} {
		run := exec.CommandContext(t.Context(), command[0], command[1:]...)
		run.Env = append(os.Environ(), "ISSUER="+c.issuer, "TENANT="+firm.Text(), "RESULT="+c.result)
		var said, failed bytes.Buffer
		run.Stdout, run.Stderr = &said, &failed
		err := run.Run()
		want := ""
		if c.good {
			want = invitation.Text(uid.Invitation) + " handed_off s-17 true\n"
		}
		if said.String() != want || (err == nil) != c.good || !c.good && !strings.Contains(failed.String(), "not a result for us") {
			t.Errorf("%s: %v, it said %q, and %q", name, err, said.String(), failed.String())
		}
	}
}
