package main

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"

	"github.com/countersign/countersign/internal/app"
)

// devData is where development mode keeps its data when nothing else is said: never where a configuration has its own.
const devData = ".dev"

type serve struct {
	Dev    bool   `help:"Development mode: this machine only, messages go to a page instead of to people, data in .dev."`
	Listen string `placeholder:"ADDRESS" help:"Address and port to serve on, above that of the configuration."`
}

// Run serves until a signal comes, and then finishes what was accepted.
func (c *serve) Run(ctx context.Context, sh *shell) error {
	o := app.Options{Dev: c.Dev, Listen: c.Listen}
	if c.Dev && sh.flags.Data == "" {
		o.DataDir = devData
	}
	cfg, err := sh.load(o)
	if err != nil {
		return err
	}
	if c.Dev {
		sh.note("Development mode.\n  Console  %[1]s/console   sign in with the operator's e-mail address and password from %[2]s\n  Phone    %[1]s/dev/phone   messages arrive here; nothing leaves this machine\n  API      %[1]s/v1   the key is api_key in %[2]s",
			cfg.BaseURL(), filepath.Join(cfg.DataDir, credentialsFile))
	}
	return app.Serve(ctx, cfg, newLog(sh.stderr, cfg.Log.Level, cfg.Log.Format))
}

// newLog is the log of a server. The level was checked with the configuration.
func newLog(w io.Writer, level, format string) *slog.Logger {
	var least slog.Level
	_ = least.UnmarshalText([]byte(level))
	o := &slog.HandlerOptions{Level: least}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}
