package delivery

import (
	"fmt"
	"net/mail"
	"time"

	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Sample is a message to customers that nobody gets: for a firm to look at.
type Sample struct {
	Name   string // one of Samples
	Tenant uid.Tenant
	Locale string                    // BCP 47
	Firm   string                    // who asks
	Link   string                    // in the place of a customer's own
	Host   string                    // of the page that a code is asked for on, empty: it is bound to none
	Lives  map[Channel]time.Duration // of codes
}

// Sampled is a Sample in words.
type Sampled struct {
	Content
	From mail.Address // whom it comes from, e-mail only
}

// What a made-up customer is called, and the code that they get.
const (
	sampleName = "Ada Lovelace"
	sampleCode = "123456"
)

// samples are the messages that customers get, those by text message first, each in the order in which it comes to them.
var samples = []struct {
	name    string
	channel Channel
	kind    string // of the notice; "" for a code
}{
	{"sms_link", SMS, KindInvitation},
	{"sms_code", SMS, ""},
	{"sms_reminder", SMS, KindReminder},
	{"email_link", Email, KindInvitation},
	{"email_code", Email, ""},
	{"email_reminder", Email, KindReminder},
	{"email_notice", Email, KindContactChanged},
}

// Samples are the names of the messages that can be looked at.
func Samples() (names []string) {
	for _, m := range samples {
		names = append(names, m.name)
	}
	return names
}

// Sample writes a message as Carry or Notify does, with a made-up name and code, and sends nothing. The sender is that of the provider
// which would be asked first.
func (d *Dispatcher) Sample(s Sample) (Sampled, error) {
	for _, m := range samples {
		if m.name != s.Name {
			continue
		}
		content, err := d.sample(s, m.channel, m.kind)
		made := Sampled{Content: content}
		if m.channel == Email {
			made.From = d.sender(s.Tenant, clean(s.Firm, maxServiceName))
		}
		return made, err
	}
	return Sampled{}, fmt.Errorf("delivery: no message %q to look at", s.Name)
}

func (d *Dispatcher) sample(s Sample, ch Channel, kind string) (Content, error) {
	if kind == "" {
		return d.renderer.render(Message{
			Channel: ch, Locale: s.Locale, ServiceName: s.Firm, Code: seal.CodeFrom(sampleCode), Life: s.Lives[ch], Host: s.Host,
		})
	}
	n := Notice{Channel: ch, Locale: s.Locale, Kind: kind, Firm: s.Firm}
	if noticeTexts[kind].sms != nil { // what brings no link names nobody either
		n.Name, n.Link = sampleName, s.Link
	}
	return d.renderer.notice(n)
}

// sender is whom an e-mail of a tenant comes from that asks under a name.
func (d *Dispatcher) sender(t uid.Tenant, name string) mail.Address {
	if r := find(d.routes, Email, recipient.Recipient{}, t); r != nil {
		if p, ok := r.use[0].Provider.(Signatory); ok {
			return p.Sender(r.sender, name)
		}
	}
	return mail.Address{Name: name}
}
