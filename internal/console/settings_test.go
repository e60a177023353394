package console_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"iter"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// decisions keep what a firm decided, as invite.Service does.
type decisions struct {
	t       *testing.T
	checks  policy.Checks
	look    policy.Customisation
	by      []invite.Caller // of each change
	between func()          // runs once, between the reading of a form and its change
}

func newDecisions(t *testing.T) *decisions {
	return &decisions{t: t, checks: policy.DefaultChecks(), look: policy.DefaultCustomisation()}
}

func (d *decisions) of(t uid.Tenant) {
	if t != (uid.Tenant{7}) {
		d.t.Errorf("asked for the settings of another firm: %v", t)
	}
}

func (d *decisions) meanwhile() {
	if d.between != nil {
		do := d.between
		d.between = nil
		do()
	}
}

var errStaleSettings = fault.New(fault.Conflict, "settings_stale", "The settings were changed meanwhile.")

func (d *decisions) Checks(_ context.Context, t uid.Tenant) (policy.Checks, error) {
	d.of(t)
	return d.checks, nil
}

func (d *decisions) SetChecks(_ context.Context, by invite.Caller, c policy.Checks, version int64) (policy.Checks, error) {
	d.of(by.Tenant)
	d.meanwhile()
	if err := c.Validate(); err != nil {
		return c, err
	}
	if version != d.checks.Version {
		return c, errStaleSettings
	}
	c.Version, c.UpdatedAt, c.UpdatedBy = version+1, noon, by.Actor
	d.checks, d.by = c, append(d.by, by)
	return c, nil
}

func (d *decisions) Customisation(_ context.Context, t uid.Tenant) (policy.Customisation, error) {
	d.of(t)
	return d.look, nil
}

func (d *decisions) SetCustomisation(_ context.Context, by invite.Caller, c policy.Customisation, version int64) (policy.Customisation, error) {
	d.of(by.Tenant)
	d.meanwhile()
	if c.Consent.Version == "" {
		c.Consent.Version = "1"
	}
	if err := c.ValidateChange(&d.look); err != nil {
		return c, err
	}
	if version != d.look.Version {
		return c, errStaleSettings
	}
	c.Version, c.UpdatedAt, c.UpdatedBy = version+1, noon, by.Actor
	d.look, d.by = c, append(d.by, by)
	return c, nil
}

// vocabulary is two texts in two languages.
type vocabulary struct{}

func (vocabulary) Languages() iter.Seq2[string, string] {
	return func(yield func(tag, name string) bool) { _ = yield("en", "English") && yield("de", "Deutsch") }
}

func (vocabulary) FirmTexts(locale string) iter.Seq2[string, web.Text] {
	return func(yield func(key string, text web.Text) bool) {
		_ = yield("done_lead", web.Text{Firm: "Last page.", Text: "Thank you (" + locale + ")."}) &&
			yield("intro_title", web.Text{Firm: "First page.", Text: "{firm} asks (" + locale + ")."})
	}
}

func (vocabulary) CheckText(key, text string) error {
	if strings.Contains(strings.ReplaceAll(text, "{firm}", ""), "{") {
		return fault.New(fault.Invalid, "text_invalid", "There is nothing of that name here.").On(key)
	}
	return nil
}

// crew is a team of one: whoever asks.
type crew struct {
	people
	taken []operator.LogPart // of the log
	deny  error              // of what takes it away
}

func (c *crew) ExportLog(_ context.Context, _ operator.Client, _ operator.Signed, part operator.LogPart) error {
	c.taken = append(c.taken, part)
	return c.deny
}

func (*crew) People(_ context.Context, t uid.Tenant) ([]operator.Person, error) {
	return []operator.Person{{ID: uid.ID{1}, Tenant: t, Name: "Mara <b>Jensen</b>", Email: "mara@example.com", Role: operator.Owner, State: operator.Active}}, nil
}

// settingsDesk is a browser of an admin over settings.
func settingsDesk(t *testing.T, with ...func(*console.Config)) (*browser, *decisions) {
	d := newDecisions(t)
	b := newBrowser(t, &crew{}, append([]func(*console.Config){func(c *console.Config) {
		c.Settings, c.PageTexts, c.Previews, c.Contacts = d, vocabulary{}, &sketches{t: t}, places{}
	}}, with...)...)
	return b.as(operator.Admin), d
}

const checksPath, lookPath, textsPath = "/console/settings/checks", "/console/settings/customisation", "/console/settings/texts"

// asKept is the form of Checks as it is drawn for what is kept at first.
func asKept(change map[string]string) url.Values {
	f := url.Values{"version": {"0"}, "mobile_2fa": {"yes_optional"}, "code_minutes": {"5"}, "resend_max": {"3"}, "resend_cooldowns": {"30, 60, 120"},
		"link_expiry_hours": {"720"}, "reminder_days": {"1, 2, 4, 8"}, "countries": {""}, "redirect_urls": {""}}
	for k, v := range change {
		if f.Set(k, v); v == "" {
			f.Del(k)
		}
	}
	return f
}

func wantSays(t *testing.T, w *httptest.ResponseRecorder, all ...string) {
	t.Helper()
	if w.Code != http.StatusOK {
		t.Errorf("answer %d to %q", w.Code, w.Header().Get("Location"))
	}
	for _, text := range all {
		if !strings.Contains(w.Body.String(), text) {
			t.Errorf("the page lacks %q", text)
		}
	}
}

func TestRA_6_8_13_TheSettingHasExactlyFourOptionsWithAHintEach(t *testing.T) {
	b, _ := settingsDesk(t)
	w := b.get(checksPath)
	wantSays(t, w, "<legend>Mobile 2FA</legend>", "Yes (Optional)", "Yes (Required)", "No (Optional)", "No (Required)", `value="yes_optional" checked`,
		"Never changed: these are the defaults.")
	if n := strings.Count(w.Body.String(), `type="radio" id="mobile_2fa-`); n != 4 {
		t.Errorf("%d options", n)
	}
	for _, m := range policy.Modes {
		wantSays(t, w, `id="mobile_2fa-`+string(m)+`-hint"`)
	}
}

func TestRA_17_33_38_61_62_EveryFieldIsSavedAndShown(t *testing.T) {
	b, d := settingsDesk(t)
	wantTo(t, b.send(checksPath, checksPath, asKept(map[string]string{
		"mobile_2fa": "yes_required", "override_reason": "on", "editable_by_customer": "on", "code_minutes": "8", "resend_max": "4", "resend_cooldowns": "10,20 40",
		"link_expiry_hours": "48", "reminders": "on", "reminder_days": "3 9", "countries": "gb, IE\r\nde", "redirect_urls": "https://a.example/x\r\nacme-app://",
	})), checksPath)
	hours := 48
	want := policy.Checks{Mobile2FA: policy.YesRequired, OverrideReason: true, EditableByCustomer: true, CodeMinutes: 8, LinkExpiryHours: &hours,
		Resend: policy.Resend{Max: 4, CoolDowns: []time.Duration{10 * time.Second, 20 * time.Second, 40 * time.Second}}, Reminders: policy.Reminders{Enabled: true, Days: []int{3, 9}},
		Countries: []string{"GB", "IE", "DE"}, RedirectURLs: []string{"https://a.example/x", "acme-app://"},
		Version: 1, UpdatedAt: noon, UpdatedBy: "operator:" + uid.ID{1}.Text(uid.Operator)}
	if !reflect.DeepEqual(d.checks, want) {
		t.Errorf("kept %+v, want %+v", d.checks, want)
	}
	w := b.get(checksPath)
	wantSays(t, w, "Saved.", `value="yes_required" checked`, `value="8"`, `value="10, 20, 40"`, `value="48"`, `value="3, 9"`, "GB, IE, DE", "https://a.example/x\nacme-app://",
		"Mara &lt;b&gt;Jensen&lt;/b&gt;")
	wantTo(t, b.send(checksPath, checksPath, asKept(map[string]string{"version": "1", "mobile_2fa": "yes_required", "link_never": "on"})), checksPath)
	if d.checks.LinkExpiryHours != nil || d.checks.EditableByCustomer || d.checks.Reminders.Enabled {
		t.Errorf("kept %+v", d.checks)
	}
}

func TestRA_17_LooseningIsAskedAndSaysThatAllOwnersAreTold(t *testing.T) {
	for name, looser := range map[string]map[string]string{"the gate": {"mobile_2fa": "no_optional", "redirect_urls": "https://a.example/\r\nhttps://b.example/"}, "a proof": {"keep_proof": "on"}} {
		b, d := settingsDesk(t)
		w := b.send(checksPath, checksPath, asKept(looser))
		wantSays(t, w, "All owners of your firm are told who changed it and when.", `name="confirmed" value="yes"`)
		if d.by != nil {
			t.Fatalf("%s: changed before it was confirmed", name)
		}
		// The page sends on all that was typed.
		confirmed := url.Values{"confirmed": {"yes"}}
		body := w.Body.String()
		for _, m := range hiddenField.FindAllStringSubmatch(body[strings.Index(body, `action="`+checksPath):], -1) {
			confirmed.Add(m[1], strings.NewReplacer("&#34;", `"`, "&#43;", "+").Replace(m[2]))
		}
		wantTo(t, b.post(checksPath, confirmed), checksPath)
		if len(d.by) != 1 || looser["keep_proof"] != "" != d.checks.KeepProof || looser["mobile_2fa"] != "" && len(d.checks.RedirectURLs) != 2 {
			t.Errorf("%s: kept %+v", name, d.checks)
		}
	}
	b, d := settingsDesk(t)
	if d.checks.Mobile2FA = policy.NoRequired; b.send(checksPath, checksPath, asKept(nil)).Code != http.StatusSeeOther {
		t.Error("what is stricter is asked")
	}
}

func TestSettingsThatSomebodyElseChangedAreNotOverwritten(t *testing.T) {
	for name, between := range map[string]bool{"before the form came": false, "while it was read": true} {
		b, d := settingsDesk(t)
		theirs := func() {
			d.checks.CodeMinutes, d.checks.Version, d.checks.UpdatedAt, d.checks.UpdatedBy = 9, 1, noon, "operator:"+uid.ID{1}.Text(uid.Operator)
		}
		form := asKept(map[string]string{"code_minutes": "7"})
		body := b.get(checksPath).Body.String()
		form.Set("form_token", tokenField.FindStringSubmatch(body[strings.Index(body, `action="`+checksPath):])[1])
		if d.between = theirs; !between {
			d.between = nil
			theirs()
		}
		w := b.post(checksPath, form)
		wantSays(t, w, "Somebody changed this meanwhile", "Mara &lt;b&gt;Jensen&lt;/b&gt;", `name="version" value="1"`, `name="code_minutes" value="7"`,
			`<td data-label="Saved by them"><bdi>9</bdi></td>`, `<td data-label="Yours, not saved"><bdi>7</bdi></td>`)
		if d.by != nil || d.checks.CodeMinutes != 9 {
			t.Errorf("%s: overwritten: %+v", name, d.checks)
		}
		if strings.Contains(w.Body.String(), ">Mobile 2FA<") {
			t.Errorf("%s: a field that is the same is shown as different", name)
		}
		// Save mine: the same form, over the version that was seen.
		form.Set("version", "1")
		wantTo(t, b.post(checksPath, form), checksPath)
		if d.checks.CodeMinutes != 7 || d.checks.Version != 2 {
			t.Errorf("%s: kept %+v", name, d.checks)
		}
	}
}

func TestAWrongFieldLosesNothingThatWasTyped(t *testing.T) {
	for field, typed := range map[string]string{"code_minutes": "90", "resend_max": "lots", "resend_cooldowns": "30, <script>", "link_expiry_hours": "0", "reminder_days": "8, 1",
		"countries": "UK", "redirect_urls": "http://\u202eacme.example", "mobile_2fa": "maybe"} {
		b, d := settingsDesk(t)
		w := b.send(checksPath, checksPath, asKept(map[string]string{field: typed, "override_reason": "on", "code_minutes": map[bool]string{true: typed, false: "6"}[field == "code_minutes"]}))
		wantSays(t, w, `class="summary"`, `href="#`+field+`"`, `name="override_reason" value="on" checked`)
		if field != "mobile_2fa" {
			wantSays(t, w, strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(typed))
		}
		if d.by != nil || strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("%s: changed, or not escaped", field)
		}
	}
}

func TestRA_17_AViewerSeesTheSettingsAndCantChangeThem(t *testing.T) {
	b, d := settingsDesk(t)
	for _, role := range []operator.Role{operator.Viewer, operator.Agent} {
		v := b.as(role)
		for _, path := range []string{checksPath, lookPath, textsPath} {
			w := v.get(path)
			wantSays(t, w, "<fieldset class=\"all stack\" disabled>")
			if strings.Contains(w.Body.String(), `<button class="primary" type="submit">Save`) {
				t.Errorf("%s: %s is offered to save", role, path)
			}
			if w := v.post(path, asKept(nil)); w.Code != http.StatusForbidden {
				t.Errorf("%s: %s is answered by %d", role, path, w.Code)
			}
		}
	}
	if d.by != nil {
		t.Error("settings were changed")
	}
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([a-z_0-9]+)" value="([^"]*)">`)

func lookForm(change map[string]string) url.Values {
	f := url.Values{"version": {"0"}, "verify_phone": {"off"}, "verify_email": {"off"}, "name": {""}, "support": {""}, "accent": {"#1d4ed8"}, "background": {"#f3f4f7"}}
	for k, v := range change {
		f.Set(k, v)
	}
	return f
}

// png is a picture of 3 by 2 pixels.
var png, _ = base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAAAAAC4HznGAAAAEklEQVR4nGJiYGAAYUAAAAD//wAgAAWURUErAAAAAElFTkSuQmCC")

// sendPicture sends a form with a picture, as a browser does.
func (b *browser) sendPicture(path string, fields url.Values, picture []byte) *httptest.ResponseRecorder {
	b.t.Helper()
	body := b.get(path).Body.String()
	fields.Set("form_token", tokenField.FindStringSubmatch(body[strings.Index(body, `action="`+path+`"`):])[1])
	var sent bytes.Buffer
	m := multipart.NewWriter(&sent)
	for k, all := range fields {
		for _, v := range all {
			_ = m.WriteField(k, v)
		}
	}
	part, _ := m.CreateFormFile("logo", "logo.png")
	_, _ = part.Write(picture)
	_ = m.Close()
	r := httptest.NewRequest(http.MethodPost, "http://console.test"+path, &sent)
	r.Header.Set("Content-Type", m.FormDataContentType())
	r.Header.Set("Origin", "http://console.test")
	return b.do(r)
}

func TestID_6_8_11_WhichContactsAreConfirmedIsSetInCustomisation(t *testing.T) {
	b, d := settingsDesk(t)
	wantSays(t, b.get(lookPath), "<legend>Verify phone</legend>", "<legend>Verify email</legend>", "On for all")
	wantTo(t, b.send(lookPath, lookPath, lookForm(map[string]string{"verify_phone": "locked_on", "verify_email": "on", "name": "Acme \"Pay\" & Söhne", "support": "help@acme.example"})), lookPath)
	if d.look.VerifyPhone != policy.LockedOn || d.look.VerifyEmail != policy.On || d.look.Brand.Name != `Acme "Pay" & Söhne` || d.look.Brand.Accent != "" {
		t.Errorf("kept %+v", d.look)
	}
	w := b.send(lookPath, lookPath, lookForm(map[string]string{"version": "1", "verify_phone": "on"}))
	wantSays(t, w, "All owners of your firm are told")
	if len(d.by) != 1 {
		t.Error("a contact goes unconfirmed without being asked")
	}
}

func TestRA_66_TheLanguageOfVerificationsIsChosenInCustomisation(t *testing.T) {
	b, d := settingsDesk(t)
	wantSays(t, b.get(lookPath), `<option value="">As the customer’s browser says`)
	wantTo(t, b.send(lookPath, lookPath, lookForm(map[string]string{"default_locale": "de"})), lookPath)
	wantSays(t, b.get(lookPath), `<option value="de" selected>`)
	if d.look.Locale != "de" {
		t.Errorf("kept %q", d.look.Locale)
	}
	wantSays(t, b.send(lookPath, lookPath, lookForm(map[string]string{"version": "1", "default_locale": "German, please"})), `id="default_locale-error"`)
	d.look.Locale = "de-AT" // over the API
	wantSays(t, b.get(lookPath), `<option value="de-AT" selected>de-AT`)
}

func TestRA_66_ColoursThatCantBeReadAreRefused(t *testing.T) {
	b, d := settingsDesk(t)
	w := b.send(lookPath, lookPath, lookForm(map[string]string{"colours": "on", "accent": "#ffd200", "background": "#f3f4f7", "name": "Kept"}))
	wantSays(t, w, "contrast of 4.5 to 1", `value="#ffd200"`, `name="colours" value="on" checked`, `value="Kept"`, "Contrast <bdi>1.3</bdi>")
	if d.by != nil {
		t.Error("saved")
	}
	wantTo(t, b.send(lookPath, lookPath, lookForm(map[string]string{"colours": "on", "accent": "#0b6e4f", "background": "#ffffff"})), lookPath)
	if d.look.Brand.Accent != "#0b6e4f" {
		t.Errorf("kept %+v", d.look.Brand)
	}
}

func TestRA_66_ALogoIsKeptServedFromOurOriginAndTakenAway(t *testing.T) {
	b, d := settingsDesk(t)
	wantTo(t, b.sendPicture(lookPath, lookForm(nil), png), lookPath)
	if string(d.look.Brand.Logo) != string(png) || d.look.Brand.LogoType != "image/png" {
		t.Fatalf("kept %+v", d.look.Brand)
	}
	wantSays(t, b.get(lookPath), `src="/console/settings/logo/1"`)
	w := b.get("/console/settings/logo/1")
	if w.Header().Get("Content-Type") != "image/png" || w.Body.String() != string(png) {
		t.Errorf("served as %s", w.Header().Get("Content-Type"))
	}
	if w := b.get("/console/settings/logo/2"); w.Code != http.StatusNotFound {
		t.Errorf("another version is answered by %d", w.Code)
	}
	wantTo(t, b.send(lookPath, lookPath, lookForm(map[string]string{"version": "1"})), lookPath)
	if len(d.look.Brand.Logo) == 0 {
		t.Error("a form without a picture takes the logo away")
	}
	wantTo(t, b.send(lookPath, lookPath, lookForm(map[string]string{"version": "2", "logo_away": "on"})), lookPath)
	if len(d.look.Brand.Logo) != 0 {
		t.Error("the logo stays")
	}
}

func TestRA_66_APictureThatCanHoldScriptOrIsTooLargeIsRefusedBesideItsField(t *testing.T) {
	b, d := settingsDesk(t)
	for name, picture := range map[string][]byte{"svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), "large": append(png, make([]byte, policy.MaxLogo)...),
		"cut off": png[:len(png)-1], "the sign of one": png[:8]} {
		w := b.sendPicture(lookPath, lookForm(map[string]string{"name": "Kept"}), picture)
		wantSays(t, w, `href="#logo"`, `value="Kept"`)
		if strings.Contains(w.Body.String(), `name="logo_sent"`) {
			t.Errorf("%s: the picture is kept with the page", name)
		}
	}
	if w := b.sendPicture(lookPath, lookForm(nil), make([]byte, 1<<20)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("a megabyte is answered by %d", w.Code)
	}
	if d.by != nil {
		t.Error("saved")
	}
}

func TestAPictureIsNotLostWithAWrongFieldNorWithWhatSomebodyElseChanged(t *testing.T) {
	b, d := settingsDesk(t)
	sent := `name="logo_sent" value="` + strings.ReplaceAll(base64.StdEncoding.EncodeToString(png), "+", "&#43;") + `"`
	wantSays(t, b.sendPicture(lookPath, lookForm(map[string]string{"support": strings.Repeat("x", 201)}), png), sent)
	theirs := func() { d.look.Brand.Name, d.look.Version = "Theirs", 1 }
	d.between = theirs // while the form is read
	for range 2 {
		w := b.sendPicture(lookPath, lookForm(map[string]string{"name": "Mine"}), png)
		wantSays(t, w, "Somebody changed this meanwhile", sent, ">Theirs<", ">Mine<")
		if d.by != nil {
			t.Error("overwritten")
		}
		theirs() // before it comes
	}
	wantTo(t, b.send(lookPath, lookPath, lookForm(map[string]string{"version": "1", "logo_sent": base64.StdEncoding.EncodeToString(png)})), lookPath)
	if string(d.look.Brand.Logo) != string(png) {
		t.Error("the picture that came with the page is lost")
	}
}

func TestALogoThatIsOlderThanARuleBarsNothingAndIsTold(t *testing.T) {
	b, d := settingsDesk(t)
	old := png[:len(png)-20] // cut off, which nobody looked at then
	d.look.Brand.Logo, d.look.Brand.LogoType = old, "image/png"
	const told = "This logo is older than a rule that it breaks."
	wantSays(t, b.get(lookPath), told, "a part of it is missing", `name="logo_away"`)
	wantTo(t, b.send(lookPath, lookPath, lookForm(map[string]string{"name": "Acme Payments"})), lookPath)
	wantTo(t, b.send(textsPath+"?locale=de", textsPath, url.Values{"version": {"1"}, "locale": {"de"}, "text_done_lead": {"Danke."}}), textsPath+"?locale=de")
	if string(d.look.Brand.Logo) != string(old) || d.look.Brand.Name != "Acme Payments" || d.look.Texts["de"]["done_lead"] != "Danke." {
		t.Errorf("kept %+v, %v", d.look.Brand, d.look.Texts)
	}
	wantSays(t, b.sendPicture(lookPath, lookForm(map[string]string{"version": "2"}), png[:len(png)-21]), "a part of it is missing") // another one is looked at
	wantTo(t, b.sendPicture(lookPath, lookForm(map[string]string{"version": "2"}), png), lookPath)
	if strings.Contains(b.get(lookPath).Body.String(), told) || string(d.look.Brand.Logo) != string(png) {
		t.Error("the new one is told of, or not kept")
	}
}

func TestRA_66_OwnTextsAreSavedPerLanguage(t *testing.T) {
	b, d := settingsDesk(t)
	d.look.Texts = map[string]map[string]string{"de-AT": {"done_lead": "Danke.", "gone": "stays"}, "en": {"done_lead": "Ta."}}
	w := b.get(textsPath + "?locale=de")
	wantSays(t, w, "Thank you (de).", ">Danke.</textarea>", `<option value="de" selected>Deutsch`, "Last page.")
	wantTo(t, b.send(textsPath+"?locale=de", textsPath, url.Values{"version": {"0"}, "locale": {"de"}, "consent_text": {"Zweck\r\nDauer"},
		"text_intro_title": {"{firm} & Sie"}, "text_done_lead": {""}}), textsPath+"?locale=de")
	want := map[string]map[string]string{"de-AT": {"intro_title": "{firm} & Sie", "gone": "stays"}, "en": {"done_lead": "Ta."}}
	if !reflect.DeepEqual(d.look.Texts, want) || d.look.Consent.Version != "1" || d.look.Consent.Texts["de"] != "Zweck\nDauer" {
		t.Errorf("kept %+v %+v", d.look.Texts, d.look.Consent)
	}
	if w := b.get(textsPath + "?locale=tlh"); !strings.Contains(w.Body.String(), "Thank you (en).") {
		t.Error("a language that the pages don't have is not English")
	}
}

func TestRA_66_ATextThatDoesNotFitIsToldBesideIt(t *testing.T) {
	b, d := settingsDesk(t)
	for field, typed := range map[string]string{"text_done_lead": "Hi {code}", "consent_text": "a <b>"} {
		form := url.Values{"version": {"0"}, "locale": {"de"}, "text_intro_title": {"Typed"}}
		form.Set(field, typed)
		w := b.send(textsPath+"?locale=de", textsPath, form)
		wantSays(t, w, `href="#`+field+`"`, ">Typed</textarea>", strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(typed))
	}
	if d.by != nil {
		t.Error("saved")
	}
}

func TestTextsThatSomebodyElseChangedAreNotOverwritten(t *testing.T) {
	b, d := settingsDesk(t)
	theirs := func() { d.look.Texts, d.look.Version = map[string]map[string]string{"de": {"done_lead": "Theirs"}}, 1 }
	d.between = theirs // while the form is read
	for range 2 {
		w := b.send(textsPath+"?locale=de", textsPath, url.Values{"version": {"0"}, "locale": {"de"}, "text_done_lead": {"Mine"}})
		wantSays(t, w, "Somebody changed this meanwhile", ">Theirs<", ">Mine<", `name="locale" value="de"`, `href="`+textsPath+`?locale=de"`)
		if d.by != nil {
			t.Error("overwritten")
		}
		theirs() // before it comes
	}
}
