package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// newOperators builds the service of the people who sign in to the console, for a server or a command.
func newOperators(cfg Config, st *storage, d *tenant.Directory, n operator.Notifier, log *slog.Logger) (*operator.Service, error) {
	return operator.New(operator.Config{Rules: rules(cfg), PublicURL: linkBase(cfg), Development: cfg.DevMode}, operator.Deps{
		Store: st.db, Ring: st.ring, Tenants: d, Notifier: n, Log: log,
	})
}

// unsent is for commands: what they leave to be sent, a server sends.
type unsent struct{}

// Notify implements operator.Notifier.
func (unsent) Notify(context.Context, delivery.Notice) (delivery.Result, error) {
	return delivery.Result{}, errors.New("a command sends nothing")
}

// sweepOperators is how often sessions and links of operators are removed whose time is over. Nothing waits for it.
const sweepOperators = 5 * time.Minute

// keepOperators offers the set-up of an installation without operators, and removes what is over, until ctx ends.
func (s *server) keepOperators(ctx context.Context) error {
	if !s.cfg.DevMode { // whose operator is made with its credentials
		if err := s.offerSetup(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the set-up of the console could not be offered; the next start does it", "error", err)
		}
	}
	tick := time.NewTicker(sweepOperators)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := s.operators.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("the sweep of operators' sessions failed and will be tried again", "error", err)
		}
	}
}

// offerSetup prints the link by which the first owner is made. It is a secret, so it is no line of the log (SEC-96).
func (s *server) offerSetup(ctx context.Context) error {
	link, err := s.operators.OfferSetup(ctx)
	if err == nil && link != "" {
		_, err = fmt.Fprintf(s.terminal, "Set up the console within 10 minutes: %s\n", link)
	}
	return err
}

// operatorCredentials are those of development mode's operator.
type operatorCredentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// devOperator sees that the development tenant has its operator, with the password of an earlier start where there is one.
func (s *server) devOperator(ctx context.Context, tenant, password string) (c operatorCredentials, err error) {
	t, err := uid.ParseTenant(tenant)
	if err != nil {
		return c, err
	}
	if password == "" {
		password = operator.RandomPassword()
	}
	c.Password = password
	c.Email, err = s.operators.Develop(ctx, t, password)
	return c, err
}
