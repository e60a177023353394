package recipient

import (
	"encoding/binary"
	"fmt"
	"iter"
	"regexp/syntax"
	"slices"
)

// automaton recognises digit strings by one pattern of the metadata: one table step a digit, where the regexp package
// walks all alternatives of a country at once. It is built by the subset construction and is read-only afterwards.
type automaton struct {
	states []state
}

// state is a node of the table. State 0 is the dead end, state 1 the start.
type state struct {
	next      [10]uint16 // by digit
	accept    bool       // what was read so far is a match
	acceptEnd bool       // it is one if nothing follows
}

// maxStates bounds one table at 22 KB. The largest pattern of metadata 9.0.37 needs 281 states.
const maxStates = 1000

// compileAutomaton translates a pattern of the regexp package. It refuses word boundaries and patterns that grow past
// maxStates; the caller then leaves the country to the library.
func compileAutomaton(pattern string) (*automaton, error) {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("parse pattern: %w", err)
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, fmt.Errorf("compile pattern: %w", err)
	}
	b := builder{prog: prog, known: map[string]uint16{}, a: &automaton{states: make([]state, 1)}}
	b.add(b.closure([]uint32{uint32(prog.Start)}, syntax.EmptyBeginText|syntax.EmptyBeginLine))
	for i := 1; i < len(b.a.states) && b.err == nil; i++ {
		b.expand(i)
	}
	return b.a, b.err
}

// match reports whether the pattern matches all of digits, which must be ASCII digits.
func (a *automaton) match(digits string) bool {
	at := uint16(1)
	for i := range len(digits) {
		if at = a.states[at].next[digits[i]-'0']; at == 0 {
			return false
		}
	}
	return a.states[at].accept || a.states[at].acceptEnd
}

// ends yields each length of digits' beginnings that the pattern matches, shortest first.
func (a *automaton) ends(digits string) iter.Seq[int] {
	return func(yield func(int) bool) {
		at := uint16(1)
		for i := 0; at != 0; i++ {
			last := i == len(digits)
			if s := &a.states[at]; (s.accept || last && s.acceptEnd) && !yield(i) || last {
				return
			}
			at = a.states[at].next[digits[i]-'0']
		}
	}
}

// matchStart reports whether the pattern matches a beginning of digits.
func (a *automaton) matchStart(digits string) bool {
	for range a.ends(digits) {
		return true
	}
	return false
}

// builder makes the table. A set is a sorted list of instructions: those that read a rune, those that wait for the
// end of the text, and the match.
type builder struct {
	prog  *syntax.Prog
	known map[string]uint16 // the state of a set
	sets  [][]uint32        // the set of a state, the dead end left out
	a     *automaton
	err   error
}

// add gives the state of a set, and makes it when it is new.
func (b *builder) add(set []uint32) uint16 {
	if len(set) == 0 {
		return 0
	}
	var key []byte
	for _, pc := range set {
		key = binary.BigEndian.AppendUint32(key, pc)
	}
	if at, ok := b.known[string(key)]; ok {
		return at
	}
	if len(b.a.states) == maxStates {
		b.err = fmt.Errorf("pattern needs over %d states", maxStates)
		return 0
	}
	at := uint16(len(b.a.states))
	b.known[string(key)] = at
	b.sets = append(b.sets, set)
	b.a.states = append(b.a.states, state{
		accept:    b.matches(set),
		acceptEnd: b.matches(b.closure(set, syntax.EmptyEndText|syntax.EmptyEndLine)),
	})
	return at
}

// expand fills the transitions of state i.
func (b *builder) expand(i int) {
	for d := range 10 {
		var out []uint32
		for _, pc := range b.sets[i-1] {
			inst := &b.prog.Inst[pc]
			if reads(inst) && inst.MatchRune(rune('0'+d)) {
				out = append(out, inst.Out)
			}
		}
		next := b.add(b.closure(out, 0))
		b.a.states[i].next[d] = next
	}
}

// closure follows everything that reads nothing from the given instructions, where the assertions in holds are true.
func (b *builder) closure(from []uint32, holds syntax.EmptyOp) []uint32 {
	var set []uint32
	seen := map[uint32]bool{}
	stack := slices.Clone(from)
	for len(stack) > 0 {
		pc := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		inst := &b.prog.Inst[pc]
		switch inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, inst.Out)
		case syntax.InstEmptyWidth:
			b.assertion(syntax.EmptyOp(inst.Arg), holds, pc, inst.Out, &stack, &set)
		case syntax.InstFail:
		default:
			set = append(set, pc)
		}
	}
	slices.Sort(set)
	return set
}

// assertion goes on behind one that holds, keeps one that may hold at the end, and drops one at the beginning.
func (b *builder) assertion(op, holds syntax.EmptyOp, pc, out uint32, stack, set *[]uint32) {
	const begin, end = syntax.EmptyBeginText | syntax.EmptyBeginLine, syntax.EmptyEndText | syntax.EmptyEndLine
	switch {
	case op&^(begin|end) != 0:
		b.err = fmt.Errorf("pattern uses an assertion that is not supported")
	case op&^holds == 0:
		*stack = append(*stack, out)
	case op&begin == 0:
		*set = append(*set, pc)
	}
}

func (b *builder) matches(set []uint32) bool {
	return slices.ContainsFunc(set, func(pc uint32) bool { return b.prog.Inst[pc].Op == syntax.InstMatch })
}

func reads(inst *syntax.Inst) bool {
	switch inst.Op {
	case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
		return true
	}
	return false
}
