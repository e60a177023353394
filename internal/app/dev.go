package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/countersign/countersign/internal/compat/camara"
	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// credentials is what development mode writes for whoever tries things out. A key appears when its surface exists.
type credentials struct {
	BaseURL  string              `json:"base_url"`
	APIKey   string              `json:"api_key"`
	Tenant   string              `json:"tenant"`
	InboxURL string              `json:"inbox_url"`
	PhoneURL string              `json:"phone_url"`
	Console  string              `json:"console_url"`
	Operator operatorCredentials `json:"operator"`
	CAMARA   camaraCredentials   `json:"camara"`
	IDenfy   idenfyCredentials   `json:"idenfy"`
	MTA      mtaCredentials      `json:"mta"`
	Twilio   twilioAccount       `json:"twilio"`
	Other    otherCredentials    `json:"other"`
}

// camaraCredentials are those of CAMARA's door. The token never ends: it is the API key.
type camaraCredentials struct {
	BaseURL string `json:"base_url"`
	Token   string `json:"token"`
}

// twilioAccount is what Twilio's libraries are made with.
type twilioAccount struct {
	BaseURL    string `json:"base_url"`
	AccountSID string `json:"account_sid"`
	AuthToken  string `json:"auth_token"`
}

// otherCredentials are those of a second tenant, to see that the two are apart.
type otherCredentials struct {
	Tenant string `json:"tenant"`
	APIKey string `json:"api_key"`
}

// The names of the development tenants.
const (
	devTenant   = "dev"
	otherTenant = "other"
)

var devCaller = tenant.Caller{Actor: "system"}

func (s *server) credentialsFile() string {
	return filepath.Join(s.cfg.DataDir, "dev-credentials.json")
}

// prepareDev sees that both development tenants exist with wide limits and working keys, and writes the credentials.
// Keys that the file of an earlier start holds are kept while they work.
func (s *server) prepareDev(ctx context.Context, addr net.Addr) error {
	s.devKeys = map[uid.Tenant]devKey{}
	var was credentials
	if text, err := os.ReadFile(s.credentialsFile()); err == nil {
		_ = json.Unmarshal(text, &was) // a broken file is written anew
	}
	base := baseURL(addr)
	c := credentials{BaseURL: base, InboxURL: base + "/dev/inbox", PhoneURL: base + "/dev/phone", Console: base + "/console"}
	var err error
	if c.Tenant, c.APIKey, err = s.devTenant(ctx, devTenant, was.APIKey); err != nil {
		return err
	}
	if c.Operator, err = s.devOperator(ctx, c.Tenant, was.Operator.Password); err != nil {
		return fmt.Errorf("operator of the development tenant: %w", err)
	}
	c.CAMARA = camaraCredentials{BaseURL: base + strings.TrimSuffix(camara.Base, "/"), Token: c.APIKey}
	if c.Other.Tenant, c.Other.APIKey, err = s.devTenant(ctx, otherTenant, was.Other.APIKey); err != nil {
		return err
	}
	if c.IDenfy, err = s.idenfyAccount(ctx, base, c.APIKey, was.IDenfy.SigningKey); err != nil {
		return fmt.Errorf("webhook of the development tenant: %w", err)
	}
	c.MTA = mtaCredentials{BaseURL: base + "/compat/mta", APIKey: c.APIKey}
	for _, text := range []string{c.Tenant, c.Other.Tenant} {
		t, err := uid.ParseTenant(text)
		if err != nil {
			return err
		}
		if err := s.shorten(ctx, t); err != nil {
			return fmt.Errorf("dev.code_ttl: %w", err)
		}
		if text == c.Tenant {
			c.Twilio = twilioAccount{BaseURL: base + twilio.Mount, AccountSID: twilio.AccountSID(t), AuthToken: twilio.AuthToken(c.APIKey)}
		}
	}
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return writePrivate(s.credentialsFile(), append(text, '\n'))
}

func (s *server) devTenant(ctx context.Context, name, secret string) (id, text string, err error) {
	if p, err := s.directory.Authenticate(ctx, secret); err == nil {
		s.devKeys[p.Tenant] = devKey{p.Key, secret}
		return p.Tenant.Text(), secret, nil
	}
	t, err := s.findTenant(ctx, name)
	if err != nil {
		return "", "", fmt.Errorf("development tenant %s: %w", name, err)
	}
	key, made, err := s.directory.CreateKey(ctx, devCaller, t, tenant.KeyRequest{
		Name: "development", Scopes: []string{tenant.ScopeAll, tenant.ScopeVerifyApprove, tenant.ScopeRecipientShow},
	})
	if err != nil {
		return "", "", fmt.Errorf("key of the development tenant %s: %w", name, err)
	}
	s.devKeys[t] = devKey{key.ID, made.Reveal()}
	return t.Text(), made.Reveal(), nil
}

// devKey is a key that development mode made, for the samples of the console.
type devKey struct {
	id     uid.ID
	secret string
}

// sampleKey is the key of a development tenant; none of any other.
func (s *server) sampleKey(_ context.Context, t uid.Tenant) (uid.ID, string) {
	k := s.devKeys[t]
	return k.id, k.secret
}

// barred denies starts to the given recipients.
func barred(recipients []string, ring *seal.Ring) risk.Engine {
	return func(_ context.Context, sig risk.Signals) (risk.Decision, error) {
		for _, to := range recipients {
			if ring.BlindIndex(uid.Tenant(sig.Tenant), to) == sig.BlindIndex {
				return risk.Decision{Outcome: risk.OutcomeDeny, Reasons: []string{"opted_out"}}, nil
			}
		}
		return risk.Decision{Outcome: risk.OutcomeAllow, Reasons: []string{}}, nil
	}
}

// shorten gives the tenant's default profile the life of codes that the configuration asks for.
func (s *server) shorten(ctx context.Context, t uid.Tenant) error {
	profile, err := s.directory.Service(ctx, t, "")
	if err != nil || s.cfg.Dev.CodeTTL == 0 {
		return err
	}
	_, err = s.directory.UpdateService(ctx, devCaller, t, profile.ID, func(p *tenant.Service) {
		p.TTL, p.EmailTTL = s.cfg.Dev.CodeTTL, s.cfg.Dev.CodeTTL
	})
	return err
}

func (s *server) findTenant(ctx context.Context, name string) (uid.Tenant, error) {
	list, err := s.directory.Tenants(ctx, uid.Tenant{}, 100)
	if err != nil {
		return uid.Tenant{}, err
	}
	for _, t := range list {
		if t.Name == name {
			return t.ID, nil
		}
	}
	t, err := s.directory.CreateTenant(ctx, devCaller, name)
	if err != nil {
		return uid.Tenant{}, err
	}
	_, err = s.directory.UpdateTenant(ctx, devCaller, t.ID, func(t *tenant.Tenant) { t.Limits = tenant.DevLimits() })
	return t.ID, err
}

// writePrivate replaces a file that only its owner may read, whole or not at all.
func writePrivate(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		_ = os.Remove(tmp.Name()) // what is left of it
	}
	return err
}
