package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

type operatorCmds struct {
	Create  operatorCreate  `cmd:"" help:"Make a link by which somebody becomes an operator of a tenant."`
	List    operatorList    `cmd:"" help:"List the people who sign in to the console."`
	Reset   operatorReset   `cmd:"" help:"Take away what an operator signs in with, end all sessions, and make a link to choose it anew."`
	Disable operatorDisable `cmd:"" help:"Keep an operator out, and end all sessions."`
}

// operatorLine is an operator as it is printed.
type operatorLine struct {
	ID         string    `json:"id"`
	Tenant     string    `json:"tenant"`
	Email      string    `json:"email"`
	Name       string    `json:"name"`
	Role       string    `json:"role"`
	State      string    `json:"state"`
	TOTP       bool      `json:"totp"`
	CreatedAt  time.Time `json:"created_at"`
	LastSignIn time.Time `json:"last_sign_in_at,omitzero"`
	Link       string    `json:"link,omitempty"` // of a reset, as what follows
	Until      time.Time `json:"link_expires_at,omitzero"`
}

func operatorLineOf(p operator.Person) operatorLine {
	return operatorLine{ID: p.ID.Text(uid.Operator), Tenant: p.Tenant.Text(), Email: p.Email, Name: p.Name, Role: string(p.Role),
		State: string(p.State), TOTP: p.TOTP, CreatedAt: p.CreatedAt, LastSignIn: p.LastSignInAt}
}

type operatorCreate struct {
	Tenant tenantID `required:"" placeholder:"TEN" help:"The tenant."`
	Email  string   `required:"" help:"E-mail address of the person."`
	Role   string   `required:"" enum:"owner,admin,agent,viewer" help:"owner, admin, agent or viewer."`
	Locale string   `help:"Language of messages: de, pt-BR. English otherwise."`
}

// Run makes a link.
func (c *operatorCreate) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		r := operator.InviteRequest{Email: c.Email, Role: operator.Role(c.Role), Locale: c.Locale}
		link, p, err := t.Operators.Create(ctx, c.Tenant.ID, r)
		if err != nil {
			return err
		}
		sh.note("Hand this link to the person alone. It works until %s, once.", stamp(p.ExpiresAt))
		return sh.say(struct {
			Tenant string    `json:"tenant"`
			Email  string    `json:"email"`
			Role   string    `json:"role"`
			Link   string    `json:"link"`
			Until  time.Time `json:"link_expires_at"`
		}{c.Tenant.ID.Text(), p.Email, string(p.Role), link, p.ExpiresAt}, link+"\n")
	})
}

type operatorList struct {
	Tenant tenantID `placeholder:"TEN" help:"Of one tenant. Of all otherwise."`
}

// Run lists operators.
func (c *operatorList) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		people, err := c.people(ctx, t)
		if err != nil {
			return err
		}
		all := []operatorLine{}
		lines := []string{"ID\tTENANT\tEMAIL\tNAME\tROLE\tSTATE\tAUTHENTICATOR\tLAST SIGN-IN"}
		for _, p := range people {
			l := operatorLineOf(p)
			all = append(all, l)
			app := "no"
			if l.TOTP {
				app = "yes"
			}
			lines = append(lines, strings.Join([]string{l.ID, l.Tenant, l.Email, l.Name, l.Role, l.State, app, stamp(l.LastSignIn)}, "\t"))
		}
		return sh.say(map[string]any{"data": all}, table(lines))
	})
}

// people are those who are asked for.
func (c *operatorList) people(ctx context.Context, t *app.Tools) (all []operator.Person, err error) {
	if !c.Tenant.ID.IsZero() {
		if _, err := t.Directory.Tenant(ctx, c.Tenant.ID); err != nil {
			return nil, err
		}
		return t.Operators.People(ctx, c.Tenant.ID)
	}
	for after := (uid.Tenant{}); ; {
		page, err := t.Directory.Tenants(ctx, after, 200)
		if err != nil || len(page) == 0 {
			return all, err
		}
		for _, one := range page {
			people, err := t.Operators.People(ctx, one.ID)
			if err != nil {
				return nil, err
			}
			all, after = append(all, people...), one.ID
		}
	}
}

type operatorReset struct {
	Operator operatorID `arg:"" placeholder:"OPR" help:"The operator's id."`
}

// Run resets an operator.
func (c *operatorReset) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		link, until, p, err := t.Operators.ResetByID(ctx, c.Operator.ID)
		if err != nil {
			return err
		}
		sh.note("Hand this link to %s alone. It works until %s, once. Nobody can sign in as that person before.", p.Email, stamp(until))
		l := operatorLineOf(p)
		l.Link, l.Until = link, until
		return sh.say(l, link+"\n")
	})
}

type operatorDisable struct {
	Operator operatorID `arg:"" placeholder:"OPR" help:"The operator's id."`
}

// Run disables an operator.
func (c *operatorDisable) Run(ctx context.Context, sh *shell) error {
	return sh.tools(ctx, func(t *app.Tools) error {
		p, err := t.Operators.DisableByID(ctx, c.Operator.ID)
		if err != nil {
			return err
		}
		return sh.say(operatorLineOf(p), fmt.Sprintf("Disabled %s.\n", p.ID.Text(uid.Operator)))
	})
}
