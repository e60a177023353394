package delivery

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestHealth_of_a_circuit_says_since_when_it_fails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &circuit{limit: 2}
		expect := func(want Health) {
			t.Helper()
			if got := c.health(time.Now()); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		expect(Health{})
		fail := func() {
			tk, _ := c.ask(time.Now())
			c.failed(tk, time.Now(), 0)
		}
		fail()
		expect(Health{Failures: 1})
		time.Sleep(time.Second)
		fail()
		opened := time.Now()
		expect(Health{Failing: true, Failures: 2, Since: opened})
		time.Sleep(openAtFirst)
		fail() // a probe: it fails since the first time
		expect(Health{Failing: true, Failures: 3, Since: opened})
		time.Sleep(openAtMost)
		tk, _ := c.ask(time.Now())
		c.taken(tk)
		expect(Health{})
		tk, _ = c.ask(time.Now())
		c.failed(tk, time.Now(), time.Minute)
		expect(Health{Failing: true, Failures: 1}) // it asked to be left alone
	})
}

func TestHealth_names_each_provider_in_order(t *testing.T) {
	t.Parallel()
	d := &Dispatcher{Now: time.Now, accounts: map[string]*account{}}
	for _, name := range []string{"b", "c", "a"} {
		d.accounts[name] = &account{circuit: &circuit{limit: 1}}
	}
	d.accounts["c"].circuit.failed(ticket{}, time.Now(), 0)
	got := d.Health()
	if len(got) != 3 || got[0].Provider != "a" || got[1].Provider != "b" || got[2].Provider != "c" || got[0].Failing || !got[2].Failing {
		t.Errorf("got %+v", got)
	}
}
