package ratelimit

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// perRecipient is the usual table for one recipient: SEC-18 with its longer steps.
var perRecipient = []Limit{
	{Burst: 5, Period: 10 * time.Minute},
	{Burst: 8, Period: time.Hour},
	{Burst: 15, Period: 24 * time.Hour},
}

// limitSets draws one to three limits that a Window can judge.
func limitSets() *rapid.Generator[[]Limit] {
	one := rapid.Custom(func(t *rapid.T) Limit {
		return Limit{
			Burst:  rapid.IntRange(1, 12).Draw(t, "burst"),
			Period: time.Duration(rapid.Int64Range(1000, 1e9).Draw(t, "period_us")) * time.Microsecond,
		}
	})
	return rapid.OneOf(rapid.Just(perRecipient), rapid.SliceOfN(one, 1, 3))
}

// most counts the most events within any period that includes its first moment and not its last.
func most(events []time.Time, period time.Duration) int {
	n, from := 0, 0
	for to := range events {
		for events[to].Sub(events[from]) >= period {
			from++
		}
		n = max(n, to-from+1)
	}
	return n
}

func TestSEC_18_never_more_than_the_burst_within_any_period(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set := limitSets().Draw(t, "limits")
		longest := slices.MaxFunc(set, func(a, b Limit) int { return int(a.Period - b.Period) }).Period
		var w Window
		var passed []time.Time
		now := start.Truncate(time.Microsecond)
		for range rapid.IntRange(1, 120).Draw(t, "events") {
			l := rapid.SampledFrom(set).Draw(t, "pace")
			now = now.Add(steps(l).Draw(t, "step")).Truncate(time.Microsecond)
			w.Prune(longest, now)
			if w.Allowed(set, now).Allowed {
				w.Add(now)
				passed = append(passed, now)
			}
			w = stored(t, w)
		}
		for _, l := range set {
			if got := most(passed, l.Period); got > l.Burst {
				t.Fatalf("%d events within %v, limit %d", got, l.Period, l.Burst)
			}
		}
	})
}

// stored gives the window as it comes back from a database.
func stored(t *rapid.T, w Window) Window {
	b, _ := w.AppendBinary(nil)
	got, err := Decode(b)
	if err != nil || !slices.Equal(got.events, w.events) {
		t.Fatalf("Decode(AppendBinary(%v)) = %v, %v", w, got, err)
	}
	return got
}

func TestSEC_18_five_in_ten_minutes_eight_an_hour_fifteen_a_day(t *testing.T) {
	t.Parallel()
	var w Window
	var passed []time.Duration
	for minute := range 26 * 60 {
		now := start.Add(time.Duration(minute) * time.Minute)
		for range 2 {
			if w.Allowed(perRecipient, now).Allowed {
				w.Add(now)
				passed = append(passed, now.Sub(start))
			}
		}
	}
	m := time.Minute
	want := []time.Duration{
		0, 0, m, m, 2 * m, 10 * m, 10 * m, 11 * m, // five, then three more make eight an hour
		60 * m, 60 * m, 61 * m, 61 * m, 62 * m, 70 * m, 70 * m, // fifteen
		24 * 60 * m, 24 * 60 * m, 24*60*m + m, 24*60*m + m, 24*60*m + 2*m, 24*60*m + 10*m, 24*60*m + 10*m, 24*60*m + 11*m,
		25 * 60 * m, 25 * 60 * m, 25*60*m + m, 25*60*m + m, 25*60*m + 2*m, 25*60*m + 10*m, 25*60*m + 10*m,
	}
	if !slices.Equal(passed, want) {
		t.Errorf("passed at\n%v, want\n%v", passed, want)
	}
}

func TestSEC_18_retry_after_is_exact_under_all_limits_together(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		set := limitSets().Draw(t, "limits")
		var w Window
		now := start.Add(time.Duration(rapid.IntRange(0, 1999).Draw(t, "ns")))
		d := w.Allowed(set, now)
		for d.Allowed {
			w.Add(now)
			now = now.Add(steps(set[0]).Draw(t, "step") / 8)
			d = w.Allowed(set, now)
			if w.Len() > 100 {
				return // a pace that these limits never refuse
			}
		}
		if d.RetryAfter <= 0 || d.Remaining != 0 || d.ResetAfter < d.RetryAfter {
			t.Fatalf("%+v is no refusal", d)
		}
		if early := w.Allowed(set, now.Add(d.RetryAfter-1)); early.Allowed {
			t.Fatalf("allowed a nanosecond before RetryAfter %v", d.RetryAfter)
		}
		if due := w.Allowed(set, now.Add(d.RetryAfter)); !due.Allowed {
			t.Fatalf("refused after RetryAfter %v: %+v", d.RetryAfter, due)
		}
		whole := w.Allowed(set, now.Add(d.ResetAfter))
		if least := slices.MinFunc(set, func(a, b Limit) int { return a.Burst - b.Burst }).Burst; whole.Remaining != least {
			t.Fatalf("%d remain after ResetAfter, want %d", whole.Remaining, least)
		}
	})
}

func TestSEC_18_clock_set_back_an_hour_opens_nothing(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var w Window
		for range 5 {
			w.Add(start)
		}
		now := start.Add(-time.Duration(rapid.Int64Range(1000, int64(time.Hour)).Draw(t, "back")))
		if d := w.Allowed(perRecipient, now); d.Allowed || d.RetryAfter > 10*time.Minute {
			t.Fatalf("back at %v: %+v, want a refusal of at most ten minutes", now, d)
		}
		if w.Count(now.Add(-time.Minute)) != 5 {
			t.Fatal("events of the future are not counted")
		}
		for after := time.Duration(0); after < start.Sub(now); after += 7 * time.Minute {
			if w.Allowed(perRecipient, now.Add(after)).Allowed {
				t.Fatalf("opened %v after the clock was set back", after)
			}
		}
		if !w.Settle(now) || w.Settle(now) {
			t.Fatal("Settle moves what lies in the future once")
		}
		d := w.Allowed(perRecipient, now)
		if early, due := w.Allowed(perRecipient, now.Add(d.RetryAfter-1)), w.Allowed(perRecipient, now.Add(d.RetryAfter)); early.Allowed || !due.Allowed {
			t.Fatalf("settled: RetryAfter %v is not exact", d.RetryAfter)
		}
	})
}

func TestWindow_keeps_its_order_when_the_clock_is_set_back(t *testing.T) {
	t.Parallel()
	var w Window
	w.Add(start)
	w.Add(start.Add(-time.Hour))
	b, _ := w.AppendBinary(nil)
	if got, err := Decode(b); err != nil || got.Len() != 2 || got.Count(start.Add(-time.Hour)) != 0 {
		t.Errorf("Decode = %v, %v; want two events an hour back", got, err)
	}
}

func TestSEC_18_tags_are_counted_apart(t *testing.T) {
	t.Parallel()
	perClient := []Limit{{Burst: 2, Period: time.Hour}}
	var w Window
	first := start.Truncate(time.Microsecond)
	w.AddTag(first, 7)
	w.AddTag(first.Add(time.Minute), 8)
	w.AddTag(first.Add(2*time.Minute), 7)
	w.Add(first.Add(3 * time.Minute))
	now := first.Add(4 * time.Minute)
	for tag, want := range map[Tag]int{7: 2, 8: 1, 0: 1, 9: 0} {
		if got := w.CountTag(tag, first.Add(-time.Microsecond)); got != want {
			t.Errorf("CountTag(%d) = %d, want %d", tag, got, want)
		}
	}
	if got := w.Count(first); got != 3 {
		t.Errorf("Count = %d, want the 3 after the first", got)
	}
	if d := w.AllowedTag(7, perClient, now); d.Allowed || d.RetryAfter != 56*time.Minute || d.ResetAfter != 58*time.Minute {
		t.Errorf("tag 7: %+v, want a refusal of 56 minutes", d)
	}
	if d := w.AllowedTag(8, perClient, now); !d.Allowed || d.Remaining != 1 {
		t.Errorf("tag 8: %+v, want one more", d)
	}
	if d := w.Allowed(perClient, now); d.Allowed || d.RetryAfter != 58*time.Minute {
		t.Errorf("all: %+v, want a refusal of 58 minutes", d)
	}
}

func TestWindow_edges(t *testing.T) {
	t.Parallel()
	var w Window
	if d := w.Allowed(nil, start); !d.Allowed || d.Remaining != math.MaxInt {
		t.Errorf("without limits: %+v", d)
	}
	if d := w.Allowed([]Limit{{}}, start); d.Allowed || d.RetryAfter != Never {
		t.Errorf("zero limit: %+v, want a refusal for ever", d)
	}
	for range MaxEvents + 10 {
		w.Add(start)
	}
	if w.Len() != MaxEvents {
		t.Errorf("%d events kept, want %d", w.Len(), MaxEvents)
	}
	if d := w.Allowed([]Limit{{Burst: 100 * MaxEvents, Period: time.Hour}}, start); d.Allowed {
		t.Errorf("a burst beyond what is kept: %+v, want a refusal", d)
	}
	w.Prune(time.Hour, start.Add(time.Hour-time.Microsecond))
	if w.Len() != MaxEvents {
		t.Error("pruned what still counts")
	}
	w.Prune(time.Hour, start.Add(time.Hour))
	if w.Len() != 0 {
		t.Errorf("%d events left, all are a period old", w.Len())
	}
	w.Add(time.Unix(-5, 0))
	if b, err := w.AppendBinary(nil); err != nil || len(b) == 0 {
		t.Errorf("an event before 1970: %x, %v", b, err)
	}
}

func TestWindow_a_copy_is_independent(t *testing.T) {
	t.Parallel()
	var w Window
	for i := range 5 {
		w.Add(start.Add(time.Duration(i) * time.Minute))
	}
	before := slices.Clone(w.events)
	first, second, third := w, w, w
	third.Settle(start)
	first.AddTag(start.Add(time.Hour), 1)
	second.AddTag(start.Add(time.Hour), 2)
	second.Settle(start)
	second.Prune(time.Second, start.Add(time.Hour))
	if !slices.Equal(w.events, before) {
		t.Errorf("the original changed: %v, want %v", w.events, before)
	}
	if first.events[5].tag != 1 {
		t.Error("one copy changed another")
	}
}

func FuzzDecode(f *testing.F) {
	var w Window
	f.Add([]byte(nil))
	for i := range 20 {
		w.AddTag(start.Add(time.Duration(i)*time.Second), Tag(i%3))
		b, _ := w.AppendBinary(nil)
		f.Add(b)
	}
	f.Add([]byte{encodingVersion})
	f.Add([]byte{encodingVersion, 0x80, 0x00})
	f.Add([]byte{2, 0})
	f.Add([]byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		w, err := Decode(b)
		if err != nil {
			return
		}
		if w.Len() > MaxEvents {
			t.Fatalf("%d events", w.Len())
		}
		if !slices.IsSortedFunc(w.events, func(a, b event) int { return int(min(max(a.at-b.at, -1), 1)) }) {
			t.Fatalf("out of order: %v", w.events)
		}
		if again, _ := w.AppendBinary(nil); !slices.Equal(again, b) {
			t.Fatalf("%x decodes and encodes to %x", b, again)
		}
		d := w.Allowed(perRecipient, start)
		if d.Allowed != (d.RetryAfter == 0) || d.Remaining < 0 || d.RetryAfter > 24*time.Hour {
			t.Fatalf("%+v", d)
		}
		w.Add(start)
		if w.Count(start.Add(-time.Second)) == 0 || w.Len() > MaxEvents {
			t.Fatal("an added event is not counted")
		}
	})
}

func TestDecode_refuses_what_AppendBinary_never_gives(t *testing.T) {
	t.Parallel()
	full := Window{events: make([]event, MaxEvents+1)}
	tooMany, _ := full.AppendBinary(nil)
	for name, b := range map[string][]byte{
		"other version":     {2, 0},
		"version alone":     {encodingVersion},
		"cut varint":        {encodingVersion, 0x80},
		"long varint":       {encodingVersion, 0x80, 0x00},
		"endless varint":    []byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
		"cut tag":           {encodingVersion, 1, 1, 2, 3},
		"tag of none":       {encodingVersion, 1, 0, 0, 0, 0},
		"time out of range": []byte("\x01\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
		"too many":          tooMany,
	} {
		if w, err := Decode(b); err != ErrEncoding {
			t.Errorf("%s: %v, %v; want ErrEncoding", name, w, err)
		}
	}
}
