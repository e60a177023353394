package app

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"
)

// Fault is one thing wrong with the configuration.
type Fault struct {
	File         string // where it stands, or "environment", or "flags"
	Line, Column int    // from 1; 0 outside a file
	Key          string // "providers[1].url", or the name of the variable
	What         string // what is wrong
	Remedy       string // what to do
	excerpt      string // the line with a caret below, without any value: one may be a secret
}

// Error tells place, fault and remedy, and shows the line when there is one.
func (f Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	fmt.Fprintf(&b, ": %s: %s", f.Key, f.What)
	if f.Remedy != "" {
		b.WriteString(" " + f.Remedy)
	}
	return b.String() + f.excerpt
}

// Faults are all that is wrong, in the order of the file, what is outside it last.
type Faults []Fault

// Error tells each on a line of its own.
func (f Faults) Error() string {
	texts := make([]string, len(f))
	for i, e := range f {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "\n")
}

// place is a position in the file.
type place struct{ line, column int }

// source is the text that faults point into.
type source struct {
	file   string
	shown  map[int][]rune    // lines with every value taken out
	places map[string]place  // where keys were found, by path
	env    map[string]string // by what keys were set outside of the file: the variable or the flag
	faults Faults
}

func newSource(file string, text []byte) *source {
	s := &source{file: file, shown: make(map[int][]rune), places: make(map[string]place), env: make(map[string]string)}
	for _, t := range lexer.Tokenize(string(text)) {
		s.show(t)
	}
	return s
}

// show puts t into its line if it is a key or an indicator, and a sign of omission if it is a value.
func (s *source) show(t *token.Token) {
	text := "…"
	switch {
	case t.Type == token.CommentType:
		return
	case t.Next != nil && t.Next.Type == token.MappingValueType, t.Indicator == token.BlockStructureIndicator,
		t.Indicator == token.FlowCollectionIndicator:
		text = t.Value
	}
	line := s.shown[t.Position.Line]
	for at := t.Position.Column - 1; len(line) < at; {
		line = append(line, ' ')
	}
	s.shown[t.Position.Line] = append(line, []rune(text)...)
}

// at is where a key was found, or the nearest key around it.
func (s *source) at(key string) place {
	for key != "" {
		if p, ok := s.places[key]; ok {
			return p
		}
		key = key[:max(strings.LastIndexAny(key, ".["), 0)]
	}
	return place{}
}

// say adds a fault at a key.
func (s *source) say(key, what, remedy string) { s.sayAt(s.at(key), key, what, remedy) }

func (s *source) sayAt(p place, key, what, remedy string) {
	f := Fault{File: s.file, Line: p.line, Column: p.column, Key: key, What: what, Remedy: remedy}
	if line, ok := s.shown[p.line]; ok {
		f.excerpt = fmt.Sprintf("\n%6d | %s\n       | %*s", p.line, strings.TrimRight(string(line), " "), p.column, "^")
	}
	s.faults = append(s.faults, f)
}

// sorted are the faults in the order of the file.
func (s *source) sorted() Faults {
	slices.SortStableFunc(s.faults, func(a, b Fault) int {
		inFile := func(f Fault) int {
			if f.Line == 0 {
				return 1
			}
			return 0
		}
		return cmp.Or(cmp.Compare(inFile(a), inFile(b)), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return s.faults
}
