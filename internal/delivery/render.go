package delivery

import (
	"fmt"
	"html/template"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// Content is a rendered message.
type Content struct {
	Locale   string // of the words, which is not always the one asked for
	Text     string // what is shown or read; the plain part of an e-mail
	Subject  string // e-mail only
	HTML     string // e-mail only
	Segments int    // SMS only, else 0
	Origin   Origin // what became of the origin-bound last line
}

// Origin says what became of the last line "@host #code" (SEC-87).
type Origin uint8

// What can become of it.
const (
	OriginNone    Origin = iota // the service has no host, or the channel no such line
	OriginBound                 // the last line is there
	OriginLeftOut               // it would have needed a second segment, or host or code don't fit the grammar
)

// transactionSegments is how many segments a message with a transaction may take (SEC-107).
const transactionSegments = 2

// slack is how much of a code's life may pass in queues before the message says a minute less.
const slack = 10 * time.Second

// renderer writes messages. It may be used concurrently.
type renderer struct {
	languages map[string]*language // the texts of codes
	notices   map[string]*language
	teams     map[string]*language
	pages     *template.Template
}

// rendererOf reads the texts. An error is a fault of the build.
func rendererOf(files fs.FS) (*renderer, error) {
	languages, err := loadLanguages(files, codeBook)
	if err != nil {
		return nil, err
	}
	notices, err := loadLanguages(files, noticeBook)
	if err != nil {
		return nil, err
	}
	teams, err := loadLanguages(files, teamBook)
	if err != nil {
		return nil, err
	}
	pages, err := loadPages(files)
	if err != nil {
		return nil, fmt.Errorf("e-mail pages: %w", err)
	}
	return &renderer{languages: languages, notices: notices, teams: teams, pages: pages}, nil
}

// language finds the texts of codes for a BCP 47 tag, English when there are none.
func (r *renderer) language(tag string) *language { return orDefault(r.languages, tag) }

// orDefault finds the texts for a BCP 47 tag, English when there are none.
func orDefault(all map[string]*language, tag string) *language {
	if l := closest(all, tag); l != nil {
		return l
	}
	return all[defaultLocale]
}

// closest finds the texts for a BCP 47 tag in any case: the tag itself, then what is left as subtags are cut off its end;
// or nil.
func closest(all map[string]*language, tag string) *language {
	tag = strings.ToLower(tag)
	for tag != "" {
		if l := all[tag]; l != nil {
			return l
		}
		tag = tag[:max(strings.LastIndexAny(tag, "-_"), 0)]
	}
	return nil
}

// render writes m for its channel. Whatever the names in m hold, the text has no control or direction characters, no
// line break of theirs, and no link.
func (r *renderer) render(m Message) (Content, error) {
	l := r.language(m.Locale)
	v := newValues(m)
	switch m.Channel {
	case Email:
		return r.email(l, &v, m.Transaction != nil)
	case SMS:
		return l.sms(m, &v), nil
	}
	if m.Text != "" {
		return Content{Locale: l.locale, Text: own(m)}, nil
	}
	plain, withTransaction := phSMS, phSMSTransaction // other text channels count no segments
	if m.Channel == Voice {
		plain, withTransaction = phVoice, phVoiceTransaction
	}
	if m.Transaction != nil {
		plain = withTransaction
	}
	return Content{Locale: l.locale, Text: l.texts[plain].fill(&v)}, nil
}

func newValues(m Message) values {
	code := m.Code.Reveal()
	v := values{
		slotService: clean(m.ServiceName, maxServiceName),
		slotCode:    code,
		slotMinutes: strconv.Itoa(minutes(m.Life)),
	}
	if m.Channel == Voice {
		v[slotDigits] = spell(code)
	}
	if t := m.Transaction; t != nil {
		v[slotAmount] = clean(t.Amount, maxAmount)
		v[slotCurrency] = clean(t.Currency, 3)
		v[slotPayee] = clean(t.Payee, maxPayee)
	}
	return v
}

// minutes is the life of a code as people are told it: whole minutes, at least one, rounded down.
func minutes(life time.Duration) int {
	return max(1, int((life+slack)/time.Minute))
}

// spell is a code for the ear: a pause after each character, a longer one after three (SEC-31).
func spell(code string) string {
	var b strings.Builder
	for i, c := range code {
		switch {
		case i == 0:
		case i%3 == 0 && i+1 < len(code):
			b.WriteString(". ")
		default:
			b.WriteString(", ")
		}
		b.WriteRune(c)
	}
	return b.String()
}

// sms picks the fullest text that fits: one segment, or two with a transaction. The last line is added where the message
// stays within one segment with it; for its sake a message without a transaction takes a shorter text, since what fits 160
// letters of a Latin language leaves no room among the 70 of others.
func (l *language) sms(m Message, v *values) Content {
	candidates, limit := []phrase{phSMS, phSMSShort}, 1
	if m.Transaction != nil {
		candidates = []phrase{phSMSTransaction, phSMSTransactionShort, phSMSTransactionLeast}
		limit = transactionSegments
	}
	c := Content{Locale: l.locale}
	if m.Text != "" {
		candidates, c.Text = nil, own(m)
		c.Segments = Measure(c.Text).Segments
	}
	shorter := candidates
	for i, name := range candidates {
		c.Text, shorter = l.texts[name].fill(v), candidates[i+1:]
		c.Segments = Measure(c.Text).Segments
		if c.Segments <= limit {
			break
		}
	}
	if m.Host == "" {
		return c
	}
	c.Origin = OriginLeftOut
	line := originLine(m)
	if line == "" {
		return c
	}
	texts := []string{c.Text}
	if m.Transaction == nil {
		for _, name := range shorter {
			texts = append(texts, l.texts[name].fill(v))
		}
	}
	for _, text := range texts {
		if Measure(text+line).Segments == 1 {
			c.Text, c.Segments, c.Origin = text+line, 1, OriginBound
			break
		}
	}
	return c
}

// own is a text that the caller brought, with the code in it. Control and direction characters are left out.
func own(m Message) string {
	code := m.Code.Reveal()
	if m.Channel == Voice {
		code = spell(code)
	}
	return strings.Replace(strings.Map(func(r rune) rune {
		if unshowable(r) {
			return -1
		}
		return r
	}, m.Text), CodeSlot, code, 1)
}

// originLine is the line break and last line of an origin-bound message, or "" when host or code don't fit the
// grammar of WICG sms-one-time-codes §4.
func originLine(m Message) string {
	code := m.Code.Reveal()
	if !isHost(m.Host) || !isBindable(code) {
		return ""
	}
	return "\n@" + m.Host + " #" + code
}

// email writes subject, plain text and page.
func (r *renderer) email(l *language, v *values, transaction bool) (Content, error) {
	subject := phSubject
	page := struct{ Lang, Dir, Subject, Service, Transaction, Lead, Code, Life, Secret, Stranger string }{
		Lang:     l.locale,
		Dir:      l.dir,
		Service:  v[slotService],
		Lead:     l.texts[phEmailLead].fill(v),
		Code:     v[slotCode],
		Life:     l.texts[phEmailLife].fill(v),
		Secret:   l.texts[phEmailSecret].fill(v),
		Stranger: l.texts[phEmailStranger].fill(v),
	}
	if transaction {
		subject = phSubjectTransaction
		page.Transaction = l.texts[phEmailTransaction].fill(v)
	}
	page.Subject = l.texts[subject].fill(v)
	html, err := r.page("email.html.tmpl", page)
	if err != nil {
		return Content{}, err
	}
	paragraphs := []string{page.Lead, page.Code, page.Life, page.Secret, page.Stranger}
	if transaction {
		paragraphs = append([]string{page.Transaction}, paragraphs...)
	}
	return Content{Locale: l.locale, Subject: page.Subject, HTML: html,
		Text: strings.Join(paragraphs, "\n\n") + "\n"}, nil
}

// page fills in a page of an e-mail.
func (r *renderer) page(name string, data any) (string, error) {
	var html strings.Builder
	err := r.pages.ExecuteTemplate(&html, name, data)
	return html.String(), err
}
