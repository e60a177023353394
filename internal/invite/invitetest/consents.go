package invitetest

import (
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

var consentCases = []struct {
	name string
	run  func(*bench)
}{
	{"a_text_of_consent_is_kept_by_its_version_for_good", (*bench).consents},
	{"a_stale_setting_keeps_no_text_of_consent", (*bench).staleConsents},
}

// customise keeps a customisation with texts of consent.
func (b *bench) customise(t uid.Tenant, version int64, texts ...invite.ConsentText) error {
	return b.Store.PutSetting(b.Context(), t, invite.SettingCustomisation,
		invite.Setting{Text: []byte(`{}`), UpdatedAt: Noon, Version: version, Consents: texts}, outbox.Effects{})
}

// consent is the text of a version, "" for none.
func (b *bench) consent(t uid.Tenant, version string) string {
	b.Helper()
	text, err := b.Store.ConsentText(b.Context(), t, version)
	b.ok(err)
	return string(text)
}

func (b *bench) consents() {
	t, stranger := uid.NewTenant(Noon), uid.NewTenant(Noon)
	b.same(b.consent(t, "1"), "", "before any")
	b.ok(b.customise(t, 1, invite.ConsentText{Version: "1", Text: []byte(`{"a":"ü"}`)}))
	b.ok(b.customise(t, 2, invite.ConsentText{Version: "1", Text: []byte(`{"a":"other"}`)}, invite.ConsentText{Version: "2", Text: []byte(`{}`)}))
	b.ok(b.customise(t, 3))
	b.same(b.consent(t, "1"), `{"a":"ü"}`, "the first text of a version")
	b.same(b.consent(t, "2"), `{}`, "the next version")
	b.same(b.consent(t, "3"), "", "a version that there is none of")
	b.same(b.consent(stranger, "1"), "", "another tenant's")
	b.ok(b.customise(stranger, 1, invite.ConsentText{Version: "1", Text: []byte(`{"b":""}`)}))
	b.same(b.consent(stranger, "1"), `{"b":""}`, "its own under the same name")
	b.same(b.consent(t, "1"), `{"a":"ü"}`, "beside it")
}

func (b *bench) staleConsents() {
	t := uid.NewTenant(Noon)
	b.is(b.customise(t, 2, invite.ConsentText{Version: "1", Text: []byte(`{}`)}), invite.ErrStale, "of a version that was not seen")
	b.same(b.consent(t, "1"), "", "a text of a change that did not happen")
}
