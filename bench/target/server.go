package target

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A Server is one that is measured.
type Server struct {
	Name     string
	URL      string
	Token    string // API key; empty for the empty server
	Tenant   string // whose it is
	Process  *Process
	Database *Process // nil when the server has its database inside
	Driver   string   // of database/sql: "sqlite" or "pgx"; empty for the empty server
	Source   string   // where the database is, as Driver wants it

	Binary int64         // bytes of the program
	Cold   time.Duration // from exec to /readyz on a database that is there already
	Idle   int64         // bytes resident a second after that

	cfg Config
}

// Stop ends the server, then its database.
func (s *Server) Stop() {
	s.Process.Stop()
	if s.Database != nil {
		s.Database.Stop()
	}
}

// Empty builds and starts the empty server, which calls provider. Its log and program are in dir.
func Empty(ctx context.Context, dir, provider string) (*Server, error) {
	bin := filepath.Join(dir, "empty")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", bin, "./empty")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the empty server: %w\n%s", err, out)
	}
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	s := &Server{Name: "empty", URL: "http://" + addr}
	s.Process, err = start(s.Name, exec.Command(bin, "-listen", addr, "-provider", provider), filepath.Join(dir, "empty.log"), syscall.SIGTERM)
	if err != nil {
		return nil, err
	}
	if _, err := ready(ctx, s.Process, s.URL+"/readyz", 10*time.Second); err != nil {
		s.Process.Stop()
		return nil, err
	}
	return s, nil
}

// Config says how Countersign is started.
type Config struct {
	Binary     string // path of the program
	Dir        string // its files; what an earlier run left there is used again; the user postgres must reach it
	Provider   string // URL of the relay provider
	Database   string // "sqlite" or "postgres"
	FsyncDelay time.Duration
}

// Countersign starts the product in production mode with a relay provider, and makes a key in it.
func Countersign(ctx context.Context, cfg Config) (*Server, error) {
	s := &Server{Name: "countersign " + cfg.Database, Driver: "sqlite", Source: filepath.Join(cfg.Dir, "data", "countersign.db"), cfg: cfg}
	info, err := os.Stat(cfg.Binary)
	if err != nil {
		return nil, err
	}
	s.Binary = info.Size()
	if cfg.Database == "postgres" {
		s.Driver = "pgx"
		if s.Database, s.Source, err = Postgres(ctx, filepath.Join(cfg.Dir, "pg"), cfg.FsyncDelay); err != nil {
			return nil, err
		}
	}
	if err := s.begin(ctx); err != nil {
		if s.Database != nil {
			s.Database.Stop()
		}
		return nil, err
	}
	return s, nil
}

// begin writes the configuration, makes the credentials, and starts the server.
func (s *Server) begin(ctx context.Context) error {
	databaseURL := ""
	if s.Database != nil {
		databaseURL = s.Source
	}
	addr, err := writeConfig(s.cfg, databaseURL)
	if err != nil {
		return err
	}
	s.URL = "http://" + addr
	if s.Tenant, s.Token, err = credentials(ctx, s.cfg); err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil { // makes what the second start finds
		return err
	}
	s.Process.Stop()
	return s.Start(ctx)
}

// Start starts the server itself once more, after its Process was stopped, and notes Cold and Idle.
func (s *Server) Start(ctx context.Context) error {
	p, err := start(s.Name, serve(s.cfg), filepath.Join(s.cfg.Dir, "server.log"), syscall.SIGTERM)
	if err != nil {
		return err
	}
	if s.Cold, err = ready(ctx, p, s.URL+"/readyz", 30*time.Second); err != nil {
		p.Stop()
		return err
	}
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
	}
	s.Process, s.Idle = p, p.Resident()
	return nil
}

// serve is the command that runs the server, behind strace when SQLite's fsyncs are to be slow.
func serve(cfg Config) *exec.Cmd {
	args := []string{cfg.Binary, "serve", "--config", configFile(cfg)}
	if cfg.FsyncDelay > 0 && cfg.Database == "sqlite" {
		inject := fmt.Sprintf("inject=fdatasync,fsync:delay_exit=%d", cfg.FsyncDelay.Microseconds())
		args = append([]string{"strace", "-f", "--seccomp-bpf", "-e", "trace=fdatasync,fsync", "-e", inject, "-o", os.DevNull}, args...)
	}
	return exec.Command(args[0], args[1:]...)
}

// KeyFile is where the server's master key is.
func (s *Server) KeyFile() string { return keyFile(s.cfg) }

// Operator makes an operator who may send, and gives the link by which they choose a password.
func (s *Server) Operator(ctx context.Context, email string) (link string, err error) {
	var made struct{ Link string }
	err = command(ctx, s.cfg, &made, "operator", "create", "--tenant", s.Tenant, "--email", email, "--role", "agent", "--json")
	return made.Link, err
}

func keyFile(cfg Config) string { return filepath.Join(cfg.Dir, "master.key") }

func configFile(cfg Config) string { return filepath.Join(cfg.Dir, "countersign.yaml") }

// writeConfig writes a production configuration and says where the server will listen. JSON is YAML.
func writeConfig(cfg Config, databaseURL string) (addr string, err error) {
	addr, err = freeAddr()
	if err != nil {
		return "", err
	}
	metrics, err := freeAddr()
	if err != nil {
		return "", err
	}
	key := keyFile(cfg)
	if _, err := os.Stat(key); err != nil {
		if err := os.WriteFile(key, []byte(random()+"\n"), 0o600); err != nil {
			return "", err
		}
	}
	text, err := json.MarshalIndent(map[string]any{
		"listen":          addr,
		"public_url":      "http://" + addr,
		"data_dir":        filepath.Join(cfg.Dir, "data"),
		"database_url":    databaseURL,
		"master_key_file": key,
		"log":             map[string]any{"level": "info"},
		"metrics":         map[string]any{"listen": metrics},
		"mta":             map[string]any{"address_limit": "1000000 in 1m", "account_limit": "1000000 in 1m"},
		"trusted_proxies": []string{"127.0.0.0/8"}, // customers come from many addresses
		"egress":          map[string]any{"allow": []string{"127.0.0.0/8"}},
		"providers": []any{map[string]any{"name": "bench", "type": "relay", "channels": []string{"sms"},
			"url": cfg.Provider, "secret": "whsec_" + random()}},
		"routes": []any{map[string]any{"match": map[string]any{"channel": "sms"}, "use": []string{"bench"}}},
	}, "", "  ")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(cfg.Dir, "data"), 0o700); err != nil {
		return "", err
	}
	return addr, os.WriteFile(configFile(cfg), text, 0o600)
}

// random is 32 random bytes in base64.
func random() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// credentials migrates the database and makes a key of its first tenant, which it makes where there is none.
func credentials(ctx context.Context, cfg Config) (tenant, key string, err error) {
	if err := command(ctx, cfg, nil, "migrate"); err != nil {
		return "", "", err
	}
	var made struct{ ID, Secret string }
	var there struct{ Data []struct{ ID string } }
	if err := command(ctx, cfg, &there, "tenant", "list", "--json"); err != nil {
		return "", "", err
	}
	if len(there.Data) > 0 {
		tenant = there.Data[0].ID
	} else {
		if err := command(ctx, cfg, &made, "tenant", "create", "bench", "--json"); err != nil {
			return "", "", err
		}
		tenant = made.ID
	}
	err = command(ctx, cfg, &made, "key", "create", "--tenant", tenant, "--json")
	return tenant, made.Secret, err
}

// command runs a command of the program, and reads what it answers in JSON into answer, if that is asked for.
func command(ctx context.Context, cfg Config, answer any, args ...string) error {
	cmd := exec.CommandContext(ctx, cfg.Binary, append(args, "--config", configFile(cfg))...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil && answer != nil {
		err = json.Unmarshal(out, answer)
	}
	if err != nil {
		return fmt.Errorf("countersign %s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return nil
}
