package delivery

// States are all states, in the order in which a delivery passes them; the last three are final.
var States = []State{Sending, Unknown, Sent, Delivered, Failed, ExpiredAt}

// rank orders the states: a higher one is later news. Final states share the highest.
func (s State) rank() int {
	switch s {
	case Sending:
		return 1
	case Unknown:
		return 2
	case Sent:
		return 3
	case Delivered, Failed, ExpiredAt:
		return 4
	}
	return 0
}

// Final reports whether nothing can follow s.
func (s State) Final() bool { return s.rank() == 4 }

// After reports whether next is an advance on s: later news, to be recorded. Receipts come twice and in any order;
// one that is no advance changes nothing (SP-119). What is not a state neither advances nor is advanced on.
func (s State) After(next State) bool {
	return s.rank() > 0 && next.rank() > s.rank()
}
