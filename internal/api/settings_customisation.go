package api

import (
	"context"

	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/web"
)

// Customisation is what your customers see, and which contacts they are asked for.
type Customisation struct {
	_ struct{} `additionalProperties:"true"`

	VerifyPhone string                       `json:"verify_phone" enum:"off,on,locked_on" doc:"Whether customers confirm a number that they enter; locked_on: always"`
	VerifyEmail string                       `json:"verify_email" enum:"off,on,locked_on"`
	Brand       Brand                        `json:"brand"`
	Locale      string                       `json:"default_locale,omitempty" doc:"Language of invitations that name none, in their messages and on their pages, BCP 47; absent: the browser's" example:"de"`
	Texts       map[string]map[string]string `json:"texts" nullable:"false"`
	Consent     ConsentTexts                 `json:"consent"`
	Edition
}

// Brand is how you appear. What is empty is the product's own.
type Brand struct {
	Name       string `json:"name,omitempty" maxLength:"60" doc:"Your name in messages and on pages; that of your account when it is left out"`
	Support    string `json:"support,omitempty" maxLength:"200" doc:"Whom your customers turn to: one line"`
	Accent     string `json:"accent,omitempty" pattern:"^#[0-9a-fA-F]{6}$" patternDescription:"a colour as # and six hex digits" doc:"Together with background, at a contrast of 4.5 to 1 at least" example:"#1d4ed8"`
	Background string `json:"background,omitempty" pattern:"^#[0-9a-fA-F]{6}$" patternDescription:"a colour as # and six hex digits" example:"#ffffff"`
	Logo       *Logo  `json:"logo,omitempty"`
}

// Logo is a picture.
type Logo struct {
	Type string `json:"type" enum:"image/png,image/jpeg,image/webp"`
	Data []byte `json:"data" minLength:"1" maxLength:"87384" doc:"Base64, of 64 KiB at most; a whole picture without animation, of at most 2000 pixels on a side"`
}

// ConsentTexts is what customers agree to.
type ConsentTexts struct {
	Version string            `json:"version" minLength:"1" maxLength:"32" pattern:"^[0-9A-Za-z.-]+$" patternDescription:"letters, digits, dots and hyphens" doc:"Texts are kept by their version, for good: other ones need a version that was not used yet. Those that begin with countersign are the product's"`
	Texts   map[string]string `json:"texts" maxProperties:"40" nullable:"false" doc:"By language tag; without markup, at most 20000 characters each, with line breaks. The product's own, under a version of its own, when there is none at all"`
	Default string            `json:"default_locale,omitempty" maxLength:"35" doc:"Whose text is shown where the language of the page has none; English or the first when it is left out" example:"de"`
}

func customisationBody(c policy.Customisation) Customisation {
	out := Customisation{
		VerifyPhone: string(c.VerifyPhone), VerifyEmail: string(c.VerifyEmail), Locale: c.Locale, Texts: c.Texts,
		Brand:   Brand{Name: c.Brand.Name, Support: c.Brand.Support, Accent: c.Brand.Accent, Background: c.Brand.Background},
		Consent: ConsentTexts{Version: c.Consent.Version, Texts: c.Consent.Texts, Default: c.Consent.Default},
		Edition: Edition{UpdatedAt: stamp(c.UpdatedAt), UpdatedBy: c.UpdatedBy, Version: c.Version},
	}
	if len(c.Brand.Logo) > 0 {
		out.Brand.Logo = &Logo{Type: c.Brand.LogoType, Data: c.Brand.Logo}
	}
	if out.Texts == nil {
		out.Texts = map[string]map[string]string{}
	}
	if out.Consent.Texts == nil {
		out.Consent.Texts = map[string]string{}
	}
	return out
}

type customisationOutput struct {
	ETag string `header:"ETag"`
	Body Customisation
}

func newCustomisationOutput(c policy.Customisation) *customisationOutput {
	return &customisationOutput{ETag: etag(c.Version), Body: customisationBody(c)}
}

func (a *api) getCustomisation(ctx context.Context, _ *struct{}) (*customisationOutput, error) {
	c, err := a.Settings.Customisation(ctx, web.Principal(ctx).Tenant)
	if err != nil {
		return nil, err
	}
	return newCustomisationOutput(c), nil
}

type putCustomisationInput struct {
	Seen
	Body struct {
		VerifyPhone *string                       `json:"verify_phone,omitempty" enum:"off,on,locked_on"`
		VerifyEmail *string                       `json:"verify_email,omitempty" enum:"off,on,locked_on"`
		Brand       *Brand                        `json:"brand,omitempty" doc:"The whole brand: what is left out of it goes"`
		Locale      *string                       `json:"default_locale,omitempty" maxLength:"35" doc:"Language of invitations that name none, BCP 47; empty for that of the browser"`
		Texts       *map[string]map[string]string `json:"texts,omitempty" maxProperties:"40" doc:"By language tag and name: all texts of your own, without markup"`
		Consent     *ConsentTexts                 `json:"consent,omitempty"`
	}
}

// putCustomisation changes what the request has, as putChecks does.
func (a *api) putCustomisation(ctx context.Context, in *putCustomisationInput) (*customisationOutput, error) {
	c, err := a.Settings.Customisation(ctx, web.Principal(ctx).Tenant)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	if b.VerifyPhone != nil {
		c.VerifyPhone = policy.Toggle(*b.VerifyPhone)
	}
	if b.VerifyEmail != nil {
		c.VerifyEmail = policy.Toggle(*b.VerifyEmail)
	}
	if b.Brand != nil {
		c.Brand = policy.Brand{Name: b.Brand.Name, Support: b.Brand.Support, Accent: b.Brand.Accent, Background: b.Brand.Background}
		if logo := b.Brand.Logo; logo != nil {
			c.Brand.Logo, c.Brand.LogoType = logo.Data, logo.Type
		}
	}
	set(&c.Locale, b.Locale)
	set(&c.Texts, b.Texts)
	if b.Consent != nil {
		c.Consent = policy.Consent{Version: b.Consent.Version, Texts: b.Consent.Texts, Default: b.Consent.Default}
	}
	if c, err = a.Settings.SetCustomisation(ctx, inviter(ctx), c, version(in.IfMatch)); err != nil {
		return nil, err
	}
	return newCustomisationOutput(c), nil
}
