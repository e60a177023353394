package delivery

import "strings"

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
	phTeamObjection         phrase = "objection"
	phTeamStranger          phrase = "stranger"
)

var teamBook = book{
	folder: "teams",
	phrases: []phrase{phDirection, phTeamSubjectInvitation, phTeamSubjectReset, phTeamSubjectSecurity, phTeamSubjectSetting, phTeamInvitation,
		phTeamReset, phTeamResetDone, phTeamTOTPAdded, phTeamTOTPChanged, phTeamPassword, phTeamCodesRenewed, phTeamCodeUsed, phTeamLoosened,
		phTeamObjection, phTeamStranger},
	slots: map[string]slot{"firm": slotFirm},
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
}

// mail writes the plain text and the page of p.
func (r *renderer) mail(p noticePage) (Content, error) {
	html, err := r.page("notice.html.tmpl", p)
	if err != nil {
		return Content{}, err
	}
	var parts []string
	for _, part := range []string{p.Greeting, p.Lead, p.Link, p.Secret, p.Last} {
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
	greeting := phNoticeGreeting
	if v[slotName] == "" {
		greeting = phNoticeGreetingNameless
	}
	text := teamTexts[n.Kind]
	p := noticePage{Lang: l.locale, Dir: l.dir, Subject: l.texts[text.subject].fill(&v), Firm: v[slotFirm],
		Greeting: common.texts[greeting].fill(&v), Lead: l.texts[text.lead].fill(&v), Last: l.texts[phTeamObjection].fill(&v)}
	if text.link {
		p.Link, p.Button, p.Address = n.Link, common.texts[phNoticeButton].fill(&v), common.texts[phNoticeAddress].fill(&v)
		p.Secret, p.Last = common.texts[phNoticeSecret].fill(&v), l.texts[phTeamStranger].fill(&v)
	}
	return r.mail(p)
}
