package main

import (
	"context"
	"fmt"
	"runtime"

	"github.com/countersign/countersign/internal/app"
)

type migrate struct{}

// Run brings the schema up to date.
func (migrate) Run(ctx context.Context, sh *shell) error {
	cfg, err := sh.config()
	if err != nil {
		return err
	}
	m, err := app.Migrate(ctx, cfg)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("The schema is at version %d already.\n", m.To)
	if m.From != m.To {
		text = fmt.Sprintf("The schema went from version %d to %d.\n", m.From, m.To)
	}
	return sh.say(struct {
		From int64 `json:"from"`
		To   int64 `json:"to"`
	}{m.From, m.To}, text)
}

type backup struct {
	Create  backupCreate  `cmd:"" default:"withargs" help:"Write a consistent copy of the database into a new file, with the server running or not."`
	Restore backupRestore `cmd:"" help:"Put a backup into a data directory that holds no database."`
}

type backupCreate struct {
	File string `arg:"" help:"New file to write."`
}

// Run writes a backup.
func (c *backupCreate) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		if err := t.Backup(ctx, c.File); err != nil {
			return err
		}
		sh.note("It is of no use without the master key: keep a copy of that in another place.")
		return sh.say(filed{c.File}, "Wrote "+c.File+".\n")
	})
}

type backupRestore struct {
	File string `arg:"" help:"Backup to restore."`
}

// filed says which file it was about.
type filed struct {
	File string `json:"file"`
}

// Run restores a backup.
func (c *backupRestore) Run(ctx context.Context, sh *shell) error {
	cfg, err := sh.config()
	if err != nil {
		return err
	}
	if err := app.Restore(ctx, cfg, c.File); err != nil {
		return err
	}
	sh.note("See what is missing since the backup was made: countersign audit verify")
	return sh.say(filed{c.File}, "Restored "+c.File+" into "+cfg.DataDir+".\n")
}

type masterKey struct {
	Rotate rotate `cmd:"" help:"Add a new version to the master key file. Older ones stay readable."`
}

type rotate struct{}

// Run adds a version to the master key.
func (rotate) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		kid, err := t.RotateMasterKey()
		if err != nil {
			return err
		}
		sh.note("Copy the key file to every server and to where its copy is kept, then restart the servers one after the other.")
		return sh.say(struct {
			Version int64 `json:"version"`
		}{int64(kid)}, fmt.Sprintf("The master key is at version %d.\n", kid))
	})
}

type version struct{}

// Run prints the version.
func (version) Run(sh *shell) error {
	return sh.say(struct {
		Version string `json:"version"`
		Go      string `json:"go"`
		OS      string `json:"os"`
		Arch    string `json:"arch"`
	}{app.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH},
		fmt.Sprintf("countersign %s (%s, %s/%s)\n", app.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH))
}
