package devphone_test

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/devphone"
	"github.com/countersign/countersign/internal/web/browsertest"
)

var pictures = flag.String("pictures", "", "write a picture of each page of the gallery into this folder")

// An exhibit is one state of the page.
type exhibit struct {
	name     string
	query    string
	messages []devphone.Message
	before   string // script that is run first
}

const rightToLeft = `document.documentElement.dir = "rtl"`

// pausedAndCopied puts on the page what lasts too short to be looked at.
const pausedAndCopied = `document.getElementById("state").dataset.state = "paused"; document.getElementById("state-word").textContent = "Paused";
	const [first, second] = document.querySelectorAll(".copy"); first.dataset.state = "done"; second.dataset.state = "byhand"; first.focus()`

// gallery is every state that is worth looking at.
func gallery() []exhibit {
	return []exhibit{
		{name: "empty"},
		{name: "one", messages: everyday()[:1]},
		{name: "several", messages: everyday()},
		{name: "invited", messages: invited()},
		{name: "longest", messages: longest()},
		{name: "unfolded", messages: longest()[3:], before: `document.querySelector("details").open = true`},
		{name: "paused", messages: everyday()[3:], before: pausedAndCopied},
		{name: "found", query: "?to=example", messages: everyday()},
		{name: "not-found", query: "?to=nobody@example.org", messages: everyday()},
		{name: "several-rtl", messages: everyday(), before: rightToLeft},
		{name: "longest-rtl", messages: longest(), before: rightToLeft},
	}
}

// everyday is an ordinary hour, oldest first.
func everyday() []devphone.Message {
	return []devphone.Message{
		{ID: "dlv_1", To: "+12025550123", Channel: delivery.SMS, From: "Acme", Provider: "main", Code: "482913", CreatedAt: at,
			Body: "Acme: 482913 is your code. It is good for 5 minutes. Do not share it.\n\n@acme.example #482913"},
		{ID: "dlv_2", To: "+442079460123", Channel: delivery.Voice, From: "+442079460000", Provider: "calls", Code: "7310", CreatedAt: at.Add(40 * time.Second),
			Body: "Hello. Your Acme code is: 7, 3, 1, 0. Once more: 7, 3, 1, 0. Goodbye."},
		{ID: "dlv_3", To: "ada@example.org", Channel: delivery.Email, From: "Acme <no-reply@acme.example>", Subject: "118207 is your Acme code", Provider: "post", Code: "118207", CreatedAt: at.Add(time.Minute),
			Body: "Your code is 118207.\n\nIt is good for 10 minutes. Do not share it with anyone.\n\nIf you did not ask for it, ignore this message."},
		{ID: "dlv_4", To: "+447700900123", Channel: delivery.WhatsApp, From: "Acme", Provider: "main", Code: "905551", CreatedAt: at.Add(2 * time.Minute),
			Body: "905551 is your code. Do not share it."},
		{ID: "dlv_5", To: "+447700900123", Channel: delivery.SMS, From: "Acme", Provider: "smsc", Code: "264098", CreatedAt: at.Add(3 * time.Minute),
			Body: "Acme: 264098 is your code. It is good for 5 minutes. Do not share it."},
	}
}

// invited is what brings people links, oldest first.
func invited() []devphone.Message {
	const link = origin + "/v/3nq8ZkT0vYbR5mLx1cWd7HsJpA9eGfUyKo2iBt4QwMz"
	return []devphone.Message{
		{ID: "ntc_1", To: "ada@example.org", Channel: delivery.Email, From: "Acme <no-reply@acme.example>", Subject: "Acme asks you to confirm your details", Provider: "post", Link: link, CreatedAt: at,
			Body: "Hello Ada,\n\nAcme asks you to confirm your details. To go on, open this link:\n\n" + link + "\n\nThe link is for you alone."},
		{ID: "ntc_2", To: "+12025550123", Channel: delivery.SMS, From: "Acme", Provider: "main", Link: link, CreatedAt: at.Add(time.Second),
			Body: "Acme asks you to confirm your details. This link is for you alone: " + link},
		{ID: "ntc_3", To: "+971501234567", Channel: delivery.SMS, From: "Acme", Provider: "main", Link: link, CreatedAt: at.Add(time.Minute),
			Body: "بنك النيل تطلب منك تأكيد بياناتك. الرابط لك وحدك: " + link},
	}
}

// longest is what realistic messages come to at most: texts, names, codes, and how many there are.
func longest() []devphone.Message {
	payment := devphone.Message{ID: "dlv_payment", To: "+4915112345678", Channel: delivery.SMS, From: "Vereinsbank", Provider: "smpp-frankfurt-secondary", Code: "0482913756", CreatedAt: at,
		Body: "Vereinsbank Donaudampfschifffahrt: Mit 0482913756 geben Sie die Überweisung von 12.480,00 EUR an Bundesrechtsanwaltskammer " +
			"Beitragsverwaltung, IBAN DE02 1203 0000 0000 2020 51, frei. Der Code gilt 5 Minuten. Geben Sie ihn niemandem weiter, auch nicht uns."}
	letter := devphone.Message{ID: "dlv_letter", To: "maximiliane.schwarzenberger-hohenstein+verifications@international-subsidiary.example.org", Channel: delivery.Email,
		From: "Vereinsbank Donaudampfschifffahrt, Kundenservice International <no-reply@notifications.vereinsbank.example>", Subject: "0482913756 ist Ihr Bestätigungscode für die Änderung Ihrer Auszahlungsdaten",
		Provider: "post-frankfurt-secondary", Code: "0482913756", CreatedAt: at.Add(time.Minute),
		Body: "Guten Tag Frau Schwarzenberger-Hohenstein,\n\nIhr Code ist 0482913756. Er gilt 10 Minuten.\n\n" + strings.Repeat("Geben Sie ihn niemandem weiter, auch nicht unseren Mitarbeitern. ", 4) +
			"\n\nhttps://vereinsbank.example/hilfe/bestaetigungscodes/was-tun-wenn-ich-nichts-angefordert-habe"}
	arabic := devphone.Message{ID: "dlv_arabic", To: "+971501234567", Channel: delivery.WhatsApp, From: "بنك النيل", Provider: "main", Code: "739105", CreatedAt: at.Add(2 * time.Minute),
		Body: "رمز التحقق الخاص بك هو 739105. وهو صالح لمدة 5 دقائق. لا تشاركه مع أي شخص."}
	all := []devphone.Message{payment, letter, arabic}
	for i := range 25 { // a test suite that uses one number over and over
		m := everyday()[0]
		m.ID = fmt.Sprintf("dlv_again_%d", i)
		m.CreatedAt = at.Add(time.Duration(i+3) * time.Minute)
		all = append(all, m)
	}
	return all
}

// TestGallery looks at every state of the page at each width, light and dark, and takes pictures when it is asked to.
func TestGallery(t *testing.T) {
	t.Parallel()
	chromium := browsertest.Start(t)
	for _, e := range gallery() {
		t.Run(e.name, func(t *testing.T) {
			srv := httptest.NewServer(newPhone(t, &inbox{kept: e.messages}))
			t.Cleanup(srv.Close)
			tb := openTab(t, chromium, srv)
			tb.open("/dev/phone" + e.query)
			tb.Do(e.before)
			for _, v := range browsertest.Views(320, 360, 1280) {
				tb.Look(v.Width, 800, v.Scheme)
				tb.CheckFit(v.String())
				if v.Width != 320 { // where axe finds nothing that it doesn't at 360
					tb.CheckAccess(v.String())
				}
				if *pictures != "" {
					browsertest.Keep(t, *pictures, fmt.Sprintf("phone-%s-%d-%s.png", e.name, v.Width, v.Scheme), tb.Picture())
				}
			}
		})
	}
}
