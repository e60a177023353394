package invite_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

// Walks have the seeds below walks, and those of which one once found a fault, that was there or was put there to see it found.
const (
	walks    = 40
	walkActs = 80
)

var found = []uint64{53, 61, 101, 121, 137, 190, 335, 349}

// TestRA_3_whatever_three_browsers_and_the_firm_do_nobody_is_stuck_and_nobody_passes_unproven: each walk does what its seed says, and one
// that fails tells it, an act a line.
func TestRA_3_whatever_three_browsers_and_the_firm_do_nobody_is_stuck_and_nobody_passes_unproven(t *testing.T) {
	t.Parallel()
	seeds := found
	for seed := range uint64(walks) {
		seeds = append(seeds, seed)
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := setOut(t, seed)
			for over := 0; over < 5 && len(w.told) < walkActs; { // a few acts follow the end
				if w.any(); w.status.Terminal() {
					over++
				}
			}
			w.finish()
		})
	}
}

// walk is one invitation, with what those who use it know of it by what they were told alone.
type walk struct {
	*desk
	rnd      *rand.Rand
	kind     invite.Kind
	keeps    bool // the firm keeps proofs
	mood     []int
	sum      int                            // of mood
	home     bool                           // the customer is sent on to the firm
	gates    []delivery.Channel             // in their order
	links    []string                       // tokens, the newest last
	browsers []*browser                     // of which each has its own cookie
	firm     invite.Visit                   // names the invitation
	number   string                         // of now, of a fixed one
	codes    map[delivery.Channel]*sentCode // the last one of each gate
	older    []string                       // codes of before
	sends    map[delivery.Channel][]time.Time
	proofs   times         // the last of the contact of now
	kept     times         // those that hold for whoever answers first
	agreed   bool          // somebody has
	status   invite.Status // after the last act
	last     func()
	told     []string // the acts
}

type times map[delivery.Channel]time.Time

type browser struct {
	name   string
	visit  invite.Visit
	link   int // that it opened last, from 1
	opened time.Time
	proved times // in this session
}

type sentCode struct {
	text, cookie string
	at           time.Time
	wrong        int
}

// shapes are the invitations that there are walks of.
var shapes = []struct {
	what    string
	keeps   bool
	gates   []delivery.Channel
	request func(*invite.CreateRequest)
}{
	{"fixed", false, []delivery.Channel{delivery.SMS}, func(*invite.CreateRequest) {}},
	{"fixed, with proofs that are kept", true, []delivery.Channel{delivery.SMS}, func(*invite.CreateRequest) {}},
	{"fixed, without a gate", false, nil, func(r *invite.CreateRequest) { r.Mobile2FA = &no }},
	{"entered", false, []delivery.Channel{delivery.SMS}, entered(true, false)},
	{"entered, two contacts", false, []delivery.Channel{delivery.SMS, delivery.Email}, entered(true, true)},
	{"entered, with consent", true, []delivery.Channel{delivery.SMS}, func(r *invite.CreateRequest) {
		entered(true, false)(r)
		r.WithoutConsent = false
	}},
}

func setOut(t *testing.T, seed uint64) *walk {
	t.Helper()
	shape := shapes[seed%uint64(len(shapes))]
	w := &walk{
		desk: setup(t), rnd: rand.New(rand.NewPCG(seed, 0)), keeps: shape.keeps, gates: shape.gates, number: mobile,
		codes: map[delivery.Channel]*sentCode{}, sends: map[delivery.Channel][]time.Time{}, proofs: times{}, kept: times{},
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d: %s", seed, shape.what)
			for _, act := range w.told {
				t.Log(act)
			}
		}
	})
	w.home, w.mood = w.rnd.IntN(2) == 0, moods[seed/uint64(len(shapes))%uint64(len(moods))]
	for _, often := range w.mood {
		w.sum += often
	}
	w.checks(func(c *policy.Checks) { c.KeepProof, c.RedirectURLs = shape.keeps, []string{"https://firm.example"} })
	made := w.create(shape.request, func(r *invite.CreateRequest) {
		if w.home {
			r.RedirectURL = "https://firm.example/back"
		}
	})
	w.kind, w.status, w.firm.ID = made.View.Kind, made.View.Status, made.View.ID
	w.link(made.Token.Reveal())
	for _, name := range []string{"A", "B", "C"} {
		w.browsers = append(w.browsers, &browser{name: name, proved: times{}})
	}
	return w
}

// link takes a new link: that of a message where none was handed over.
func (w *walk) link(token string) {
	if token == "" {
		token = w.token()
	}
	w.links = append(w.links, token)
}

// moods say how often each act of any is done: all of them alike, codes above all, and much by the firm.
var moods = [][]int{
	{4, 2, 2, 4, 4, 4, 2, 1, 2, 2, 2, 1, 10},
	{12, 2, 1, 2, 16, 3, 0, 0, 0, 4, 1, 0, 4},
	{6, 6, 1, 2, 6, 2, 1, 0, 1, 2, 2, 0, 6},
}

// any does something.
func (w *walk) any() {
	b := w.browsers[w.rnd.IntN(len(w.browsers))]
	ch := delivery.SMS
	if len(w.gates) > 0 {
		ch = w.gates[w.rnd.IntN(len(w.gates))]
	}
	code, which := w.code(ch)
	to, older := w.contact(ch), 1+w.rnd.IntN(len(w.links))
	acts := []func(){
		w.time,
		w.firmActs,
		func() { w.act(b, "opens an older link", func() { w.follow(b, older) }) },
		func() { w.act(b, "opens the newest link", func() { w.follow(b, len(w.links)) }) },
		func() { w.act(b, "asks for a code by "+string(ch)+" to "+to, func() { w.ask(b, ch, to) }) },
		func() { w.act(b, "hands in "+which+" code for "+string(ch), func() { w.handIn(b, ch, code) }) },
		func() { w.act(b, "agrees", func() { w.answer(b, true) }) },
		func() { w.act(b, "does not agree", func() { w.answer(b, false) }) },
		func() { w.act(b, "is sent on", func() { w.handOver(b) }) },
		func() { w.act(b, "reads the hub", func() { w.read(b) }) },
		w.back,
		func() { w.act(b, "gives up", func() { w.leave(b) }) },
		func() { w.onward(b) },
	}
	n := w.rnd.IntN(w.sum)
	for i, do := range acts {
		if n -= w.mood[i]; n < 0 {
			do()
			return
		}
	}
}

// back goes Back, and does the last act once more.
func (w *walk) back() {
	if w.last != nil {
		w.last()
	}
}

// time goes on, mostly by what people take for a step.
func (w *walk) time() {
	by := []time.Duration{20 * time.Second, 40 * time.Second, time.Minute, 2 * time.Minute, 6 * time.Minute, 31 * time.Minute, 13 * time.Hour, 24 * time.Hour}
	n := len(by)
	if w.rnd.IntN(5) > 0 {
		n = 5
	}
	passed := by[w.rnd.IntN(n)]
	w.tell("after " + passed.String())
	w.later(passed)
}

func (w *walk) tell(act string) {
	w.told = append(w.told, act)
}

// act is something that a browser does, which may be done again.
func (w *walk) act(b *browser, what string, do func()) {
	w.last = func() {
		w.tell(b.name + " " + what)
		do()
		w.hold(b)
	}
	w.last()
}

// contact is what is typed for a gate.
func (w *walk) contact(ch delivery.Channel) string {
	switch {
	case w.kind == invite.Fixed || w.rnd.IntN(3) == 0:
		return ""
	case ch == delivery.Email:
		return email
	}
	return []string{mobile, another}[w.rnd.IntN(2)]
}

// code is one that may be handed in.
func (w *walk) code(ch delivery.Channel) (text, which string) {
	sent := w.codes[ch]
	switch n := w.rnd.IntN(4); {
	case n == 0 && len(w.older) > 0:
		return w.older[w.rnd.IntN(len(w.older))], "an older"
	case sent == nil:
		return "000000", "any"
	case n < 3:
		return other(sent.text), "a wrong"
	default:
		return sent.text, "the right"
	}
}

// onward does what the hub leads a browser to, and is where it ends up.
func (w *walk) onward(b *browser) (at invite.Step) {
	if !w.live(b) {
		w.act(b, "opens the newest link", func() { w.follow(b, len(w.links)) })
		return ""
	}
	w.act(b, "reads the hub", func() { at = w.read(b) })
	switch at {
	case invite.StepPhone, invite.StepEmail:
		ch, to := delivery.SMS, another
		if at == invite.StepEmail {
			ch, to = delivery.Email, email
		}
		if w.kind == invite.Fixed {
			to = ""
		}
		if sent := w.codes[ch]; sent != nil && sent.cookie == b.visit.Cookie && w.world.time().Before(sent.at.Add(5*time.Minute)) {
			w.act(b, "hands in the right code for "+string(ch), func() { w.handIn(b, ch, sent.text) })
			break
		}
		if w.kind == invite.Entered && !w.proofs[ch].IsZero() { // ID-4
			to = ""
		}
		w.act(b, "asks for a code by "+string(ch)+" to "+to, func() { w.ask(b, ch, to) })
	case invite.StepConsent:
		w.act(b, "agrees", func() { w.answer(b, true) })
	case invite.StepHandOff:
		w.act(b, "is sent on", func() { w.handOver(b) })
	}
	return at
}

// finish is the end of a walk: wherever it has led to, a browser that comes anew gets to the end, with the firm's help where a gate is locked.
func (w *walk) finish() {
	for _, b := range w.browsers {
		w.act(b, "reads the hub", func() { w.read(b) })
	}
	b := &browser{name: "a new browser", proved: times{}}
	for range 20 {
		if w.status.Terminal() || w.onward(b) == invite.StepDone {
			return
		}
		w.tell("after 2m0s")
		w.later(2 * time.Minute)
		if view := w.view(); view.Offers().Unlock {
			w.unlock()
		}
	}
	w.Fatalf("%s: a new browser does not get to the end", w.status)
}

func (w *walk) view() invite.View {
	v, err := w.Get(w.ctx(), w.target(w.firm))
	if err != nil {
		w.Fatal(err)
	}
	return v
}

func (w *walk) keep() {
	w.kept = times{}
	for ch, at := range w.proofs {
		if w.keeps && !w.agreed && w.fresh(at) {
			w.kept[ch] = at
		}
	}
}

func (w *walk) fresh(at time.Time) bool {
	return !at.IsZero() && w.world.time().Before(at.Add(invite.SessionLife))
}

// live reports whether a browser has a session of the newest link.
func (w *walk) live(b *browser) bool { return b.link == len(w.links) && w.fresh(b.opened) }

// passed reports whether a gate is proven by a browser, or by a proof that is kept for it.
func (w *walk) passed(b *browser, ch delivery.Channel) bool {
	return w.live(b) && (w.fresh(b.proved[ch]) || w.fresh(w.kept[ch]))
}

func (w *walk) passedAll(b *browser) bool {
	return !slices.ContainsFunc(w.gates, func(ch delivery.Channel) bool { return !w.passed(b, ch) })
}

// prove notes a proof. It is that of one browser: whoever proves the contact after it takes its place.
func (w *walk) prove(b *browser, ch delivery.Channel) {
	for _, every := range w.browsers {
		delete(every.proved, ch)
	}
	b.proved[ch], w.proofs[ch] = w.world.time(), w.world.time()
	delete(w.kept, ch)
	delete(w.codes, ch)
}

// claim makes proofs that were kept those of a browser.
func (w *walk) claim(b *browser) {
	maps.Copy(b.proved, w.kept)
	w.kept = times{}
}
