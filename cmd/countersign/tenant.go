package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// actor is who did it, in the audit log.
const actor = "command"

var byCommand = tenant.Caller{Actor: actor}

type tenantCmds struct {
	Create  tenantCreate  `cmd:"" help:"Make a tenant."`
	List    tenantList    `cmd:"" help:"List tenants, oldest first."`
	Set     tenantSet     `cmd:"" help:"Change a tenant."`
	Suspend tenantSuspend `cmd:"" help:"Refuse the keys of a tenant and send nothing for it, on every server within a second."`
	Resume  tenantResume  `cmd:"" help:"Undo suspend."`
}

// tenantLine is a tenant as it is printed.
type tenantLine struct {
	ID               string    `json:"id"`
	Name             string    `json:"name"`
	AllowTestNumbers bool      `json:"allow_test_numbers"`
	TestNumbers      int       `json:"test_numbers"` // how many
	Sandbox          bool      `json:"sandbox"`
	SuspendedAt      time.Time `json:"suspended_at,omitzero"`
	CreatedAt        time.Time `json:"created_at"`
}

func lineOf(t tenant.Tenant) tenantLine {
	return tenantLine{
		ID: t.ID.Text(), Name: t.Name, Sandbox: t.Sandbox, SuspendedAt: t.SuspendedAt,
		AllowTestNumbers: t.TestNumbers.Enabled, TestNumbers: len(t.TestNumbers.Codes), CreatedAt: t.CreatedAt,
	}
}

type tenantCreate struct {
	Name    string `arg:"" help:"Name of the firm or application."`
	Sandbox bool   `help:"Send nothing for it, ever: its messages can be read with its own keys, which begin with test_. Can't be changed later."`
}

// Run makes a tenant.
func (c *tenantCreate) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		create := t.Directory.CreateTenant
		if c.Sandbox {
			create = t.Directory.CreateSandbox
		}
		made, err := create(ctx, byCommand, c.Name)
		if err != nil {
			return err
		}
		sh.note("Make a key for it: countersign key create --tenant %s", made.ID.Text())
		return sh.say(lineOf(made), made.ID.Text()+"\n")
	})
}

type tenantList struct{}

// Run lists tenants.
func (tenantList) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		all := []tenantLine{}
		lines := []string{"ID\tNAME\tKIND\tCREATED\tTEST NUMBERS"}
		for after := (uid.Tenant{}); ; {
			page, err := t.Directory.Tenants(ctx, after, 200)
			if err != nil {
				return err
			}
			for _, one := range page {
				l := lineOf(one)
				all = append(all, l)
				lines = append(lines, fmt.Sprintf("%s\t%s\t%s\t%s\t%s", l.ID, l.Name, kindText(l), stamp(l.CreatedAt), testNumbersText(l)))
				after = one.ID
			}
			if len(page) == 0 {
				return sh.say(map[string]any{"data": all}, table(lines))
			}
		}
	})
}

func kindText(l tenantLine) string {
	kind := "live"
	if l.Sandbox {
		kind = "sandbox"
	}
	if !l.SuspendedAt.IsZero() {
		kind += ", suspended"
	}
	return kind
}

func testNumbersText(l tenantLine) string {
	if !l.AllowTestNumbers {
		return "off"
	}
	return fmt.Sprintf("%d", l.TestNumbers)
}

type tenantSuspend struct {
	Tenant tenantID `arg:"" placeholder:"TEN" help:"The tenant."`
}

// Run suspends a tenant.
func (c *tenantSuspend) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		changed, err := t.Directory.Suspend(ctx, byCommand, c.Tenant.ID)
		if err != nil {
			return err
		}
		return sh.say(lineOf(changed), fmt.Sprintf("Suspended %s.\n", changed.ID.Text()))
	})
}

type tenantResume struct {
	Tenant tenantID `arg:"" placeholder:"TEN" help:"The tenant."`
}

// Run resumes a tenant.
func (c *tenantResume) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		changed, err := t.Directory.Resume(ctx, byCommand, c.Tenant.ID)
		if err != nil {
			return err
		}
		return sh.say(lineOf(changed), fmt.Sprintf("Resumed %s.\n", changed.ID.Text()))
	})
}

type tenantSet struct {
	Tenant           tenantID          `arg:"" placeholder:"TEN" help:"The tenant."`
	Name             string            `help:"New name."`
	TestNumber       map[string]string `placeholder:"RECIPIENT=CODE" mapsep:"none" help:"Recipient that nothing is sent to and whose code is always this one; may be given ten times."`
	DropTestNumber   []string          `placeholder:"RECIPIENT" sep:"none" help:"Test number to remove."`
	AllowTestNumbers *bool             `negatable:"" help:"Whether the test numbers work. Anyone who knows one passes as its holder."`
}

// Run changes a tenant.
func (c *tenantSet) Run(ctx context.Context, sh *shell) error {
	if c.Name == "" && len(c.TestNumber) == 0 && len(c.DropTestNumber) == 0 && c.AllowTestNumbers == nil {
		return errors.New("nothing to change: give --name, --test-number, --drop-test-number or --[no-]allow-test-numbers")
	}
	return sh.tools(ctx, func(t *app.Tools) error {
		changed, err := t.Directory.UpdateTenant(ctx, byCommand, c.Tenant.ID, c.apply)
		if err != nil {
			return err
		}
		if n := len(changed.TestNumbers.Codes); n > 0 && !changed.TestNumbers.Enabled {
			sh.note("Test numbers are off: turn them on with --allow-test-numbers.")
		}
		l := lineOf(changed)
		return sh.say(l, fmt.Sprintf("%s  %s  test numbers: %s\n", l.ID, l.Name, testNumbersText(l)))
	})
}

// apply may be called more than once.
func (c *tenantSet) apply(t *tenant.Tenant) {
	if c.Name != "" {
		t.Name = c.Name
	}
	if t.TestNumbers.Codes == nil {
		t.TestNumbers.Codes = make(map[string]string)
	}
	maps.Copy(t.TestNumbers.Codes, c.TestNumber)
	for _, to := range c.DropTestNumber {
		delete(t.TestNumbers.Codes, to)
	}
	if c.AllowTestNumbers != nil {
		t.TestNumbers.Enabled = *c.AllowTestNumbers
	}
}
