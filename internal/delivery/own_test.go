package delivery

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/seal"
)

func TestRender_puts_the_code_into_a_text_that_the_caller_brought(t *testing.T) {
	t.Parallel()
	r, err := newRenderer()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		m    Message
		want string
	}{
		{"sms", Message{Channel: SMS, Text: "{{code}} opens the gate"}, "123456 opens the gate"},
		{"sms with a host", Message{Channel: SMS, Text: "{{code}} opens it", Host: "example.com"}, "123456 opens it\n@example.com #123456"},
		{"voice", Message{Channel: Voice, Text: "Your code: {{code}}"}, "Your code: 1, 2, 3. 4, 5, 6"},
		{"direction characters", Message{Channel: SMS, Text: "a\u202eb {{code}}"}, "ab 123456"},
	} {
		c.m.Code = seal.CodeFrom("123456")
		got, err := r.render(c.m)
		if err != nil || got.Text != c.want {
			t.Errorf("%s: %q %v, want %q", c.name, got.Text, err, c.want)
		}
	}
}

func TestRender_says_an_amount_without_a_currency_as_it_stands(t *testing.T) {
	t.Parallel()
	r, err := newRenderer()
	if err != nil {
		t.Fatal(err)
	}
	for _, ch := range Channels {
		m := Message{Channel: ch, ServiceName: "Acme", Code: seal.CodeFrom("123456"), Transaction: &Transaction{Amount: "€39.99", Payee: "Bob"}}
		got, err := r.render(m)
		if err != nil || !strings.Contains(got.Text, "€39.99 to Bob") {
			t.Errorf("%s: %q %v", ch, got.Text, err)
		}
	}
}
