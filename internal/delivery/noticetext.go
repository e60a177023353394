package delivery

// maxName is how much of a person's name stands in a notice, in UTF-16 units.
const maxName = 64

// noticeSegments is how many segments the text message of a notice may take.
const noticeSegments = 2

// The phrases of notices. Every language has all of them.
const (
	phNoticeInvitation       phrase = "sms_invitation"
	phNoticeInvitationShort  phrase = "sms_invitation_short"
	phNoticeReminder         phrase = "sms_reminder"
	phNoticeReminderShort    phrase = "sms_reminder_short"
	phNoticeLeast            phrase = "sms_least"
	phNoticeSubject          phrase = "email_subject_invitation"
	phNoticeSubjectReminder  phrase = "email_subject_reminder"
	phNoticeGreeting         phrase = "email_greeting"
	phNoticeGreetingNameless phrase = "email_greeting_nameless"
	phNoticeLead             phrase = "email_lead_invitation"
	phNoticeLeadReminder     phrase = "email_lead_reminder"
	phNoticeButton           phrase = "email_button"
	phNoticeAddress          phrase = "email_address"
	phNoticeSecret           phrase = "email_secret"
	phNoticeStranger         phrase = "email_stranger"
	phNoticeSubjectContact   phrase = "email_subject_contact"
	phNoticeLeadContact      phrase = "email_lead_contact"
	phNoticeUnasked          phrase = "email_unasked"
)

var noticeBook = book{
	folder: "notices",
	phrases: []phrase{phDirection, phNoticeInvitation, phNoticeInvitationShort, phNoticeReminder, phNoticeReminderShort, phNoticeLeast,
		phNoticeSubject, phNoticeSubjectReminder, phNoticeGreeting, phNoticeGreetingNameless, phNoticeLead, phNoticeLeadReminder,
		phNoticeButton, phNoticeAddress, phNoticeSecret, phNoticeStranger, phNoticeSubjectContact, phNoticeLeadContact, phNoticeUnasked},
	slots: map[string]slot{"firm": slotFirm, "name": slotName, "link": slotLink},
}

// noticeTexts are the texts of each kind of notice. Those of a text message come with the fullest first; a kind without them has no link.
var noticeTexts = map[string]struct {
	sms                 []phrase
	subject, lead, last phrase
}{
	KindInvitation: {[]phrase{phNoticeInvitation, phNoticeInvitationShort, phNoticeLeast}, phNoticeSubject, phNoticeLead, phNoticeStranger},
	KindReminder:   {[]phrase{phNoticeReminder, phNoticeReminderShort, phNoticeLeast}, phNoticeSubjectReminder, phNoticeLeadReminder, phNoticeStranger},

	KindContactChanged: {nil, phNoticeSubjectContact, phNoticeLeadContact, phNoticeUnasked},
}

// notice writes n for its channel. Of the names in it the same holds as of those in a message with a code; the one link is n's.
func (r *renderer) notice(n Notice) (Content, error) {
	tag := n.Locale
	if tag == "" {
		tag = mainLanguage(n.To.Country)
	}
	l := orDefault(r.notices, tag)
	v := values{slotFirm: clean(n.Firm, maxServiceName), slotName: clean(n.Name, maxName), slotLink: n.Link}
	if n.Channel == Email {
		return r.noticeEmail(l, n.Kind, &v)
	}
	c := Content{Locale: l.locale}
	for _, name := range noticeTexts[n.Kind].sms {
		c.Text = l.texts[name].fill(&v)
		if c.Segments = Measure(c.Text).Segments; c.Segments <= noticeSegments {
			break
		}
	}
	if n.Channel != SMS { // other text channels count no segments
		c.Segments = 0
	}
	return c, nil
}

// noticeEmail writes subject, plain text and page.
func (r *renderer) noticeEmail(l *language, kind string, v *values) (Content, error) {
	greeting := phNoticeGreeting
	if v[slotName] == "" {
		greeting = phNoticeGreetingNameless
	}
	texts := noticeTexts[kind]
	page := noticePage{
		Lang:     l.locale,
		Dir:      l.dir,
		Subject:  l.texts[texts.subject].fill(v),
		Firm:     v[slotFirm],
		Greeting: l.texts[greeting].fill(v),
		Lead:     l.texts[texts.lead].fill(v),
		Link:     v[slotLink],
		Last:     l.texts[texts.last].fill(v),
	}
	if page.Link != "" {
		page.Button, page.Address, page.Secret = l.texts[phNoticeButton].fill(v), l.texts[phNoticeAddress].fill(v), l.texts[phNoticeSecret].fill(v)
	}
	return r.mail(page)
}
