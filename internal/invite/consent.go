package invite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// keptConsent reads the texts of a version as they are kept; false when there are none.
func (s *Service) keptConsent(ctx context.Context, t uid.Tenant, version string) (c policy.Consent, found bool, err error) {
	text, err := s.store.ConsentText(ctx, t, version)
	if err != nil || text == nil {
		return c, false, err
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, false, fmt.Errorf("decode the consent %s of %s: %w", version, t, err)
	}
	return c, true, nil
}

// keepConsents are the texts that are to be kept with a change: those of before, which an earlier version of this server did not keep, and the
// new ones. Other texts under a version that has some are a Conflict.
func (s *Service) keepConsents(ctx context.Context, t uid.Tenant, c, old *policy.Consent) (list []ConsentText, err error) {
	kept, found, err := s.keptConsent(ctx, t, c.Version)
	if err != nil {
		return nil, err
	}
	if !found && old.Version == c.Version && len(old.Texts) > 0 {
		kept, found = *old, true
	}
	if found && !kept.SameText(c) {
		return nil, fault.New(fault.Conflict, "consent_version_kept",
			"This version has texts, and customers may have agreed to them. Give your texts a version that was not used yet.").On("consent.version")
	}
	for _, one := range []*policy.Consent{old, c} {
		if len(one.Texts) == 0 {
			continue
		}
		text, err := json.Marshal(one)
		if err != nil {
			return nil, err
		}
		list = append(list, ConsentText{one.Version, text})
	}
	return list, nil
}

// nextConsent is the version of texts that came without one: that of now when they are the same, else the next that is free.
func (s *Service) nextConsent(ctx context.Context, t uid.Tenant, c, old *policy.Consent) (version string, err error) {
	version = old.Version
	if c.SameText(old) {
		return version, nil
	}
	for taken := len(old.Texts) > 0; ; taken = false {
		if !taken {
			if _, taken, err = s.keptConsent(ctx, t, version); err != nil || !taken {
				return version, err
			}
		}
		version = policy.NextVersion(version)
	}
}

// consentOf is the text that was promised to the customer of v: of the version that held when it was made (RA-16, RA-46). The product's own
// when the firm had none, and when the texts of that version are not known any more, as with invitations of an earlier version of this server.
func (s *Service) consentOf(ctx context.Context, v *Invitation, look *policy.Customisation) (policy.Consent, error) {
	c, found, err := s.keptConsent(ctx, v.Tenant, v.ConsentVersion)
	switch {
	case err != nil || found:
		return c, err
	case look.Consent.InForce() == v.ConsentVersion:
		return look.Consent, nil
	}
	return policy.Consent{}, nil
}

// read checks that an answer is to a text of c: hash is that of the text which was shown.
func (a *Answer) read(c *policy.Consent) error {
	if a.Version != c.InForce() || c.InForce() != policy.OwnConsent && a.SHA256 != policy.TextHash(c.Texts[a.Locale]) {
		return fault.New(fault.Conflict, "consent_changed", "The text has changed. Read it again.")
	}
	return nil
}
