package delivery

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/countersign/countersign/internal/uid"
)

func TestState_After_table(t *testing.T) {
	t.Parallel()
	// Rows: the state that is recorded. Columns: the one that comes, in the order of States.
	want := map[State]string{
		Sending:   ".+++++",
		Unknown:   "..++++",
		Sent:      "...+++",
		Delivered: "......",
		Failed:    "......",
		ExpiredAt: "......",
	}
	for from, row := range want {
		for i, to := range States {
			if got := from.After(to); got != (row[i] == '+') {
				t.Errorf("%s.After(%s) = %v", from, to, got)
			}
		}
	}
	for _, s := range States {
		if s.After("nonsense") || State("nonsense").After(s) || State("").After(s) {
			t.Errorf("%s: what is no state must not take part", s)
		}
	}
}

// Receipts in any order, any number of times, lead to a state that depends only on which came: once final, always so;
// never a step back.
func TestSP_119_receipts_are_idempotent_and_order_tolerant(t *testing.T) {
	t.Parallel()
	apply := func(s State, news []State) State {
		for _, n := range news {
			if s.After(n) {
				s = n
			}
		}
		return s
	}
	rapid.Check(t, func(t *rapid.T) {
		final := rapid.SampledFrom([]State{Delivered, Failed, ExpiredAt}).Draw(t, "final")
		news := rapid.SliceOf(rapid.SampledFrom([]State{Sending, Unknown, Sent, final})).Draw(t, "news")
		start := rapid.SampledFrom([]State{Sending, Unknown, Sent}).Draw(t, "start")
		once := apply(start, news)
		shuffled := rapid.Permutation(append(news, news...)).Draw(t, "shuffled and doubled")
		if twice := apply(start, shuffled); twice != once {
			t.Fatalf("in order: %s, shuffled and doubled: %s", once, twice)
		}
		if once.rank() < start.rank() {
			t.Fatalf("went back from %s to %s", start, once)
		}
		others := rapid.SliceOf(rapid.SampledFrom(States)).Draw(t, "others")
		if got := apply(final, others); got != final {
			t.Fatalf("%s became %s", final, got)
		}
	})
}

func TestID_text_form_round_trips(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := ID{
			Verification: uid.New(time.UnixMilli(rapid.Int64Range(0, 1<<47).Draw(t, "ms")), uint16(rapid.IntRange(0, 4095).Draw(t, "bucket"))),
			N:            rapid.IntRange(1, maxN).Draw(t, "n"),
		}
		got, err := ParseID(id.String())
		if err != nil || got != id {
			t.Fatalf("ParseID(%q) = %v, %v", id, got, err)
		}
	})
}

func TestParseID_refuses_other_spellings(t *testing.T) {
	t.Parallel()
	good := ID{Verification: uid.New(time.UnixMilli(1), 1), N: 7}.String()
	base := strings.TrimSuffix(good, "_7")
	for _, s := range []string{"", "_", "dlv_", base, base + "_", base + "_0", base + "_07", base + "_+7", base + "_-1",
		base + "_10000", base + "_7 ", " " + good, strings.ToUpper(good), "vrf" + strings.TrimPrefix(good, "dlv"), base + "__7"} {
		if id, err := ParseID(s); !errors.Is(err, uid.ErrSyntax) {
			t.Errorf("ParseID(%q) = %v, %v; want uid.ErrSyntax", s, id, err)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(ID{Verification: uid.New(time.UnixMilli(1700000000000), 99), N: 3}.String())
	f.Add("dlv_00000000000000000000000000_1")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err == nil && id.String() != s {
			t.Fatalf("%q was read as %s", s, id)
		}
	})
}

func TestSecret_never_prints(t *testing.T) {
	t.Parallel()
	const text = "hunter2-very-secret"
	s := Secret(text)
	holder := struct{ Password Secret }{s}
	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", s, holder, []Secret{s})
	}
	for _, v := range []any{s, holder, map[string]Secret{"a": s}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "s", s, "h", holder)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "s", s, "h", holder)
	if strings.Contains(out.String(), text) || strings.Contains(out.String(), fmt.Sprintf("%x", text)) {
		t.Errorf("the secret shows in:\n%s", out.String())
	}
	if s.Reveal() != text || Secret("").String() != "" {
		t.Error("Reveal or the empty secret is wrong")
	}
}
