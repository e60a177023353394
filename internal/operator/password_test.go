package operator

import (
	"context"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign/internal/fault"
)

func TestPasswords_are_refused_for_what_they_are_and_not_for_what_they_are_made_of(t *testing.T) {
	t.Parallel()
	p := newPasswords()
	who := person{Email: "ann.b@acme-shop.example", Name: "Ann Müllerin"}
	for password, good := range map[string]bool{
		"gravel umbrella teacup":     true,
		"correct horse battery":      true, // three words
		"aaaaaaaaaaab":               true, // no rules about what it is made of
		"4820918365720":              true,
		"größenwahnsinn":             true,
		"ключ от квартиры":           true,
		"🍕🍔🌮🍣🍩🍪🎂🍫🍿🥨🥐🍎":               true, // characters, not bytes
		strings.Repeat("xyzzy ", 21): true, // 126

		"elevenchars":                 false,
		strings.Repeat("xyzzy ", 22):  false, // 132
		"gravel\x00umbrella":          false,
		"gravel umbrella\xff":         false,
		"passwordpassword":            false,
		"password12345":               false,
		"P@ssw0rd2026!":               false,
		"1qaz2wsx3edc4rfv":            false, // on the list
		"dragonmonkey!":               false,
		"abcabcabcabcabc":             false,
		"111111111111":                false,
		"abcdefghijklm":               false,
		"12345678901234":              false,
		"987654321098":                false,
		"my countersign is safe":      false,
		"my COUNTERSIGN is safe":      false,
		"the müllerin of the mill":    false,
		"welcome to acme, all of you": false,
		"zorn und donner":             false,
		"wir sind söhne der see":      false,
		"all the tr@n5p0rte here":     false, // signs for letters
	} {
		err := p.refuse(password, who, "Zorn & Söhne Transporte", 12)
		if (err == nil) != good {
			t.Errorf("%q: %v, want good %v", password, err, good)
		}
		if f := fault.As(err); err != nil && (f.Code != "password_invalid" || f.Field != "password" || strings.Contains(f.Message, password)) {
			t.Errorf("%q: %v", password, err)
		}
	}
	if p.refuse("gravel umbrel", who, "", minAlone) == nil {
		t.Error("13 characters are let through where 15 are asked for")
	}
}

// TestTheList_of_guessable_passwords_is_in_the_order_of_its_bytes, since it is searched by halves.
func TestTheList_of_guessable_passwords_is_in_the_order_of_its_bytes(t *testing.T) {
	t.Parallel()
	if words := newPasswords().words; len(words) < 1000 || !slices.IsSorted(words) {
		t.Errorf("%d words, in order: %v", len(words), slices.IsSorted(words))
	}
}

func TestPasswords_are_kept_as_argon2id_with_a_salt_of_their_own(t *testing.T) {
	t.Parallel()
	p, ctx := newPasswords(), context.Background()
	a, err := p.hash(ctx, "gravel umbrella teacup")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := p.hash(ctx, "gravel umbrella teacup")
	if a == b || !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("%s, %s", a, b)
	}
	for password, want := range map[string]bool{"gravel umbrella teacup": true, "gravel umbrella teacuq": false, "": false, strings.Repeat("x", 100_000): false} {
		if is, err := p.check(ctx, a, password); err != nil || is != want {
			t.Errorf("%.30q: %v, %v", password, is, err)
		}
	}
	composed, _ := p.hash(ctx, "gr\u00f6\u00dfe von allem hier")
	if is, err := p.check(ctx, composed, "gro\u0308\u00dfe von allem hier"); err != nil || !is {
		t.Errorf("another way to write the same letters: %v, %v", is, err)
	}
	for _, password := range []string{"", "anything at all"} {
		if is, err := p.check(ctx, "", password); err != nil || is {
			t.Errorf("no account: %v, %v", is, err)
		}
	}
	if _, err := p.check(ctx, "$2b$10$abc", "anything"); err == nil {
		t.Error("another form is compared")
	}
}

// TestSEC_9_no_account_costs_what_one_costs is not parallel, since it measures what the process takes. Not time, which other work on the machine
// changes: a hash is made in memory that is taken for it, and so much of it is taken by nothing else.
func TestSEC_9_no_account_costs_what_one_costs(t *testing.T) {
	p, ctx := newPasswords(), context.Background()
	kept, err := p.hash(ctx, "gravel umbrella teacup")
	if err != nil {
		t.Fatal(err)
	}
	taken := func(kept string) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if is, err := p.check(ctx, kept, "a wrong one, quite long"); err != nil || is {
			t.Fatal(is, err)
		}
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	there, none := taken(kept), taken("")
	if least := uint64(argonMemory * 1024); there < least || none < least || max(there, none)-min(there, none) > least/10 {
		t.Errorf("an account takes %d bytes, none %d", there, none)
	}
}

func TestPasswords_four_are_hashed_at_once_and_who_waits_too_long_is_turned_away(t *testing.T) {
	t.Parallel()
	p := newPasswords()
	var busy, most atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			free, err := p.slot(context.Background())
			if err != nil {
				t.Error(err)
				return
			}
			now := busy.Add(1)
			for was := most.Load(); now > was && !most.CompareAndSwap(was, now); was = most.Load() {
			}
			busy.Add(-1)
			free()
		})
	}
	wg.Wait()
	if most.Load() > 4 {
		t.Errorf("%d at once", most.Load())
	}
	for range hashesAtOnce {
		if _, err := p.slot(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := p.hash(ctx, "gravel umbrella teacup"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("turned away: %v", err)
	}
}

func TestPasswords_with_a_word_that_belongs_to_the_person_say_which(t *testing.T) {
	t.Parallel()
	p := newPasswords()
	for _, c := range []struct{ password, says string }{
		{"gravel umbrella redskyco", "your firm"}, {"gravel red sky co umbrella", "your firm"}, {"gravel lovel4ce umbrella", "your name"}, {"gravel a.b-c umbrella", "e-mail address"},
		{"gravel umbrella example", "e-mail address"}, {"gravel c0unter5ign umbrella", "this product"},
	} {
		err := p.refuse(c.password, person{Email: "a.b-c@post.example", Name: "Ada Lovelace"}, "Red Sky Co", 12)
		if f := fault.As(err); err == nil || f.Code != "password_invalid" || !strings.Contains(f.Message, c.says) || !strings.Contains(f.Message, "tries that first") {
			t.Errorf("%q: %v", c.password, err)
		}
	}
	if err := p.refuse("gravel red umbrella sky teacup", person{Email: "a.b-c@post.example", Name: "Ada Lovelace"}, "Red Sky Co", 12); err != nil {
		t.Errorf("short words of a name: %v", err)
	}
}
