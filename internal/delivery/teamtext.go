package delivery

import (
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/policy"
)

// The kinds of notices to operators, by e-mail. The first two bring a link.
const (
	KindTeamInvitation   = "team_invitation"
	KindTeamReset        = "team_reset"
	KindTeamResetDone    = "team_reset_done"
	KindTeamTOTPAdded    = "team_totp_added"
	KindTeamTOTPChanged  = "team_totp_changed"
	KindTeamPassword     = "team_password"
	KindTeamCodesRenewed = "team_codes_renewed"
	KindTeamCodeUsed     = "team_code_used"
	KindTeamLoosened     = "team_setting_loosened"
)

// The phrases of notices to operators. Every language has all of them.
const (
	phTeamSubjectInvitation phrase = "subject_invitation"
	phTeamSubjectReset      phrase = "subject_reset"
	phTeamSubjectSecurity   phrase = "subject_security"
	phTeamSubjectSetting    phrase = "subject_setting"
	phTeamInvitation        phrase = "lead_invitation"
	phTeamReset             phrase = "lead_reset"
	phTeamResetDone         phrase = "lead_reset_done"
	phTeamTOTPAdded         phrase = "lead_totp_added"
	phTeamTOTPChanged       phrase = "lead_totp_changed"
	phTeamPassword          phrase = "lead_password"
	phTeamCodesRenewed      phrase = "lead_codes_renewed"
	phTeamCodeUsed          phrase = "lead_code_used"
	phTeamLoosened          phrase = "lead_loosened"
	phTeamChange            phrase = "loosened_change"
	phTeamObjection         phrase = "objection"
	phTeamOwner             phrase = "objection_owner"
	phTeamStranger          phrase = "stranger"
)

// The names of settings and of their values, as package policy has them, begin with these.
const (
	phTeamSetting phrase = "setting_"
	phTeamValue   phrase = "value_"
)

var (
	teamSettings = []phrase{"setting_mobile_2fa", "setting_keep_proof", "setting_verify_phone", "setting_verify_email"}
	teamValues   = []phrase{"value_yes_required", "value_yes_optional", "value_no_optional", "value_no_required", "value_locked_on", "value_on", "value_off"}
)

var teamBook = book{
	folder: "teams",
	phrases: slices.Concat(teamSettings, teamValues, []phrase{phDirection, phTeamSubjectInvitation, phTeamSubjectReset, phTeamSubjectSecurity, phTeamSubjectSetting, phTeamInvitation,
		phTeamReset, phTeamResetDone, phTeamTOTPAdded, phTeamTOTPChanged, phTeamPassword, phTeamCodesRenewed, phTeamCodeUsed, phTeamLoosened,
		phTeamChange, phTeamObjection, phTeamOwner, phTeamStranger}),
	slots: map[string]slot{"firm": slotFirm, "who": slotWho, "when": slotWhen, "setting": slotSetting, "from": slotFrom, "to": slotTo},
}

// teamText is the text of a kind of notice to operators.
type teamText struct {
	subject, lead phrase
	link          bool // it brings one
}

var teamTexts = map[string]teamText{
	KindTeamInvitation:   {phTeamSubjectInvitation, phTeamInvitation, true},
	KindTeamReset:        {phTeamSubjectReset, phTeamReset, true},
	KindTeamResetDone:    {phTeamSubjectSecurity, phTeamResetDone, false},
	KindTeamTOTPAdded:    {phTeamSubjectSecurity, phTeamTOTPAdded, false},
	KindTeamTOTPChanged:  {phTeamSubjectSecurity, phTeamTOTPChanged, false},
	KindTeamPassword:     {phTeamSubjectSecurity, phTeamPassword, false},
	KindTeamCodesRenewed: {phTeamSubjectSecurity, phTeamCodesRenewed, false},
	KindTeamCodeUsed:     {phTeamSubjectSecurity, phTeamCodeUsed, false},
	KindTeamLoosened:     {phTeamSubjectSetting, phTeamLoosened, false},
}

// noticePage is what the page of a notice shows. Without a link it says what happened and what to do if that is not right.
type noticePage struct {
	Lang, Dir, Subject, Firm, Greeting, Lead, Link, Button, Address, Secret, Last string

	Changes []string
}

// mail writes the plain text and the page of p.
func (r *renderer) mail(p noticePage) (Content, error) {
	html, err := r.page("notice.html.tmpl", p)
	if err != nil {
		return Content{}, err
	}
	var parts []string
	for _, part := range slices.Concat([]string{p.Greeting, p.Lead}, p.Changes, []string{p.Link, p.Secret, p.Last}) {
		if part != "" {
			parts = append(parts, part)
		}
	}
	return Content{Locale: p.Lang, Subject: p.Subject, Text: strings.Join(parts, "\n\n") + "\n", HTML: html}, nil
}

// team writes a notice to an operator. What it shares with those to customers is theirs.
func (r *renderer) team(n Notice) (Content, error) {
	l, common := orDefault(r.teams, n.Locale), orDefault(r.notices, n.Locale)
	v := values{slotFirm: clean(n.Firm, maxServiceName), slotName: clean(n.Name, maxName), slotLink: n.Link}
	v[slotWho], v[slotWhen] = clean(n.Loosened.By, maxName), n.Loosened.At.UTC().Format("2006-01-02 15:04 UTC")
	greeting := phNoticeGreeting
	if v[slotName] == "" {
		greeting = phNoticeGreetingNameless
	}
	text := teamTexts[n.Kind]
	p := noticePage{Lang: l.locale, Dir: l.dir, Subject: l.texts[text.subject].fill(&v), Firm: v[slotFirm],
		Greeting: common.texts[greeting].fill(&v), Lead: l.texts[text.lead].fill(&v), Last: l.texts[phTeamObjection].fill(&v)}
	for _, one := range n.Loosened.What {
		p.Changes = append(p.Changes, l.change(one, v))
	}
	if n.Kind == KindTeamLoosened { // an owner has nobody above to tell
		p.Last = l.texts[phTeamOwner].fill(&v)
	}
	if text.link {
		p.Link, p.Button, p.Address = n.Link, common.texts[phNoticeButton].fill(&v), common.texts[phNoticeAddress].fill(&v)
		p.Secret, p.Last = common.texts[phNoticeSecret].fill(&v), l.texts[phTeamStranger].fill(&v)
	}
	return r.mail(p)
}

// change is one setting that was loosened, in words.
func (l *language) change(one policy.Loosening, v values) string {
	v[slotSetting] = l.texts[phTeamSetting+phrase(one.Setting)].fill(&v)
	v[slotFrom], v[slotTo] = l.texts[phTeamValue+phrase(one.From)].fill(&v), l.texts[phTeamValue+phrase(one.To)].fill(&v)
	return l.texts[phTeamChange].fill(&v)
}
