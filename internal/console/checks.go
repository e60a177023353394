package console

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// Settings is what the console asks of invite.Service about what a firm decided, which says what each method answers.
type Settings interface {
	Checks(ctx context.Context, t uid.Tenant) (policy.Checks, error)
	SetChecks(ctx context.Context, by invite.Caller, c policy.Checks, version int64) (policy.Checks, error)
	Customisation(ctx context.Context, t uid.Tenant) (policy.Customisation, error)
	SetCustomisation(ctx context.Context, by invite.Caller, c policy.Customisation, version int64) (policy.Customisation, error)
}

const pathChecks = Prefix + "/settings/checks"

func (s *Site) settingsRoutes() []route {
	return []route{
		{"GET " + pathChecks, AtSettings, operator.SeeSettings, s.showChecks},
		{"POST " + pathChecks, AtSettings, operator.ChangeChecks, s.setChecks},
	}
}

func (s *Site) showChecks(v *visit) (View, error) {
	c, err := s.Settings.Checks(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	return v.checksPage(checksTyped(c), c)
}

// checksPage is the page with what was typed, or is kept.
func (v *visit) checksPage(page Checks, kept policy.Checks, wrong ...Problem) (View, error) {
	var err error
	if page.Last, err = v.changed(kept.UpdatedAt, kept.UpdatedBy); err != nil {
		return nil, err
	}
	page.Defaults = chosen(v.site.Contacts.Countries(), page.DefaultCountry)
	page.Frame, page.Act, page.May = v.frame(wrong...), v.form(pathChecks), v.May(operator.ChangeChecks)
	return &page, nil
}

// changed says who changed settings last.
func (v *visit) changed(at time.Time, by string) (Changed, error) {
	if at.IsZero() {
		return Changed{}, nil
	}
	all, err := v.names()
	return Changed{At: at, By: all.of(by)}, err
}

// checksTyped is c as the form has it.
func checksTyped(c policy.Checks) Checks {
	page := Checks{
		Version: c.Version, Mode: c.Mobile2FA, Demand: c.OverrideReason, Editable: c.EditableByCustomer, KeepProof: c.KeepProof,
		Minutes: strconv.Itoa(c.CodeMinutes), Resends: strconv.Itoa(c.Resend.Max), LinkNever: c.LinkExpiryHours == nil, Reminders: c.Reminders.Enabled,
		Countries: strings.Join(c.Countries, ", "), DefaultCountry: c.DefaultCountry, Allows: strings.Join(c.RedirectURLs, "\n"),
	}
	if c.LinkExpiryHours != nil {
		page.LinkHours = strconv.Itoa(*c.LinkExpiryHours)
	}
	var waits, days []string
	for _, d := range c.Resend.CoolDowns {
		waits = append(waits, strconv.Itoa(int(d/time.Second)))
	}
	for _, d := range c.Reminders.Days {
		days = append(days, strconv.Itoa(d))
	}
	page.CoolDowns, page.ReminderDays = strings.Join(waits, ", "), strings.Join(days, ", ")
	return page
}

// readChecks is the form as it was typed.
func (v *visit) readChecks() (page Checks, err error) {
	page = Checks{
		Mode: policy.Mode(v.value(FieldMobile2FA)), Demand: v.ticked(FieldDemand), Editable: v.ticked(FieldEditable), KeepProof: v.ticked(FieldKeepProof),
		Minutes: v.value(FieldMinutes), Resends: v.value(FieldResends), CoolDowns: v.value(FieldCoolDowns), LinkHours: v.value(FieldLinkHours),
		LinkNever: v.ticked(FieldLinkNever), Reminders: v.ticked(FieldReminders), ReminderDays: v.value(FieldReminderAt),
		Countries: v.value(FieldCountries), DefaultCountry: v.value(FieldDefault), Allows: lines(v.value(FieldRedirects)),
	}
	page.Version, err = v.version()
	return page, err
}

// version is that of what the form was drawn from.
func (v *visit) version() (int64, error) {
	n, err := strconv.ParseInt(v.value(FieldVersion), 10, 64)
	if err != nil || n < 0 {
		return 0, errOutdated
	}
	return n, nil
}

// lines are those of a field as the rest of the program has them: browsers send \r\n.
func lines(typed string) string { return strings.ReplaceAll(typed, "\r\n", "\n") }

// items are those of a list, between commas, spaces or lines.
func items(typed string) []string {
	return strings.FieldsFunc(typed, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\n' || r == '\r' || r == '\t' })
}

// notNumber is what a field with something else than a whole number has: it is outside of each bound, so that the domain tells these.
const notNumber = -1

func number(typed string) int {
	n, err := strconv.Atoi(typed)
	if err != nil {
		return notNumber
	}
	return n
}

// decided is what the form decides.
func (page *Checks) decided() policy.Checks {
	c := policy.Checks{
		Mobile2FA: page.Mode, OverrideReason: page.Demand, EditableByCustomer: page.Editable, KeepProof: page.KeepProof,
		CodeMinutes: number(page.Minutes), Resend: policy.Resend{Max: number(page.Resends)}, Reminders: policy.Reminders{Enabled: page.Reminders},
		RedirectURLs: strings.Fields(page.Allows), DefaultCountry: page.DefaultCountry,
	}
	if !page.LinkNever {
		hours := number(page.LinkHours)
		c.LinkExpiryHours = &hours
	}
	for _, w := range items(page.CoolDowns) {
		c.Resend.CoolDowns = append(c.Resend.CoolDowns, waited(number(w)))
	}
	for _, d := range items(page.ReminderDays) {
		c.Reminders.Days = append(c.Reminders.Days, number(d))
	}
	for _, country := range items(page.Countries) {
		c.Countries = append(c.Countries, strings.ToUpper(country))
	}
	return c
}

// waited is n seconds; more than a day is a day, which no field allows, so that nothing runs over.
func waited(n int) time.Duration { return time.Duration(min(n, 86400)) * time.Second }

// checksFields are the fields of the form whose names are not those of package policy.
func checksFields(c policy.Checks) map[string]string {
	resend := FieldCoolDowns
	if c.Resend.Max < 0 || c.Resend.Max > policy.MaxResends {
		resend = FieldResends
	}
	return map[string]string{"resend": resend, "reminders": FieldReminderAt}
}

// setChecks changes what is required. What lets a gate be absent that could not be before is asked once more (RA-17).
func (s *Site) setChecks(v *visit) (View, error) {
	page, err := v.readChecks()
	if err != nil {
		return nil, err
	}
	kept, err := s.Settings.Checks(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	c := page.decided()
	if err := c.Validate(); err != nil {
		problems, err := wrong(err, checksFields(c))
		if err != nil {
			return nil, err
		}
		return v.checksPage(page, kept, problems...)
	}
	if kept.Version == page.Version && c.Loosens(&kept) && v.value(FieldConfirmed) == "" {
		return &Confirm{Frame: v.frame(), What: "loosen", Act: v.form(pathChecks), Carry: v.carry(), BackURL: pathChecks}, nil
	}
	_, err = s.Settings.SetChecks(v.ctx(), v.inviter(), c, page.Version)
	if fault.Is(err, fault.Conflict) {
		return s.staleChecks(v, page)
	}
	if err != nil {
		return nil, err
	}
	return v.leave(pathChecks, Flash{Said: "saved"})
}

// carry are the fields of the form, for the page that comes between. Whether it was meant is asked anew each time.
func (v *visit) carry() []Carried { return carried(v.r.PostForm, FieldToken, FieldConfirmed) }

// staleChecks shows what somebody else saved meanwhile beside what was sent.
func (s *Site) staleChecks(v *visit, mine Checks) (View, error) {
	c, err := s.Settings.Checks(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	theirs := checksTyped(c)
	fields := []compared{
		{"mobile_2fa", s.pages.text("mode_" + string(theirs.Mode)), s.pages.text("mode_" + string(mine.Mode))},
		{"demand", s.box(theirs.Demand), s.box(mine.Demand)},
		{"editable", s.box(theirs.Editable), s.box(mine.Editable)},
		{"keep_proof", s.box(theirs.KeepProof), s.box(mine.KeepProof)},
		{"code_minutes", theirs.Minutes, mine.Minutes},
		{"resend_max", theirs.Resends, mine.Resends},
		{"cooldowns", list(theirs.CoolDowns), list(mine.CoolDowns)},
		{"link_never", s.box(theirs.LinkNever), s.box(mine.LinkNever)},
		{"reminders", s.box(theirs.Reminders), s.box(mine.Reminders)},
		{"reminder_days", list(theirs.ReminderDays), list(mine.ReminderDays)},
		{"countries", list(strings.ToUpper(theirs.Countries)), list(strings.ToUpper(mine.Countries))},
		{"default_country", list(theirs.DefaultCountry), list(mine.DefaultCountry)},
		{"redirect_urls", list(theirs.Allows), list(mine.Allows)},
	}
	if !theirs.LinkNever && !mine.LinkNever {
		fields = append(fields, compared{"link_expiry", theirs.LinkHours, mine.LinkHours})
	}
	return v.staleSettings(pathChecks, pathChecks, edition{c.Version, c.UpdatedAt, c.UpdatedBy}, fields)
}

// list is a list as it is compared.
func list(typed string) string { return strings.Join(items(typed), ", ") }
