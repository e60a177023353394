package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// line is a line of a key file, the same for the same n.
func line(n byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{n}, keySize)) + "\n"
}

// ring has one version for each n, and an index key.
func ring(t testing.TB, ns ...byte) *Ring {
	t.Helper()
	var text string
	for _, n := range ns {
		text += line(n)
	}
	r, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := r.NewIndexKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.UseIndexKey(wrapped); err != nil {
		t.Fatal(err)
	}
	return r
}

func tenant() uid.Tenant { return uid.NewTenant(time.Now()) }

func TestParse_ignores_comments_blank_lines_and_carriage_returns(t *testing.T) {
	t.Parallel()
	r, err := Parse([]byte("# first\r\n\r\n  " + line(1) + "\n#" + line(9) + strings.TrimSpace(line(2))))
	if err != nil {
		t.Fatal(err)
	}
	if r.Current() != 2 || !r.Has(1) || !r.Has(2) || r.Has(0) || r.Has(3) {
		t.Errorf("Current() = %d, want versions 1 and 2 only", r.Current())
	}
}

func TestParse_names_every_bad_line_and_shows_none(t *testing.T) {
	t.Parallel()
	bent := strings.Replace(line(1), "E=", "F=", 1) // bits set that no byte uses
	short := base64.StdEncoding.EncodeToString([]byte("sixteen bytes ok"))
	_, err := Parse([]byte("# head\n" + line(1) + "not base64!\n" + line(2) + short + "\n" + line(1) + bent))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"line 3: not base64", "line 5: holds 16 bytes and must hold 32", "line 6: the same key as line 2", "line 7: not base64"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q: %v", want, err)
		}
	}
	for _, secret := range []string{"not base64!", short, strings.TrimSpace(line(1))} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error shows what stands in the file: %v", err)
		}
	}
}

func TestParse_refuses_a_file_without_a_usable_newest_key(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "# nothing\n", "-\n", line(1) + "-\n"} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("Parse(%q) gave no error", text)
		}
	}
}

func TestSEC_95_a_destroyed_version_keeps_the_numbers_of_the_others(t *testing.T) {
	t.Parallel()
	before := ring(t, 1, 2)
	p := Place{Purpose: "p", Tenant: tenant(), Row: []byte("r")}
	sealed := before.Seal(p, []byte("v"))
	after, err := Parse([]byte("-\n" + line(2)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := after.Open(p, sealed); err != nil || string(got) != "v" {
		t.Errorf("Open of version 2 = %q, %v", got, err)
	}
	if after.Has(1) {
		t.Error("version 1 was destroyed and the ring has it")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(line(1)))
	f.Add([]byte("# c\n" + line(1) + "\n-\n" + line(2)))
	f.Add([]byte("-\n"))
	f.Add([]byte("AAAA\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		if !r.Has(r.Current()) {
			t.Fatalf("Parse(%q): the current version is not in the ring", text)
		}
		if _, err := r.Code(r.Current(), uid.ID{}, 0, [16]byte{}, 6, ""); err != nil {
			t.Fatal(err)
		}
		again, err := Parse(append(append(bytes.Clone(text), '\n'), line(251)...))
		if err == nil && again.Current() != r.Current()+1 {
			t.Fatalf("one more line made version %d of %d", again.Current(), r.Current())
		}
	})
}

func TestRing_and_code_are_redacted_in_every_format(t *testing.T) {
	t.Parallel()
	const secret = "918273"
	code := CodeFrom(secret)
	r := ring(t, 7)
	type inside struct {
		code Code
		at   *Code
		ring *Ring
		all  []Code
		by   map[string]Code
	}
	values := map[string]any{
		"code": code, "pointer": &code, "ring": r,
		"unexported fields": inside{code, &code, r, []Code{code}, map[string]Code{"k": code}},
		"exported field":    struct{ Code Code }{code},
	}
	var out strings.Builder
	for name, v := range values {
		for _, verb := range "vsdqxXbcoOUeEfFgGtTpw" {
			for _, flags := range []string{"", "+", "#", "-20", "020", ".3", " "} {
				format := "%" + flags + string(verb)
				got := fmt.Sprintf(format, v)
				// fmt calls no method for %T, %p and a misplaced %w; the pointer still keeps these from showing the code.
				if name == "code" && !strings.ContainsRune("Tpw", verb) && got != redacted {
					t.Errorf("%s of a code = %s", format, got)
				}
				out.WriteString(got + "\n")
			}
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "v", v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("m", "v", v)
		out.WriteString(fmt.Sprintln(errors.New(fmt.Sprint("code ", v))))
	}
	text, err := code.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	out.Write(text)
	for _, leak := range []string{secret, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), "[57 49 56", "7 7 7 7", "0x7, 0x7"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("printed %q", leak)
		}
	}
	if !strings.Contains(out.String(), `"Code":"[redacted]"`) {
		t.Error("JSON of an exported field does not say [redacted]")
	}
}

func TestRing_serves_64_goroutines(t *testing.T) {
	t.Parallel()
	r := ring(t, 1, 2)
	id := uid.Random(time.Now())
	shared := tenant()
	want, err := r.Code(1, id, 0, [16]byte{1}, 6, "")
	if err != nil {
		t.Fatal(err)
	}
	index := r.BlindIndex(shared, "+12025550100")
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			own := tenant()
			for i := range 50 {
				p := Place{Purpose: "p", Tenant: own, Row: []byte{byte(g), byte(i)}}
				if i%2 == 0 {
					p.Tenant = shared
				}
				if got, err := r.Open(p, r.Seal(p, p.Row)); err != nil || !bytes.Equal(got, p.Row) {
					t.Errorf("Open = %x, %v, want %x", got, err, p.Row)
				}
				if got, err := r.Code(1, id, 0, [16]byte{1}, 6, ""); err != nil || !got.Equal(want.Reveal()) {
					t.Errorf("another code: %v", err)
				}
				if r.BlindIndex(shared, "+12025550100") != index {
					t.Error("another blind index")
				}
			}
		})
	}
	wg.Wait()
}
