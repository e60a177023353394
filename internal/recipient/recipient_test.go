package recipient

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/fault"
)

func TestSEC_34_the_mask_shows_two_digits_or_one_letter_and_the_domain(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		kind        Kind
		value, want string
	}{
		{Phone, "+12025550167", "+1 ••• ••• ••67"},
		{Phone, "+447911123456", "+44 ••• ••• ••56"},
		{Phone, "+35320912345", "+353 ••• ••• ••45"},
		{Phone, "+2905123", "+290 ••• ••• ••23"},
		{Phone, "+1", "•••"},
		{Phone, "+15", "•••"},
		{Phone, "+999123", "•••"},
		{Phone, "12025550167", "•••"},
		{Phone, "+1202555x67", "•••"},
		{Phone, "", "•••"},
		{Email, "ann@example.net", "a•••@example.net"},
		{Email, "a@example.net", "a•••@example.net"},
		{Email, "éve@example.net", "é•••@example.net"},
		{Email, "@example.net", "•••"},
		{Email, "ann@lee@example.net", "•••"},
		{Email, "ann", "•••"},
		{Email, "", "•••"},
		{0, "+12025550167", "•••"},
	} {
		if got := Mask(tc.kind, tc.value); got != tc.want {
			t.Errorf("Mask(%v, %q) = %q, want %q", tc.kind, tc.value, got, tc.want)
		}
	}
}

func TestKind_names_itself(t *testing.T) {
	t.Parallel()
	for kind, want := range map[Kind]string{Phone: "phone", Email: "email", 0: "kind 0", 9: "kind 9"} {
		if got := kind.String(); got != want {
			t.Errorf("Kind(%d).String() = %q, want %q", uint8(kind), got, want)
		}
	}
}

// holder is what code of other packages looks like.
type holder struct {
	To    Recipient
	Ptr   *Recipient
	List  []Recipient
	ByKey map[Recipient]Recipient
	Any   any
}

// secrets are the recipients under test with what must not be seen of them.
func secrets() map[string]Recipient {
	return map[string]Recipient{
		"5550167": {Kind: Phone, Value: "+12025550167", Country: "US", LineType: Mobile},
		"nn.lee":  {Kind: Email, Value: "ann.lee@example.net"},
	}
}

func held(r Recipient) holder {
	return holder{To: r, Ptr: &r, List: []Recipient{r}, ByKey: map[Recipient]Recipient{r: r}, Any: r}
}

func TestRecipient_prints_masked_with_every_verb(t *testing.T) {
	t.Parallel()
	for secret, r := range secrets() {
		for _, verb := range "vTtbcdoOqxXUeEfFgGs" {
			for _, flags := range []string{"", "+", "#", "-", " ", "0", "40", ".3", "+#40.3"} {
				format := "%" + flags + string(verb)
				for _, arg := range []any{r, &r, []Recipient{r}, [1]Recipient{r}, map[string]Recipient{"k": r}, held(r), struct{ R any }{r}} {
					checkHidden(t, fmt.Sprintf(format, arg), secret, r, fmt.Sprintf("%s of %T", format, arg))
				}
			}
		}
		surplus := strings.Repeat("no verb ", 1)
		for name, got := range map[string]string{
			"Sprint":    fmt.Sprint(r, held(r)),
			"extra":     fmt.Sprintf(surplus, r),
			"width":     fmt.Sprintf("%*d", []any{r, 1}...),
			"error":     fmt.Errorf("send to %v: %w", r, fault.New(fault.Invalid, "x", "y")).Error(),
			"String":    r.String(),
			"quoted":    fmt.Sprintf("%q", r),
			"Formatter": fmt.Sprintf("%s", fmt.Formatter(r)),
		} {
			checkHidden(t, got, secret, r, name)
		}
		if got := fmt.Sprintf("%s|%v", r, &r); got != r.Masked()+"|"+r.Masked() {
			t.Errorf("%%s|%%v = %s, want the mask twice", got)
		}
	}
}

func TestRecipient_encodes_and_logs_masked(t *testing.T) {
	t.Parallel()
	for secret, r := range secrets() {
		encoded, err := json.Marshal(held(r))
		if err != nil {
			t.Fatal(err)
		}
		checkHidden(t, string(encoded), secret, r, "json")
		if got, _ := json.Marshal(r); string(got) != `"`+r.Masked()+`"` {
			t.Errorf("json = %s, want the mask as a string", got)
		}
		encoded, err = xml.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		checkHidden(t, string(encoded), secret, r, "xml")
		var log bytes.Buffer
		for _, h := range []slog.Handler{slog.NewJSONHandler(&log, nil), slog.NewTextHandler(&log, nil)} {
			slog.New(h).With("with", r).Info("m", "to", r, "ptr", &r, "held", held(r), slog.Group("g", "any", []any{r}))
		}
		checkHidden(t, log.String(), secret, r, "slog")
		if strings.Count(log.String(), "•••") == 0 {
			t.Errorf("the log shows no mask: %s", log.String())
		}
	}
}

func checkHidden(t *testing.T, out, secret string, r Recipient, where string) {
	t.Helper()
	hexed := fmt.Sprintf("%x", r.Value)
	if strings.Contains(out, secret) || strings.Contains(strings.ToLower(out), hexed[4:12]) {
		t.Errorf("%s shows the value: %s", where, out)
	}
}

func TestInspect_tells_the_line_type_of_numbers_that_Parse_refuses(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]LineType{
		"+448081570123":  TollFree,
		"+44 7700900123": Mobile,
		"+442079460123":  Landline,
		"+449098790123":  Premium,
	} {
		to, err := Inspect(number, Rules{Fiction: true})
		if err != nil || to.LineType != want || to.Kind != Phone {
			t.Errorf("%s: %s %v, want %s", number, to.LineType, err, want)
		}
		if parsed, err := Parse(number, Rules{Fiction: true}); err == nil && parsed != to {
			t.Errorf("%s: Parse and Inspect differ", number)
		}
	}
	for _, none := range []string{"", "12", "+1", "2025550123"} {
		if _, err := Inspect(none, Rules{}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v, want Invalid", none, err)
		}
	}
}

func TestRA_30_the_owner_is_shown_three_digits_of_a_number_and_no_half_of_it(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind        Kind
		value, want string
	}{
		{Phone, "+12025550167", "+1 ••• ••• •167"},
		{Phone, "+447911123456", "+44 ••• ••• •456"},
		{Phone, "+2905123", "+290 ••• ••• ••23"}, // of four digits
		{Phone, "+290512", "+290 ••• ••• ••12"},
		{Phone, "+15", "•••"},
		{Phone, "12025550167", "•••"},
		{Phone, "+1202555x67", "•••"},
		{Email, "ann@example.net", "a•••@example.net"},
		{0, "+12025550167", "•••"},
	} {
		if got := MaskForOwner(c.kind, c.value); got != c.want {
			t.Errorf("MaskForOwner(%v, %q) = %q, want %q", c.kind, c.value, got, c.want)
		}
	}
}
