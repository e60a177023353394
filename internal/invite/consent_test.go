package invite_test

import (
	"encoding/json"
	"testing"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
)

// consents sets the firm's texts of consent.
func (d *desk) consents(version string, texts map[string]string) error {
	d.Helper()
	c, err := d.Customisation(d.ctx(), d.by.Tenant)
	if err != nil {
		d.Fatal(err)
	}
	c.Consent = policy.Consent{Version: version, Texts: texts}
	_, err = d.SetCustomisation(d.ctx(), d.by, c, c.Version)
	return err
}

// agreed is an answer to a text.
func agreed(version, locale, text string) invite.Answer {
	return invite.Answer{Accept: true, Version: version, Locale: locale, SHA256: policy.TextHash(text)}
}

func TestRA_46_the_text_of_the_invitations_own_version_is_shown_and_recorded_whatever_is_published_since(t *testing.T) {
	t.Parallel()
	d := setup(t)
	second := map[string]string{"en": "The second text.", "de": "Der zweite Text."}
	for _, err := range []error{d.consents("2", second), func() error { d.create(); return nil }(), d.consents("3", map[string]string{"en": "The third text."})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	v, _ := d.open(d.token())
	d.prove(v)
	page := d.hub(v, invite.StepConsent)
	if page.Consent.Version != "2" || page.Consent.Texts["en"] != "The second text." {
		t.Fatalf("shown: %+v", page.Consent)
	}
	for _, wrong := range []invite.Answer{agreed("3", "en", "The third text."), agreed("2", "en", "The third text."), agreed("2", "fr", "The second text."),
		agreed(policy.OwnConsent, "en", "ours")} {
		_, err := d.Consent(t.Context(), v, wrong)
		d.fault(err, fault.Conflict, "consent_changed")
	}
	if _, err := d.Consent(t.Context(), v, agreed("2", "de", "Der zweite Text.")); err != nil {
		t.Fatal(err)
	}
	got, err := d.Get(t.Context(), d.target(v))
	if err != nil || got.ConsentVersion != "2" || got.ConsentLocale != "de" || got.ConsentSHA256 != policy.TextHash("Der zweite Text.") {
		t.Errorf("record: %s %s %s %v", got.ConsentVersion, got.ConsentLocale, got.ConsentSHA256, err)
	}
	e := d.data(v.ID, "consented")
	if e["consent_version"] != "2" || e["locale"] != "de" || e["consent_sha256"] != got.ConsentSHA256 {
		t.Errorf("event: %v", e)
	}
}

func TestRA_46_texts_are_kept_by_their_version_and_never_edited(t *testing.T) {
	t.Parallel()
	d := setup(t)
	first := map[string]string{"en": "The first text."}
	if err := d.consents("1", first); err != nil {
		t.Fatal(err)
	}
	v := d.invited()
	d.prove(v)
	for name, texts := range map[string]map[string]string{
		"another text": {"en": "Sell all my data."}, "a language more": {"en": "The first text.", "de": "Mehr."}, "none": nil,
	} {
		d.fault(d.consents("1", texts), fault.Conflict, "consent_version_kept")
		d.is(d.hub(v, invite.StepConsent).Consent.Texts["en"], "The first text.", "shown after a change to "+name)
	}
	for _, err := range []error{d.consents("1", first), d.consents("2", map[string]string{"en": "The second text."}), d.consents("1", first)} {
		if err != nil { // the same again is no change, and what was there may come back
			t.Error(err)
		}
	}
	d.fault(d.consents("2", map[string]string{"en": "Sell all my data."}), fault.Conflict, "consent_version_kept")
	d.fault(d.consents("countersign-1", first), fault.Invalid, "consent_version_invalid")
}

func TestRA_46_texts_that_come_without_a_version_get_the_next_free_one(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for i, step := range []struct{ version, text, want string }{
		{"", "", "1"}, {"", "a", "1"}, {"", "a", "1"}, {"", "b", "2"}, {"3", "c", "3"}, {"2", "b", "2"}, {"", "d", "4"}, {"2026-11", "e", "2026-11"}, {"", "f", "2026-12"},
		{"v", "g", "v"}, {"", "h", "v-2"}, {"", "", "v-3"},
	} {
		texts := map[string]string{}
		if step.text != "" {
			texts["en"] = step.text
		}
		if err := d.consents(step.version, texts); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		c, err := d.Customisation(t.Context(), d.by.Tenant)
		if err != nil || c.Consent.Version != step.want || c.Consent.Texts["en"] != step.text {
			t.Errorf("%d: %+v %v, want %s", i, c.Consent, err, step.want)
		}
	}
}

func TestRA_46_without_a_text_of_the_firm_the_products_own_has_its_own_name(t *testing.T) {
	t.Parallel()
	d := setup(t)
	if err := d.consents("7", nil); err != nil {
		t.Fatal(err)
	}
	v := d.invited()
	d.prove(v)
	if err := d.consents("8", map[string]string{"en": "The firm's."}); err != nil { // published since
		t.Fatal(err)
	}
	page := d.hub(v, invite.StepConsent)
	if page.Consent.Version != policy.OwnConsent || page.Consent.Texts != nil {
		t.Errorf("shown: %+v", page.Consent)
	}
	_, err := d.Consent(t.Context(), v, agreed("7", "en", "ours"))
	d.fault(err, fault.Conflict, "consent_changed")
	if _, err := d.Consent(t.Context(), v, agreed(policy.OwnConsent, "en", "ours")); err != nil {
		t.Fatal(err)
	}
	d.is(d.data(v.ID, "consented")["consent_version"], policy.OwnConsent, "event")
}

func TestRA_46_texts_from_before_they_were_kept_are_kept_with_the_next_change(t *testing.T) {
	t.Parallel()
	d := setup(t)
	c := policy.DefaultCustomisation()
	c.Consent.Texts = map[string]string{"en": "Old."}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.db.PutSetting(t.Context(), d.by.Tenant, invite.SettingCustomisation,
		invite.Setting{Text: text, UpdatedAt: d.world.time(), UpdatedBy: "key:1", Version: 1}, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	v := d.invited()
	d.prove(v)
	d.is(d.hub(v, invite.StepConsent).Consent.Texts["en"], "Old.", "before the change")
	d.fault(d.consents("1", map[string]string{"en": "New."}), fault.Conflict, "consent_version_kept")
	if err := d.consents("2", map[string]string{"en": "New."}); err != nil {
		t.Fatal(err)
	}
	d.is(d.hub(v, invite.StepConsent).Consent.Texts["en"], "Old.", "after it")
}
