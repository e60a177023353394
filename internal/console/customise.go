package console

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/policy"
)

const (
	pathCustomisation = Prefix + "/settings/customisation"
	pathTexts         = Prefix + "/settings/texts"
	pathTurnTexts     = pathTexts + "/language"
	pathLogo          = Prefix + "/settings/logo"
)

// The colours that fields of colours show while a firm has none of its own: a field of that type can't be empty.
const (
	shownAccent     = "#1d4ed8"
	shownBackground = "#f3f4f7"
)

func (s *Site) customisationRoutes() []route {
	return []route{
		{"GET " + pathCustomisation, AtSettings, operator.SeeSettings, s.showCustomisation},
		{"POST " + pathCustomisation, AtSettings, operator.ChangeCustomisation, s.setCustomisation},
		{"GET " + pathLogo + "/{version}", AtSettings, operator.SeeSettings, s.logo},
		{"GET " + pathTexts, AtSettings, operator.SeeSettings, s.showTexts},
		{"POST " + pathTexts, AtSettings, operator.ChangeCustomisation, s.setTexts},
		{"POST " + pathTurnTexts, AtSettings, operator.ChangeCustomisation, s.turnTexts},
	}
}

func (s *Site) showCustomisation(v *visit) (View, error) {
	c, err := s.Settings.Customisation(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	return v.customisationPage(c, c, c.Version, "")
}

// customisationPage is the page with c, which was typed or is kept. upload is a picture that was sent and is not kept yet.
func (v *visit) customisationPage(c, kept policy.Customisation, version int64, upload string, wrong ...Problem) (View, error) {
	last, err := v.changed(kept.UpdatedAt, kept.UpdatedBy)
	if err != nil {
		return nil, err
	}
	page := &Customisation{
		Frame: v.frame(wrong...), Act: v.form(pathCustomisation), Version: version, Last: last, May: v.May(operator.ChangeCustomisation),
		VerifyPhone: c.VerifyPhone, VerifyEmail: c.VerifyEmail, Name: c.Brand.Name, Support: c.Brand.Support,
		Colours: c.Brand.Accent != "" || c.Brand.Background != "", Accent: c.Brand.Accent, Background: c.Brand.Background, Upload: upload, TextsURL: pathTexts,
		Preview: v.previewed(pathTryLook, ""),
	}
	if page.Locales = chosen(v.site.Contacts.Locales(), c.Locale); c.Locale != "" && picked(page.Locales) == "" {
		page.Locales = append(page.Locales, Option{c.Locale, c.Locale, true}) // the API takes others, such as de-AT
	}
	if page.Accent == "" {
		page.Accent = shownAccent
	}
	if page.Background == "" {
		page.Background = shownBackground
	}
	if len(kept.Brand.Logo) > 0 {
		page.LogoURL, page.LogoFault = pathLogo+"/"+strconv.FormatInt(kept.Version, 10), kept.Brand.LogoFault()
	}
	ratio := policy.Contrast(page.Accent, page.Background)
	page.Contrast, page.Readable = fmt.Sprintf("%.1f", math.Floor(ratio*10)/10), ratio >= policy.MinContrast
	return page, nil
}

// customisationFields are the fields of the forms whose names are not those of package policy.
var customisationFields = map[string]string{
	"brand.name": FieldOwnName, "brand.support": FieldSupport, "brand.accent": FieldAccent, "brand.background": FieldBackground,
	"brand.logo": FieldLogo, "consent.texts": FieldConsentText,
}

// readCustomisation puts what was sent into c. upload is the picture that came along, in base64.
func (v *visit) readCustomisation(c *policy.Customisation) (upload string, err error) {
	c.VerifyPhone, c.VerifyEmail = policy.Toggle(v.value(FieldVerifyPhone)), policy.Toggle(v.value(FieldVerifyEmail))
	c.Locale = v.value(FieldUsualLocale)
	c.Brand.Name, c.Brand.Support, c.Brand.Accent, c.Brand.Background = v.value(FieldOwnName), v.value(FieldSupport), "", ""
	if v.ticked(FieldColours) {
		c.Brand.Accent, c.Brand.Background = v.value(FieldAccent), v.value(FieldBackground)
	}
	picture, err := v.picture()
	switch {
	case err != nil:
		return "", err
	case len(picture) > 0:
		c.Brand.Logo, c.Brand.LogoType = picture, http.DetectContentType(picture)
		upload = base64.StdEncoding.EncodeToString(picture)
	case v.ticked(FieldLogoAway):
		c.Brand.Logo, c.Brand.LogoType = nil, ""
	}
	return upload, nil
}

// picture is the logo that was sent: chosen now, or on a page that came back.
func (v *visit) picture() ([]byte, error) {
	file, _, err := v.r.FormFile(FieldLogo)
	if errors.Is(err, http.ErrMissingFile) || errors.Is(err, http.ErrNotMultipart) {
		before, err := base64.StdEncoding.DecodeString(v.r.PostForm.Get(FieldLogoSent))
		if err != nil {
			return nil, errForm
		}
		return before, nil
	}
	if err != nil {
		return nil, errForm
	}
	picture, err := io.ReadAll(file)
	if err != nil {
		return nil, errForm
	}
	return picture, file.Close()
}

// customisation is what customers see, and the version of it that the form of v was drawn from.
func (v *visit) customisation() (kept policy.Customisation, version int64, err error) {
	if version, err = v.version(); err != nil {
		return kept, 0, err
	}
	kept, err = v.site.Settings.Customisation(v.ctx(), v.Operator.Tenant)
	return kept, version, err
}

// setCustomisation changes what customers see. What lets a contact go unconfirmed that was confirmed for all is asked once more.
func (s *Site) setCustomisation(v *visit) (View, error) {
	kept, version, err := v.customisation()
	if err != nil {
		return nil, err
	}
	c := kept
	upload, err := v.readCustomisation(&c)
	if err != nil {
		return nil, err
	}
	if err := c.ValidateChange(&kept); err != nil {
		problems, err := wrong(err, customisationFields)
		if err != nil {
			return nil, err
		}
		if problems[0].Field == FieldLogo {
			upload = "" // it would be wrong again
		}
		return v.customisationPage(c, kept, version, upload, problems...)
	}
	if v.r.PostForm.Del(FieldLogoSent); upload != "" {
		v.r.PostForm.Set(FieldLogoSent, upload)
	}
	if kept.Version == version && c.Loosens(&kept) && v.value(FieldConfirmed) == "" {
		return &Confirm{Frame: v.frame(), What: "loosen_contact", Act: v.form(pathCustomisation), Carry: v.carry(), BackURL: pathCustomisation}, nil
	}
	_, err = s.Settings.SetCustomisation(v.ctx(), v.inviter(), c, version)
	if fault.Is(err, fault.Conflict) {
		return s.staleCustomisation(v, c)
	}
	if err != nil {
		return nil, err
	}
	return v.leave(v.lookedAt(pathCustomisation), Flash{Said: "saved"})
}

// staleCustomisation shows what somebody else saved meanwhile beside what was sent.
func (s *Site) staleCustomisation(v *visit, mine policy.Customisation) (View, error) {
	theirs, err := s.Settings.Customisation(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	toggle := func(t policy.Toggle) string { return s.pages.text("toggle_" + string(t)) }
	fields := []compared{
		{"verify_phone", toggle(theirs.VerifyPhone), toggle(mine.VerifyPhone)},
		{"verify_email", toggle(theirs.VerifyEmail), toggle(mine.VerifyEmail)},
		{"brand_name", theirs.Brand.Name, mine.Brand.Name},
		{"support", theirs.Brand.Support, mine.Brand.Support},
		{"default_locale", theirs.Locale, mine.Locale},
		{"accent", theirs.Brand.Accent, mine.Brand.Accent},
		{"background", theirs.Brand.Background, mine.Brand.Background},
	}
	if string(theirs.Brand.Logo) != string(mine.Brand.Logo) {
		fields = append(fields, compared{"logo", s.pictured(theirs.Brand.Logo), s.pictured(mine.Brand.Logo)})
	}
	return v.staleSettings(pathCustomisation, pathCustomisation, edition{theirs.Version, theirs.UpdatedAt, theirs.UpdatedBy}, fields)
}

// pictured tells a picture from another: its size, and the beginning of its hash.
func (s *Site) pictured(logo []byte) string {
	if len(logo) == 0 {
		return s.pages.text("compared_none")
	}
	sum := sha256.Sum256(logo)
	return fmt.Sprintf("%.1f KB (%x)", float64(len(logo))/1024, sum[:4])
}

// logo is the picture that is kept. Its address changes with each version.
func (s *Site) logo(v *visit) (View, error) {
	c, err := s.Settings.Customisation(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	if len(c.Brand.Logo) == 0 || v.r.PathValue("version") != strconv.FormatInt(c.Version, 10) {
		return nil, errNothing
	}
	v.w.Header().Set("Content-Type", c.Brand.LogoType)
	_, _ = v.w.Write(c.Brand.Logo) // a browser that is gone needs no picture
	return nil, nil
}
