package invite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// Checks reads what a tenant requires; the defaults, version 0, when it has decided nothing (RA-18).
func (s *Service) Checks(ctx context.Context, t uid.Tenant) (policy.Checks, error) {
	c := policy.DefaultChecks()
	row, err := s.setting(ctx, t, SettingChecks, &c)
	c.UpdatedAt, c.UpdatedBy, c.Version = row.UpdatedAt, row.UpdatedBy, row.Version
	return c, err
}

// SetChecks changes it. version is the one that the caller has seen; Conflict with settings_stale when it is not that of now.
// The event has the old and the new value, and says when a gate may be absent now that could not be before (RA-17).
func (s *Service) SetChecks(ctx context.Context, by Caller, c policy.Checks, version int64) (policy.Checks, error) {
	if err := c.Validate(); err != nil {
		return policy.Checks{}, err
	}
	old, err := s.Checks(ctx, by.Tenant)
	if err != nil {
		return policy.Checks{}, err
	}
	row, err := s.put(ctx, by, setting{kind: SettingChecks, old: old, new: c, all: c, loosened: c.Loosened(&old)}, old.Version == version, version)
	c.UpdatedAt, c.UpdatedBy, c.Version = row.UpdatedAt, row.UpdatedBy, row.Version
	return c, err
}

// Customisation reads what a tenant's customers see.
func (s *Service) Customisation(ctx context.Context, t uid.Tenant) (policy.Customisation, error) {
	c := policy.DefaultCustomisation()
	row, err := s.setting(ctx, t, SettingCustomisation, &c)
	c.UpdatedAt, c.UpdatedBy, c.Version = row.UpdatedAt, row.UpdatedBy, row.Version
	return c, err
}

// SetCustomisation changes it, as SetChecks does. Texts of consent are kept by their version: other ones under a version that has some are
// Conflict with consent_version_kept. A logo that stays as it was is taken, whatever the rules of today say. An empty version has the next one made for texts that differ from those of now.
func (s *Service) SetCustomisation(ctx context.Context, by Caller, c policy.Customisation, version int64) (policy.Customisation, error) {
	old, err := s.Customisation(ctx, by.Tenant)
	if err != nil {
		return policy.Customisation{}, err
	}
	if c.Consent.Version == "" {
		if c.Consent.Version, err = s.nextConsent(ctx, by.Tenant, &c.Consent, &old.Consent); err != nil {
			return policy.Customisation{}, err
		}
	}
	if err := c.ValidateChange(&old); err != nil {
		return policy.Customisation{}, err
	}
	texts, err := s.keepConsents(ctx, by.Tenant, &c.Consent, &old.Consent)
	if err != nil {
		return policy.Customisation{}, err
	}
	// Texts, a logo and whom to turn to may name people: the event says that they were changed, and holds what decides about gates.
	told := func(c policy.Customisation) any {
		return map[string]any{"verify_phone": c.VerifyPhone, "verify_email": c.VerifyEmail, "consent_version": c.Consent.Version}
	}
	row, err := s.put(ctx, by, setting{SettingCustomisation, told(old), told(c), c, c.Loosened(&old), texts}, old.Version == version, version)
	c.UpdatedAt, c.UpdatedBy, c.Version = row.UpdatedAt, row.UpdatedBy, row.Version
	return c, err
}

// setting reads a document into what holds the defaults.
func (s *Service) setting(ctx context.Context, t uid.Tenant, kind SettingKind, into any) (Setting, error) {
	row, err := s.store.Setting(ctx, t, kind)
	if err != nil || row.Version == 0 {
		return row, err
	}
	if err := json.Unmarshal(row.Text, into); err != nil {
		return row, fmt.Errorf("decode the settings %s of %s: %w", kind, t, err)
	}
	return row, nil
}

// setting is a document on its way to the store, with what its event tells.
type setting struct {
	kind          SettingKind
	old, new, all any // what it was and is for the event, and the whole
	loosened      []policy.Loosening
	consents      []ConsentText
}

func (s *Service) put(ctx context.Context, by Caller, d setting, fresh bool, version int64) (Setting, error) {
	if !fresh {
		return Setting{}, errStale(nil)
	}
	text, err := json.Marshal(d.all)
	if err != nil {
		return Setting{}, err
	}
	was, err := json.Marshal(d.old)
	if err != nil {
		return Setting{}, err
	}
	is, err := json.Marshal(d.new)
	if err != nil {
		return Setting{}, err
	}
	now := s.moment()
	row := Setting{Text: text, UpdatedAt: now, UpdatedBy: by.Actor, Version: version + 1, Consents: d.consents}
	e := newEvent(by.Tenant, uid.Random(now), EventSettingsChanged, by.by(), now, data{Setting: d.kind, Old: was, New: is, Loosened: d.loosened != nil, ClientHash: s.whence(&by.Client)})
	fx := outbox.Effects{Events: []audit.Event{e}}
	if d.loosened != nil && s.loosened != nil {
		fx.Jobs = s.loosened(by.Tenant, by.Actor, d.loosened, now)
	}
	err = s.store.PutSetting(ctx, by.Tenant, d.kind, row, fx)
	if errors.Is(err, ErrStale) {
		return Setting{}, errStale(err)
	}
	return row, err
}

func errStale(err error) error {
	return fault.Wrap(fault.Conflict, "settings_stale", "The settings were changed meanwhile. Read them again, and send If-Match with their version.", err)
}
