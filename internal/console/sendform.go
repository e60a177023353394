package console

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// mostEntered is the longest life of a link whose customer enters the contacts, in hours (ID-30).
const mostEntered = 30 * 24

// newVerification is the form by the firm's settings of this moment, with what was typed.
func (v *visit) newVerification() (*NewVerification, error) {
	c, err := v.site.Invitations.Checks(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	look, err := v.site.Invitations.Customisation(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	page := &NewVerification{
		Act: v.form(pathNew).once(), Most: invite.MaxMany, Mode: c.Mobile2FA, Reasoned: c.OverrideReason,
		Mobile2FA: boxOf(c.Mobile2FA.Preset(), c.Mobile2FA.Locked()), SMS: toggleBox(look.VerifyPhone), Email: toggleBox(look.VerifyEmail),
		Reason: v.posted(FieldReason), Expires: v.posted(FieldExpires), Redirect: v.posted(FieldRedirect), External: v.posted(FieldExternalID),
		Locales: chosen(v.site.Contacts.Locales(), v.posted(FieldLocale)), ImportURL: pathImport,
	}
	page.LocaleSet = look.Locale != ""
	if c.LinkExpiryHours != nil {
		page.ExpiresSet = *c.LinkExpiryHours
	}
	if v.r.Method == http.MethodPost {
		page.Mobile2FA.take(v, FieldMobile2FA)
		page.SMS.take(v, FieldVerifyPhone)
		page.Email.take(v, FieldVerifyEmail)
		page.HandOver, page.AllowOpen, page.AskOpen = v.ticked(FieldHandOver), v.ticked(FieldAllowOpen), v.ticked(FieldAskOpen)
	}
	page.Advanced = page.Expires+page.Redirect+page.External+v.posted(FieldLocale) != "" || page.entered() || page.HandOver || page.AllowOpen
	page.Customers = v.customers(page, v.site.Contacts.Countries(c.Countries...), c.DefaultCountry)
	return page, nil
}

// customers are those of the form, in their order: one at least, and no more than fit in.
func (v *visit) customers(page *NewVerification, countries []Option, usual string) (all []Customer) {
	for i := range page.Most {
		of := func(field string) string { return v.posted(page.Of(field, i)) }
		if i > 0 && !v.r.PostForm.Has(page.Of(FieldFirstName, i)) {
			break
		}
		country := of(FieldCountry)
		if !v.r.PostForm.Has(page.Of(FieldCountry, i)) {
			if country = usual; len(countries) == 1 {
				country = countries[0].Value // the only one that the firm allows
			}
		}
		all = append(all, Customer{
			FirstName: of(FieldFirstName), LastName: of(FieldLastName), Email: of(FieldEmailAddress), Mobile: of(FieldMobile),
			Reference: of(FieldReference), Notes: of(FieldNotes), Countries: chosen(countries, country), Own: v.ticked(page.Of(FieldOwn, i)),
		})
	}
	return all
}

func boxOf(on, locked bool) Box { return Box{On: on, Locked: locked} }

func toggleBox(t policy.Toggle) Box {
	return boxOf(t == policy.On || t == policy.LockedOn, t == policy.LockedOn)
}

// take is what the sender chose, where there was something to choose: a box that is locked sends nothing.
func (b *Box) take(v *visit, field string) {
	if !b.Locked {
		b.On = v.ticked(field)
	}
}

// entered reports whether customers confirm contacts that they enter, beside what Mobile 2FA proves (ID-5, ID-7).
func (page *NewVerification) entered() bool { return page.SMS.On || page.Email.On }

// country is the one that was chosen for a customer's number.
func (c *Customer) country() string { return picked(c.Countries) }

func picked(all []Option) string {
	for _, o := range all {
		if o.Chosen {
			return o.Value
		}
	}
	return ""
}

// hoursOf reads a life in hours; 0 when nothing was typed.
func hoursOf(typed string) (hours int, ok bool) {
	if typed == "" {
		return 0, true
	}
	hours, err := strconv.Atoi(typed)
	return hours, err == nil && hours > 0 && hours <= policy.MaxLinkExpiryHours
}

// requests are what the form asks for, one of each customer.
func (v *visit) requests(page *NewVerification) []invite.CreateRequest {
	all := make([]invite.CreateRequest, len(page.Customers))
	for i := range page.Customers {
		c := &page.Customers[i]
		r := invite.CreateRequest{
			Caller: v.inviter(), Kind: invite.Fixed, FirstName: c.FirstName, LastName: c.LastName, Email: c.Email, Mobile: c.Mobile,
			Country: c.country(), Notes: c.Notes, Reason: page.Reason, Reference: c.Reference, ExternalID: page.External,
			Locale: picked(page.Locales), RedirectURL: page.Redirect, Silent: page.HandOver, Idempotency: v.once(strconv.Itoa(i)),
		}
		if !page.AllowOpen {
			r.IfOpen = invite.OpenRefused
		}
		if !page.Mobile2FA.Locked { // a box that is locked asks for nothing: the firm's setting decides
			r.Mobile2FA = &page.Mobile2FA.On
		}
		hours, _ := hoursOf(page.Expires)
		if page.entered() {
			page.enter(&r)
			if hours == 0 { // as in any other verification of the firm, as far as it goes
				hours = mostEntered
				if page.ExpiresSet > 0 {
					hours = min(page.ExpiresSet, mostEntered)
				}
			}
		}
		if hours > 0 {
			life := time.Duration(hours) * time.Hour
			r.LinkTTL = &life
		}
		all[i] = r
	}
	return all
}

// enter asks for an invitation whose customer confirms contacts that may be their own to enter. What the firm requires of the given
// number is asked for as well.
func (page *NewVerification) enter(r *invite.CreateRequest) {
	r.Kind, r.Contacts = invite.Entered, invite.Prefill{Phone: r.Mobile, Email: r.Email}
	r.Email, r.Mobile = "", ""
	r.Mobile2FA, r.VerifyPhone, r.VerifyEmail = &page.Mobile2FA.On, &page.SMS.On, &page.Email.On
}

// once names a form that was drawn here, so that a second click does nothing more. part is one of several things that it asks for,
// file what it has beside its fields.
func (v *visit) once(part string, file ...byte) *verify.Idempotency {
	once := onceOf(v.r)
	if once == "" {
		return nil
	}
	form := maps.Clone(v.r.PostForm)
	form.Del(FieldToken)
	return &verify.Idempotency{
		Key:  "console-" + v.Operator.ID.Text(uid.Operator) + "-" + url.QueryEscape(once) + "-" + part,
		Body: append([]byte(v.r.URL.Path+"\n"+form.Encode()+"\n"), file...),
	}
}

// carry is the form as fields that are sent on unseen.
func (page *NewVerification) carry() (all []Carried) {
	add := func(name, value string) {
		if value != "" {
			all = append(all, Carried{name, value})
		}
	}
	tick := func(name string, on bool) {
		if on {
			add(name, "on")
		}
	}
	for i := range page.Customers {
		c := &page.Customers[i]
		all = append(all, Carried{page.Of(FieldFirstName, i), c.FirstName}) // also when empty: it counts the customers
		add(page.Of(FieldLastName, i), c.LastName)
		add(page.Of(FieldEmailAddress, i), c.Email)
		add(page.Of(FieldMobile, i), c.Mobile)
		add(page.Of(FieldCountry, i), c.country())
		add(page.Of(FieldReference, i), c.Reference)
		add(page.Of(FieldNotes, i), c.Notes)
		tick(page.Of(FieldOwn, i), c.Own)
	}
	tick(FieldMobile2FA, page.Mobile2FA.On)
	tick(FieldVerifyPhone, page.SMS.On)
	tick(FieldVerifyEmail, page.Email.On)
	tick(FieldHandOver, page.HandOver)
	tick(FieldAllowOpen, page.AllowOpen)
	tick(FieldAskOpen, page.AskOpen)
	for name, value := range map[string]string{FieldReason: page.Reason, FieldLocale: picked(page.Locales), FieldExpires: page.Expires, FieldRedirect: page.Redirect, FieldExternalID: page.External} {
		add(name, value)
	}
	add(FieldMode, string(page.Mode))
	add(FieldAgain, "1")
	return all
}
