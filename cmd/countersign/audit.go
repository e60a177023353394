package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/countersign/countersign/internal/app"
)

type auditCmds struct {
	Verify auditVerify `cmd:"" help:"Recompute the whole log and tell everything that was changed, dropped, added or moved."`
	Export auditExport `cmd:"" help:"Write events as JSON lines, each with the proof that it is in the log."`
}

type auditVerify struct {
	Checkpoints string `placeholder:"FILE" help:"Checkpoint file to compare with, in the place of the configuration's."`
}

// Run verifies the log.
func (c *auditVerify) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		show, clear := sh.progress("verifying")
		report, err := t.VerifyAudit(ctx, c.Checkpoints, show)
		clear()
		if err != nil {
			return err
		}
		if err := sh.say(report, report.String()); err != nil || report.OK() {
			return err
		}
		sh.note("Keep everything as it is, and compare with the checkpoint file and with a backup.")
		return errBad
	})
}

type auditExport struct {
	Tenant tenantID `placeholder:"TEN" help:"Of this tenant alone."`
	Since  moment   `placeholder:"TIME" help:"From this time on: 2026-11-21, or 2026-11-21T12:00:00Z."`
	Until  moment   `placeholder:"TIME" help:"Before this time."`
	Output string   `short:"o" placeholder:"FILE" help:"Write to this new file instead of standard output."`
}

// Run exports events.
func (c *auditExport) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		return sh.into(c.Output, func(w io.Writer) error {
			return t.ExportAudit(ctx, w, c.Tenant.ID, time.Time(c.Since), time.Time(c.Until))
		})
	})
}

// into lets write fill a new file that its owner alone may read, or standard output. A file that was not finished is removed.
func (sh *shell) into(path string, write func(io.Writer) error) error {
	if path == "" {
		return write(sh.stdout)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already: name a new file", path)
	}
	if err != nil {
		return err
	}
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return sh.say(filed{path}, "Wrote "+path+".\n")
}

type subject struct {
	Export subjectExport `cmd:"" help:"Write everything that is kept about a recipient as JSON lines."`
	Erase  subjectErase  `cmd:"" help:"Blank a recipient everywhere, for good. The audit log still verifies."`
}

type subjectExport struct {
	Tenant tenantID `required:"" placeholder:"TEN" help:"The tenant."`
	To     string   `required:"" placeholder:"RECIPIENT" help:"E.164 number or e-mail address."`
	Output string   `short:"o" placeholder:"FILE" help:"Write to this new file instead of standard output."`
}

// Run exports a subject.
func (c *subjectExport) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		return sh.into(c.Output, func(w io.Writer) error { return t.ExportSubject(ctx, c.Tenant.ID, c.To, w) })
	})
}

type subjectErase struct {
	Tenant tenantID `required:"" placeholder:"TEN" help:"The tenant."`
	To     string   `required:"" placeholder:"RECIPIENT" help:"E.164 number or e-mail address."`
}

// Run erases a subject.
func (c *subjectErase) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		verifications, events, err := t.EraseSubject(ctx, c.Tenant.ID, c.To, actor)
		if err != nil {
			return err
		}
		return sh.say(struct {
			Verifications int `json:"verifications"`
			Events        int `json:"events"`
		}{verifications, events}, fmt.Sprintf("Blanked the recipient in %d verifications and %d events.\n", verifications, events))
	})
}
