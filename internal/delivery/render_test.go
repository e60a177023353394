package delivery

import (
	"html"
	"strings"
	"testing"
	"time"
	"unicode"

	"pgregory.net/rapid"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/seal"
)

func newRenderer() (*renderer, error) { return rendererOf(files) }

func testRenderer(t interface {
	Helper()
	Fatal(...any)
}) *renderer {
	t.Helper()
	r, err := newRenderer()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// message is an ordinary one.
func message(change func(*Message)) Message {
	m := Message{Channel: SMS, ServiceName: "Acme", Code: seal.CodeFrom("123456"), Life: 5 * time.Minute, Send: 1, FirstN: 1}
	if change != nil {
		change(&m)
	}
	return m
}

func payment(payee string) *Transaction {
	return &Transaction{Amount: "12.50", Currency: "EUR", Payee: payee}
}

func TestRender_texts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*Message)
		want   Content
	}{
		{"SMS", nil, Content{Locale: "en", Segments: 1,
			Text: "Acme: 123456 is your verification code. It is valid for 5 min. Never share it with anyone."}},
		{"SMS bound to its origin", func(m *Message) { m.Host = "login.acme.example" }, Content{Locale: "en", Segments: 1, Origin: OriginBound,
			Text: "Acme: 123456 is your verification code. It is valid for 5 min. Never share it with anyone.\n@login.acme.example #123456"}},
		{"a name in another script gets the short text", func(m *Message) { m.ServiceName = "Кофе" }, Content{Locale: "en", Segments: 1,
			Text: "Кофе: 123456. 5 min. Never share it."}},
		{"SMS with a transaction", func(m *Message) { m.Transaction = payment("Acme Books") }, Content{Locale: "en", Segments: 1,
			Text: "12.50 EUR to Acme Books. Acme: 123456 is the code to approve this. It is valid for 5 min. Never share it with anyone."}},
		{"WhatsApp has neither segments nor origin line", func(m *Message) { m.Channel, m.Host = WhatsApp, "acme.example" }, Content{Locale: "en",
			Text: "Acme: 123456 is your verification code. It is valid for 5 min. Never share it with anyone."}},
		{"a voice call reads the code twice with pauses", func(m *Message) { m.Channel, m.Life = Voice, time.Minute }, Content{Locale: "en",
			Text: "This is Acme. Your verification code is: 1, 2, 3. 4, 5, 6. Once more, your code is: 1, 2, 3. 4, 5, 6. It is valid for 1 minute. Never share it with anyone. Goodbye."}},
		{"a locale without texts falls back", func(m *Message) { m.Locale = "tlh-Latn" }, Content{Locale: "en", Segments: 1,
			Text: "Acme: 123456 is your verification code. It is valid for 5 min. Never share it with anyone."}},
		{"German", func(m *Message) { m.Locale, m.Host = "de-AT", "login.acme.example" }, Content{Locale: "de", Segments: 1, Origin: OriginBound,
			Text: "Acme: 123456 ist Ihr Bestätigungscode. Er gilt 5 Min. Geben Sie ihn an niemanden weiter.\n@login.acme.example #123456"}},
		{"a locale in capitals", func(m *Message) { m.Locale = "PT-BR" }, Content{Locale: "pt", Segments: 1,
			Text: "Acme: 123456 é o seu codigo para confirmar. Vale por 5 min. Nunca o divulgue a ninguém."}},
		{"Arabic takes 70 characters a message", func(m *Message) { m.Locale = "ar-EG" }, Content{Locale: "ar", Segments: 1,
			Text: "Acme: رمز التحقق 123456. صالح 5 د. لا تشاركه مع أحد."}},
		{"Hebrew with a long name gets the short text", func(m *Message) { m.Locale, m.ServiceName = "he", strings.Repeat("W", 20) }, Content{Locale: "he", Segments: 1,
			Text: strings.Repeat("W", 20) + ": 123456. 5 דק'. לא למסור לאיש."}},
		{"a region falls back to its language", func(m *Message) { m.Locale = "en-GB" }, Content{Locale: "en", Segments: 1,
			Text: "Acme: 123456 is your verification code. It is valid for 5 min. Never share it with anyone."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := testRenderer(t).render(message(c.change))
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestMinutes_never_promise_more_than_ten_seconds_too_much(t *testing.T) {
	t.Parallel()
	for life, want := range map[time.Duration]int{
		10 * time.Minute: 10, 5 * time.Minute: 5, 5*time.Minute - time.Millisecond: 5, 4*time.Minute + 51*time.Second: 5,
		4*time.Minute + 49*time.Second: 4, time.Minute: 1, 5 * time.Second: 1, 0: 1, -time.Hour: 1,
	} {
		if got := minutes(life); got != want {
			t.Errorf("minutes(%v) = %d, want %d", life, got, want)
		}
	}
}

func TestSEC_32_default_texts_are_one_segment_and_pass_the_linter(t *testing.T) {
	t.Parallel()
	r := testRenderer(t)
	for _, service := range []string{"A", strings.Repeat("W", maxServiceName), strings.Repeat("€", maxServiceName),
		strings.Repeat("ж", maxServiceName), strings.Repeat("😀", maxServiceName/2)} {
		for _, code := range []string{"1234", "0123456789"} {
			m := message(func(m *Message) { m.ServiceName, m.Code, m.Life = service, seal.CodeFrom(code), 10*time.Minute })
			got, err := r.render(m)
			if err != nil {
				t.Fatal(err)
			}
			if faults := Lint(got.Text, m.Code, 1); len(faults) > 0 || got.Segments != 1 {
				t.Errorf("%q: %d segments, %v", got.Text, got.Segments, faults)
			}
			for _, part := range []string{service, code, "10 min", "Never share"} {
				if !strings.Contains(got.Text, part) {
					t.Errorf("%q lacks %q", got.Text, part)
				}
			}
		}
	}
}

func TestSEC_107_amount_and_payee_come_first_in_at_most_two_segments(t *testing.T) {
	t.Parallel()
	r := testRenderer(t)
	for _, payee := range []string{"Bob", strings.Repeat("W", maxPayee), strings.Repeat("ж", maxPayee), strings.Repeat("😀", maxPayee/2)} {
		for _, service := range []string{"Acme", strings.Repeat("ж", maxServiceName)} {
			m := message(func(m *Message) {
				m.ServiceName, m.Code, m.Life = service, seal.CodeFrom("0123456789"), 10*time.Minute
				m.Transaction = &Transaction{Amount: "123456789012.3456", Currency: "EUR", Payee: payee}
			})
			if err := m.Transaction.Check(); err != nil {
				t.Fatal(err)
			}
			got, err := r.render(m)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(got.Text, "123456789012.3456 EUR to "+payee) {
				t.Errorf("%q does not begin with amount, currency and payee", got.Text)
			}
			if faults := Lint(got.Text, m.Code, transactionSegments); len(faults) > 0 {
				t.Errorf("%q: %v", got.Text, faults)
			}
		}
	}
}

// Whatever is put into the names, a message passes the linter, and a name that the edges accept is shown as it is.
func FuzzSEC_32_variables(f *testing.F) {
	f.Add("Acme", "Bob", "login.acme.example", "123456")
	f.Add("A\u202ecme\nx", "http://evil.example/x", "Evil.Example", "12 34")
	f.Add("{code}", "www.evil.example", "a.example #0000\n@b.example", "abcd")
	f.Add("ww\u202ew.evil.example", "evil.ex\u200bample/a", "-", "1234567890")
	f.Add(strings.Repeat("W", 500), strings.Repeat("😀", 500), strings.Repeat("a.", 100)+"example", "0000")
	r := testRenderer(f)
	f.Fuzz(func(t *testing.T, service, payee, host, digits string) {
		code := onlyCode(digits)
		m := message(func(m *Message) {
			m.ServiceName, m.Host, m.Code = service, host, code
			m.Transaction = payment(payee)
		})
		withTransaction, err := r.render(m)
		if err != nil {
			t.Fatal(err)
		}
		if faults := Lint(withTransaction.Text, code, transactionSegments); len(faults) > 0 {
			t.Fatalf("%q: %v", withTransaction.Text, faults)
		}
		if m.Transaction.Check() == nil && !strings.HasPrefix(withTransaction.Text, "12.50 EUR to "+payee) {
			t.Fatalf("the accepted payee %q is changed in %q", payee, withTransaction.Text)
		}
		m.Transaction = nil
		plain, err := r.render(m)
		if err != nil {
			t.Fatal(err)
		}
		if faults := Lint(plain.Text, code, 1); len(faults) > 0 {
			t.Fatalf("%q: %v", plain.Text, faults)
		}
		m.Channel = Email
		letter, err := r.render(m)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(letter.Subject, "\r\n") || !strings.Contains(letter.Subject, code.Reveal()) {
			t.Fatalf("subject %q", letter.Subject)
		}
		if strings.Count(letter.HTML, "<") != strings.Count(mustRender(t, r, Email).HTML, "<") {
			t.Fatalf("a name opened a tag in %q", letter.HTML)
		}
	})
}

// onlyCode makes a code of 4 to 10 letters and digits of whatever the fuzzer gives.
func onlyCode(s string) seal.Code {
	kept := strings.Map(func(r rune) rune {
		if r < unicode.MaxASCII && (unicode.IsDigit(r) || unicode.IsLetter(r)) {
			return r
		}
		return -1
	}, s) + "0000"
	return seal.CodeFrom(kept[:min(len(kept), 10)])
}

func mustRender(t *testing.T, r *renderer, ch Channel) Content {
	t.Helper()
	c, err := r.render(message(func(m *Message) { m.Channel = ch }))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSEC_87_origin_line(t *testing.T) {
	t.Parallel()
	r := testRenderer(t)
	for _, c := range []struct {
		name, host, code string
		long             bool
		want             Origin
	}{
		{"bound", "acme.example", "123456", false, OriginBound},
		{"no host", "", "123456", false, OriginNone},
		{"letters and a digit", "acme.example", "ABC1", false, OriginBound},
		{"letters alone are no code of the grammar", "acme.example", "ABCD", false, OriginLeftOut},
		{"capitals in the host", "Acme.example", "123456", false, OriginLeftOut},
		{"a port", "acme.example:8443", "123456", false, OriginLeftOut},
		{"a space", "acme.example x", "123456", false, OriginLeftOut},
		{"an empty label", "acme..example", "123456", false, OriginLeftOut},
		{"a hyphen at the edge of a label", "-acme.example", "123456", false, OriginLeftOut},
		{"there is room for it in the short text", strings.Repeat("a", 60) + ".example", "123456", false, OriginBound},
		{"it would need a second segment in any text", strings.Repeat("a", 60) + "." + strings.Repeat("b", 60) + ".example", "123456", false, OriginLeftOut},
		{"the message is two segments already", "a.example", "123456", true, OriginLeftOut},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := message(func(m *Message) {
				m.Host, m.Code = c.host, seal.CodeFrom(c.code)
				if c.long {
					m.Transaction = payment(strings.Repeat("ж", maxPayee))
				}
			})
			got, err := r.render(m)
			if err != nil {
				t.Fatal(err)
			}
			if got.Origin != c.want {
				t.Errorf("got %d, want %d in %q", got.Origin, c.want, got.Text)
			}
			_, last, _ := strings.Cut(got.Text, "\n")
			if bound := last == "@"+c.host+" #"+c.code; bound != (c.want == OriginBound) {
				t.Errorf("last line %q", last)
			}
			if got.Origin == OriginBound && got.Segments != 1 {
				t.Errorf("%d segments", got.Segments)
			}
		})
	}
}

func TestSEC_87_grammar_of_the_linter(t *testing.T) {
	t.Parallel()
	code := seal.CodeFrom("747723")
	for line, want := range map[string]bool{
		"@example.com #747723":                    true,
		"@example.com #747723 @ecommerce.example": true,
		"@example.com  #747723":                   false,
		" @example.com #747723":                   false,
		"@example.com #747723 ":                   false,
		"@Example.com #747723":                    false,
		"@example.com #747724":                    false,
		"@example.com 747723":                     false,
		"example.com #747723":                     false,
		"@example.com #747723 ecommerce.example":  false,
		"@ #747723":                               false,
		"":                                        false,
	} {
		if got := IsOriginLine(line, code); got != want {
			t.Errorf("IsOriginLine(%q) = %v", line, got)
		}
	}
}

func TestLint_finds_each_fault(t *testing.T) {
	t.Parallel()
	code := seal.CodeFrom("123456")
	for text, want := range map[string]string{
		"123456 " + strings.Repeat("a", 160):   "segments",
		"123456 https://acme.example":          "link",
		"123456 www.acme.example":              "link",
		"123456 acme.example/go":               "link",
		"123456 \u202eemca":                    "direction",
		"123456 \a":                            "control",
		"no code at all":                       "code",
		"123456\nsecond line":                  "line break",
		"123456\n@a.example #123456\nand more": "line break",
	} {
		if faults := Lint(text, code, 1); len(faults) != 1 || !strings.Contains(faults[0], want) {
			t.Errorf("Lint(%q) = %v, want one about %q", text, faults, want)
		}
	}
	if faults := Lint("Booking.com: 123456\n@a.example #123456", code, 1); len(faults) > 0 {
		t.Errorf("a good text is refused: %v", faults)
	}
}

func TestTransaction_Check_names_the_field(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		tx   Transaction
		want string
	}{
		{"good", Transaction{"12.50", "EUR", "Acme Books, Köln"}, ""},
		{"comma", Transaction{"12,50", "EUR", "Bob"}, "transaction.amount"},
		{"no amount", Transaction{"", "EUR", "Bob"}, "transaction.amount"},
		{"negative", Transaction{"-1", "EUR", "Bob"}, "transaction.amount"},
		{"currency in small letters", Transaction{"1", "eur", "Bob"}, "transaction.currency"},
		{"no payee", Transaction{"1", "EUR", ""}, "transaction.payee"},
		{"payee too long", Transaction{"1", "EUR", strings.Repeat("a", 65)}, "transaction.payee"},
		{"payee with a line break", Transaction{"1", "EUR", "Bob\nAlice"}, "transaction.payee"},
		{"payee with an override of direction", Transaction{"1", "EUR", "Bob\u202e"}, "transaction.payee"},
		{"payee with a zero-width space", Transaction{"1", "EUR", "B\u200bob"}, "transaction.payee"},
		{"payee with a link", Transaction{"1", "EUR", "https://evil.example"}, "transaction.payee"},
		{"payee of broken UTF-8", Transaction{"1", "EUR", "\xff"}, "transaction.payee"},
		{"payee of a space", Transaction{"1", "EUR", " "}, "transaction.payee"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := c.tx.Check()
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			f := fault.As(err)
			if f.Kind != fault.Invalid || f.Field != c.want {
				t.Errorf("got %v on %q, want %q", f.Kind, f.Field, c.want)
			}
			if len(c.tx.Payee) > 3 && strings.Contains(f.Error(), c.tx.Payee) {
				t.Error("the fault repeats what was sent")
			}
		})
	}
}

func TestClean_is_idempotent_and_keeps_what_is_showable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		once := clean(s, maxPayee)
		if twice := clean(once, maxPayee); twice != once {
			t.Fatalf("%q, then %q", once, twice)
		}
		if once != "" && !Showable(once, maxPayee) {
			t.Fatalf("%q can't be shown", once)
		}
	})
}

func TestEmail_is_two_parts_with_the_code_and_nothing_remote(t *testing.T) {
	t.Parallel()
	r := testRenderer(t)
	got, err := r.render(message(func(m *Message) {
		m.Channel, m.ServiceName, m.Life = Email, `A&B <Bank>`, 10*time.Minute
		m.Transaction = payment("Bob & Sons")
	}))
	if err != nil {
		t.Fatal(err)
	}
	for what, text := range map[string]string{"subject": got.Subject, "text": got.Text, "HTML": html.UnescapeString(got.HTML)} {
		for _, part := range []string{"123456", "A&B <Bank>", "12.50 EUR to Bob & Sons"} {
			if !strings.Contains(text, part) {
				t.Errorf("the %s lacks %q:\n%s", what, part, text)
			}
		}
	}
	for _, part := range []string{"10 minutes", "Never share", "If you did not ask"} {
		if !strings.Contains(got.Text, part) || !strings.Contains(got.HTML, part) {
			t.Errorf("a part lacks %q", part)
		}
	}
	for _, bad := range []string{"http:", "https:", "url(", "<img", "<script", "<link", "<a ", "@import", "<Bank>"} {
		if strings.Contains(got.HTML, bad) {
			t.Errorf("the page holds %q", bad)
		}
	}
	for _, good := range []string{`<html lang="en" dir="ltr">`, `name="color-scheme" content="light dark"`, "prefers-color-scheme: dark", "<title>", "<h1"} {
		if !strings.Contains(got.HTML, good) {
			t.Errorf("the page lacks %q", good)
		}
	}
}

func TestMessages_every_text_has_a_note_and_known_variables(t *testing.T) {
	t.Parallel()
	if _, err := codeBook.parseLanguage("xx", []byte(`{"sms":{"text":"{nobody}"}}`)); err == nil {
		t.Error("an incomplete file is accepted")
	}
	for _, bad := range []string{"{nobody}", "{", "a {code b", "{}", "{link}"} {
		if _, err := codeBook.compile(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	all, err := loadLanguages(files, codeBook)
	if err != nil {
		t.Fatal(err)
	}
	for locale, l := range all {
		if l.dir != "ltr" && l.dir != "rtl" {
			t.Errorf("%s: direction %q", locale, l.dir)
		}
	}
}

func BenchmarkRenderSMS(b *testing.B) {
	r, err := newRenderer()
	if err != nil {
		b.Fatal(err)
	}
	m := message(func(m *Message) { m.Host = "acme.example" })
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.render(m); err != nil {
			b.Fatal(err)
		}
	}
}
