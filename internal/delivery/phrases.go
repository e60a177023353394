package delivery

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
)

// defaultLocale is what a message is written in when its own locale has no texts.
const defaultLocale = "en"

// The texts: one file a language, each text with a note for who translates it. Those of codes are in messages, those of
// notices in notices, and in teams for those to operators.
//
//go:embed messages notices teams
var files embed.FS

// Files are the texts of messages and the pages of e-mails.
func Files() fs.FS { return files }

// phrase names one text of a message file.
type phrase string

// The phrases. Every language has all of them.
const (
	phDirection           phrase = "locale"
	phSMS                 phrase = "sms"
	phSMSShort            phrase = "sms_short"
	phSMSTransaction      phrase = "sms_transaction"
	phSMSTransactionShort phrase = "sms_transaction_short"
	phSMSTransactionLeast phrase = "sms_transaction_least"
	phVoice               phrase = "voice"
	phVoiceTransaction    phrase = "voice_transaction"
	phSubject             phrase = "email_subject"
	phSubjectTransaction  phrase = "email_subject_transaction"
	phEmailTransaction    phrase = "email_transaction"
	phEmailLead           phrase = "email_lead"
	phEmailLife           phrase = "email_life"
	phEmailSecret         phrase = "email_secret"
	phEmailStranger       phrase = "email_stranger"
)

var phrases = []phrase{phDirection, phSMS, phSMSShort, phSMSTransaction, phSMSTransactionShort, phSMSTransactionLeast,
	phVoice, phVoiceTransaction, phSubject, phSubjectTransaction, phEmailTransaction, phEmailLead, phEmailLife,
	phEmailSecret, phEmailStranger}

// entry is one text as it stands in a file. One is the form for a single minute, where the language has its own.
type entry struct {
	Note string `json:"note"`
	Text string `json:"text"`
	One  string `json:"one"`
}

// slot is what a variable of a text stands for.
type slot uint8

// The slots; literal is text that stands for itself.
const (
	literal slot = iota
	slotService
	slotCode
	slotDigits
	slotMinutes
	slotAmount
	slotCurrency
	slotPayee
	slotFirm
	slotName
	slotLink
	slotWho
	slotWhen
	slotSetting
	slotFrom
	slotTo
	slots
)

// book is what a folder of message files must hold.
type book struct {
	folder  string
	phrases []phrase
	slots   map[string]slot // the variables that its texts may have
}

var codeBook = book{folder: "messages", phrases: phrases, slots: map[string]slot{"service": slotService, "code": slotCode,
	"digits": slotDigits, "minutes": slotMinutes, "amount": slotAmount, "currency": slotCurrency, "payee": slotPayee}}

// values are what the variables stand for in one message.
type values [slots]string

// piece is a run of text or a variable.
type piece struct {
	slot slot
	text string
}

// compiled is a text ready to fill in.
type compiled struct{ many, one []piece }

// fill puts the values in. A value is never looked at for variables of its own.
func (c compiled) fill(v *values) string {
	pieces := c.many
	if v[slotMinutes] == "1" && c.one != nil {
		pieces = c.one
	}
	var b strings.Builder
	gone := false // the last value was empty, so that the space behind it goes too
	for _, p := range pieces {
		if p.slot == literal {
			text := p.text
			if gone {
				text = strings.TrimPrefix(text, " ")
			}
			b.WriteString(text)
			gone = false
		} else {
			b.WriteString(v[p.slot])
			gone = v[p.slot] == ""
		}
	}
	return b.String()
}

// language is the texts of one language.
type language struct {
	locale string
	dir    string // "ltr" or "rtl"
	texts  map[phrase]compiled
}

// loadPages reads the pages of e-mails. An error is a fault of the build.
func loadPages(fsys fs.FS) (*template.Template, error) {
	return template.ParseFS(fsys, "messages/*.html.tmpl", "notices/*.html.tmpl")
}

// loadLanguages reads every message file of a book. An error is a fault of the build.
func loadLanguages(fsys fs.FS, b book) (map[string]*language, error) {
	names, err := fs.Glob(fsys, b.folder+"/*.json")
	if err != nil {
		return nil, err
	}
	all := make(map[string]*language, len(names))
	for _, name := range names {
		locale := strings.TrimSuffix(path.Base(name), ".json")
		raw, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		if all[locale], err = b.parseLanguage(locale, raw); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if all[defaultLocale] == nil {
		return nil, fmt.Errorf("no texts for %q", defaultLocale)
	}
	return all, nil
}

// parseLanguage reads one message file, which must hold every phrase.
func (b book) parseLanguage(locale string, raw []byte) (*language, error) {
	var entries map[phrase]entry
	if err := json.Unmarshal(raw, &entries); err != nil {
		return nil, err
	}
	l := &language{locale: locale, dir: entries[phDirection].Text, texts: make(map[phrase]compiled, len(entries))}
	for _, name := range b.phrases {
		e, ok := entries[name]
		if !ok || e.Text == "" || e.Note == "" {
			return nil, fmt.Errorf("%q needs a text, and a note for who translates it", name)
		}
		many, err := b.compile(e.Text)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", name, err)
		}
		c := compiled{many: many}
		if e.One != "" {
			if c.one, err = b.compile(e.One); err != nil {
				return nil, fmt.Errorf("%q: %w", name, err)
			}
		}
		l.texts[name] = c
	}
	return l, nil
}

// compile cuts a text into runs and variables. A brace that opens no known variable is an error.
func (b book) compile(text string) ([]piece, error) {
	var out []piece
	for text != "" {
		before, rest, found := strings.Cut(text, "{")
		if before != "" {
			out = append(out, piece{text: before})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		s, known := b.slots[name]
		if !closed || !known {
			return nil, fmt.Errorf("unknown variable {%s}", name)
		}
		out = append(out, piece{slot: s})
		text = after
	}
	return out, nil
}
