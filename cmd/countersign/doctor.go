package main

import (
	"context"

	"github.com/countersign/countersign/internal/app"
)

type doctor struct{}

// Run tells what is well and what is not; errBad when something does not work or is not safe.
func (doctor) Run(ctx context.Context, sh *shell) error {
	found := sh.examine(ctx)
	if err := sh.say(map[string]any{"findings": found}, findingsText(found)); err != nil {
		return err
	}
	for _, f := range found {
		if f.Level == app.Fail {
			return errBad
		}
	}
	return nil
}

func (sh *shell) examine(ctx context.Context) []app.Finding {
	cfg, err := sh.config()
	if err != nil {
		return app.DiagnoseFaults(err)
	}
	probe, closeIt := app.NewProbe(ctx, cfg)
	defer func() { _ = closeIt() }() // everything was read
	return app.Diagnose(ctx, cfg, probe)
}

func findingsText(found []app.Finding) string {
	var lines []string
	for _, f := range found {
		lines = append(lines, string(f.Level)+"\t"+f.What)
		if f.Remedy != "" {
			lines = append(lines, "\t"+f.Remedy)
		}
	}
	return table(lines)
}
