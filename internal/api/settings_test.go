package api_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"image"
	"image/jpeg"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// The fake's settings are the defaults, with the fake's mode, at version 3.

func (i invites) Checks(_ context.Context, t uid.Tenant) (policy.Checks, error) {
	c := policy.DefaultChecks()
	c.Mobile2FA, c.UpdatedAt, c.UpdatedBy, c.Version = i.s.mode, began, "operator:o", 3
	c.RedirectURLs = []string{"https://a.example/done"}
	return c, i.s.note(t, "checks")
}

func (i invites) SetChecks(_ context.Context, by invite.Caller, c policy.Checks, version int64) (policy.Checks, error) {
	if err := c.Validate(); err != nil {
		return c, err
	}
	return c, i.put(by, &c.Version, version, c)
}

func (i invites) Customisation(_ context.Context, t uid.Tenant) (policy.Customisation, error) {
	c := policy.DefaultCustomisation()
	c.Brand = policy.Brand{Name: "Acme", Logo: picture, LogoType: "image/png"}
	c.UpdatedAt, c.UpdatedBy, c.Version = began, "operator:o", 3
	return c, i.s.note(t, "customisation")
}

func (i invites) SetCustomisation(_ context.Context, by invite.Caller, c policy.Customisation, version int64) (policy.Customisation, error) {
	if err := c.Validate(); err != nil {
		return c, err
	}
	return c, i.put(by, &c.Version, version, c)
}

func (i invites) put(by invite.Caller, now *int64, version int64, settings any) error {
	if err := i.s.note(by.Tenant, settings); err != nil {
		return err
	}
	if version != *now {
		return fault.New(fault.Conflict, "settings_stale", "Read them again.")
	}
	*now++
	return nil
}

// picture is one of 3 by 2 pixels.
var picture, _ = base64.StdEncoding.DecodeString(pictureText)

const pictureText = "iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAAAAAC4HznGAAAAEklEQVR4nGJiYGAAYUAAAAD//wAgAAWURUErAAAAAElFTkSuQmCC"

// photograph is one of width by 1 pixels, with zeros behind it.
func photograph(width, bytesInAll int) []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, width, 1)), nil) // a buffer takes everything
	return append(b.Bytes(), make([]byte, bytesInAll-b.Len())...)
}

func logo(kind string, data []byte) string {
	return `{"brand":{"logo":{"type":"` + kind + `","data":"` + base64.StdEncoding.EncodeToString(data) + `"}}}`
}

const (
	checksPath = "/v1/settings/checks"
	customPath = "/v1/settings/customisation"
)

var settings = []scenario{
	{name: "checks", method: "GET", target: checksPath, status: 200, want: []string{`{"mobile_2fa":"yes_optional","link_expiry_hours":720,"code_minutes":5,` +
		`"resend":{"max":3,"cooldowns":[30,60,120]},"reminders":{"enabled":false,"days":[1,2,4,8]},"editable_by_customer":false,"override_reason":false,"keep_proof":false,"countries":[],` +
		`"redirect_urls":["https://a.example/done"],"updated_at":"2026-11-21T22:46:00.123Z","updated_by":"operator:o","version":3}`},
		fields: map[string]string{"ETag": `"3"`}},
	{name: "the whole of checks", method: "PUT", target: checksPath, status: 200,
		body:   `{"mobile_2fa":"no_optional","link_expiry_hours":48,"code_minutes":8,"resend":{"max":1,"cooldowns":[5]},"reminders":{"enabled":true,"days":[3]},"editable_by_customer":true,"override_reason":true,"keep_proof":true,"countries":["DE","AT"],"redirect_urls":[]}`,
		want:   []string{`"mobile_2fa":"no_optional","link_expiry_hours":48,"code_minutes":8,"resend":{"max":1,"cooldowns":[5]},"reminders":{"enabled":true,"days":[3]},"editable_by_customer":true,"override_reason":true,"keep_proof":true,"countries":["DE","AT"],"redirect_urls":[]`, `"version":4`},
		fields: map[string]string{"ETag": `"4"`}},
	{name: "one of checks, the others stay", method: "PUT", target: checksPath, body: `{"link_expiry_hours":48}`, status: 200,
		prepare: func(s *services) { s.mode = policy.YesRequired }, want: []string{`"mobile_2fa":"yes_required","link_expiry_hours":48`, `"redirect_urls":["https://a.example/done"]`}},
	{name: "the version as an entity tag", method: "PUT", target: checksPath, body: `{}`, header: map[string]string{"If-Match": `"3"`}, status: 200},
	{name: "without a version", method: "PUT", target: checksPath, body: `{}`, header: map[string]string{"If-Match": ""}, status: 422, want: []string{`"field":"If-Match"`}},
	{name: "any version", method: "PUT", target: checksPath, body: `{}`, header: map[string]string{"If-Match": "*"}, status: 422, want: []string{`"field":"If-Match"`}},
	{name: "a version that is no number", method: "PUT", target: checksPath, body: `{}`, header: map[string]string{"If-Match": `W/"3"`}, status: 422},
	{name: "a version before this one", method: "PUT", target: checksPath, body: `{}`, header: map[string]string{"If-Match": "2"}, status: 409, want: []string{`"code":"settings_stale"`}},
	{name: "what the server sets can't be set", method: "PUT", target: checksPath, body: `{"version":3}`, status: 422, want: []string{`"field":"version"`}},
	{name: "a mode that there is none", method: "PUT", target: checksPath, body: `{"mobile_2fa":"maybe"}`, status: 422, want: []string{`"field":"mobile_2fa"`}, not: []string{"maybe"}},
	{name: "RA-33 a code for longer than ten minutes", method: "PUT", target: checksPath, body: `{"code_minutes":11}`, status: 422, want: []string{`"field":"code_minutes"`}},
	{name: "RA-31 a country that there is none", method: "PUT", target: checksPath, body: `{"countries":["UK"]}`, status: 422,
		want: []string{`"code":"countries_invalid"`, `"field":"countries"`}, not: []string{"UK"}},
	{name: "a wait over an hour", method: "PUT", target: checksPath, body: `{"resend":{"max":3,"cooldowns":[3601]}}`, status: 422, want: []string{`"field":"resend.cooldowns`}},
	{name: "days that do not ascend", method: "PUT", target: checksPath, body: `{"reminders":{"enabled":true,"days":[2,1]}}`, status: 422, want: []string{`"code":"reminders_invalid"`, `"field":"reminders"`}},
	{name: "a redirect without https", method: "PUT", target: checksPath, body: `{"redirect_urls":["http://a.example"]}`, status: 422, want: []string{`"code":"redirect_urls_invalid"`}, not: []string{"a.example"}},
	{name: "customisation", method: "GET", target: customPath, status: 200, want: []string{`{"verify_phone":"off","verify_email":"off",` +
		`"brand":{"name":"Acme","logo":{"type":"image/png","data":"` + pictureText + `"}},"texts":{},"consent":{"version":"1","texts":{}},`, `"version":3}`},
		fields: map[string]string{"ETag": `"3"`}},
	{name: "texts may have line breaks", method: "PUT", target: customPath, status: 200,
		body: `{"texts":{"de":{"title":"Hallo"}},"consent":{"version":"2","texts":{"pt-BR":"Um.\nDois."}}}`,
		want: []string{`"texts":{"de":{"title":"Hallo"}}`, `"consent":{"version":"2","texts":{"pt-BR":"Um.\nDois."}}`, `"name":"Acme"`}},
	{name: "a language of one's own", method: "PUT", target: customPath, body: `{"default_locale":"de-AT"}`, status: 200, want: []string{`"default_locale":"de-AT","texts":{}`, `"name":"Acme"`}},
	{name: "one that is none", method: "PUT", target: customPath, body: `{"default_locale":"German, please"}`, status: 422, want: []string{`"field":"default_locale"`}, not: []string{"German"}},
	{name: "customisation without a version", method: "PUT", target: customPath, body: `{}`, header: map[string]string{"If-Match": ""}, status: 422},
	{name: "customisation of a version before", method: "PUT", target: customPath, body: `{}`, header: map[string]string{"If-Match": "0"}, status: 409, want: []string{`"code":"settings_stale"`}},
	{name: "a toggle that there is none", method: "PUT", target: customPath, body: `{"verify_phone":"LOCKED_ON"}`, status: 422, want: []string{`"field":"verify_phone"`}},
	{name: "a body over 1 MiB", method: "PUT", target: customPath, body: strings.Repeat(" ", 1<<20+1), status: 413},
}

func TestRA_66_a_brand_is_checked_where_it_comes_in(t *testing.T) {
	t.Parallel()
	large := photograph(3, policy.MaxLogo)
	play(t, []scenario{
		{name: "colours that can be told apart", method: "PUT", target: customPath, body: `{"brand":{"accent":"#1d4ed8","background":"#ffffff"}}`, status: 200,
			want: []string{`"brand":{"accent":"#1d4ed8","background":"#ffffff"}`}},
		{name: "colours that can not", method: "PUT", target: customPath, body: `{"brand":{"accent":"#999999","background":"#ffffff"}}`, status: 422,
			want: []string{`"code":"brand_accent_invalid"`, `"field":"brand.accent"`}},
		{name: "a colour by its name", method: "PUT", target: customPath, body: `{"brand":{"accent":"black","background":"#ffffff"}}`, status: 422, want: []string{`"field":"brand.accent"`}, not: []string{"black"}},
		{name: "a logo of 64 KiB", method: "PUT", target: customPath, body: logo("image/jpeg", large), status: 200},
		{name: "a larger one", method: "PUT", target: customPath, body: logo("image/jpeg", append(large, 0)), status: 422, want: []string{`"field":"brand.logo"`}},
		{name: "one that is much larger", method: "PUT", target: customPath, body: logo("image/jpeg", append(large, large...)), status: 422, want: []string{`"field":"brand.logo.data"`}},
		{name: "one with too many pixels", method: "PUT", target: customPath, body: logo("image/jpeg", photograph(2001, 60_000)), status: 422,
			want: []string{`"code":"brand_logo_invalid"`, `"field":"brand.logo"`, "2000 pixels"}},
		{name: "one that is cut off", method: "PUT", target: customPath, body: logo("image/png", picture[:len(picture)-1]), status: 422,
			want: []string{`"code":"brand_logo_invalid"`, "broken"}},
		{name: "one that is of another type", method: "PUT", target: customPath, body: logo("image/jpeg", picture), status: 422, want: []string{`"code":"brand_logo_invalid"`}},
		{name: "one that could hold script", method: "PUT", target: customPath, body: logo("image/svg+xml", []byte("<svg/>")), status: 422, want: []string{`"field":"brand.logo.type"`}},
		{name: "one that is no base64", method: "PUT", target: customPath, body: `{"brand":{"logo":{"type":"image/png","data":"%%%%"}}}`, status: 422},
		{name: "markup", method: "PUT", target: customPath, body: `{"texts":{"en":{"title":"<b>x</b>"}}}`, status: 422, want: []string{`"code":"texts_invalid"`}, not: []string{"<b>"}},
		{name: "markup in the consent", method: "PUT", target: customPath, body: `{"consent":{"version":"2","texts":{"en":"<script>"}}}`, status: 422, want: []string{`"code":"consent_texts_invalid"`}},
	})
}

func TestRA_62_a_link_for_ever_is_null(t *testing.T) {
	t.Parallel()
	play(t, []scenario{
		{name: "said", method: "PUT", target: checksPath, body: `{"link_expiry_hours":null}`, status: 200, want: []string{`"link_expiry_hours":null`}},
		{name: "not said", method: "PUT", target: checksPath, body: `{}`, status: 200, want: []string{`"link_expiry_hours":720`}},
		{name: "nothing is not for ever", method: "PUT", target: checksPath, body: `{"link_expiry_hours":0}`, status: 422, want: []string{`"field":"link_expiry_hours"`}},
	})
}

func TestRA_17_what_is_changed_reaches_the_service_with_who_and_of_which_version(t *testing.T) {
	t.Parallel()
	fake := newServices()
	w := call(newServer(t, fake, io.Discard), "PUT", checksPath, `{"mobile_2fa":"yes_required","resend":{"max":2,"cooldowns":[10,20]}}`, nil)
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	want, _ := invites{newServices()}.Checks(t.Context(), acme)
	want.Mobile2FA, want.Resend = policy.YesRequired, policy.Resend{Max: 2, CoolDowns: []time.Duration{10 * time.Second, 20 * time.Second}}
	if diff := cmp.Diff([]any{"checks", want}, fake.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}
