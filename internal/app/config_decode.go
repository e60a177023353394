package app

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/countersign/countersign/internal/delivery"
)

// The decoder walks the tree of the file itself, because the library's own stops at the first fault and quotes the
// lines around it, secrets included.

// decode reads text into c and notes every fault.
func (s *source) decode(text []byte, c *Config) {
	file, err := parser.ParseBytes(text, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		clear(s.shown) // what is a key and what a value is not known
		s.sayAt(syntaxPlace(err), "(file)", "is not valid YAML: "+syntaxText(err)+".", "")
		return
	}
	docs := file.Docs
	if len(docs) > 1 {
		s.sayAt(startOf(docs[1].Body), "(file)", "holds more than one document.", "Keep one and remove the line of dashes.")
	}
	if len(docs) == 0 || docs[0].Body == nil {
		return // empty, or comments alone
	}
	s.value(docs[0].Body, reflect.ValueOf(c).Elem(), "", "")
}

func syntaxPlace(err error) place {
	if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil {
		return place{e.GetToken().Position.Line, e.GetToken().Position.Column}
	}
	return place{line: 1, column: 1}
}

// syntaxText is what the parser says, without the lines that it quotes.
func syntaxText(err error) string {
	if e, ok := errors.AsType[yaml.Error](err); ok {
		return quotedForm.ReplaceAllString(e.GetMessage(), `"…"`)
	}
	return "it can't be parsed"
}

// quotedForm is a part of the file in a message of the parser.
var quotedForm = regexp.MustCompile(`["'` + "`" + `].*["'` + "`" + `]`)

func startOf(n ast.Node) place {
	if n == nil || n.GetToken() == nil {
		return place{}
	}
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key // the token of a block of keys is its first colon
	}
	return place{n.GetToken().Position.Line, n.GetToken().Position.Column}
}

// plain is the node behind a tag or an anchor.
func plain(n ast.Node) ast.Node {
	for {
		switch t := n.(type) {
		case *ast.TagNode:
			n = t.Value
		case *ast.AnchorNode:
			n = t.Value
		default:
			return n
		}
	}
}

// value reads a node into v, which stands under the given key.
func (s *source) value(n ast.Node, v reflect.Value, key string, tag reflect.StructTag) {
	n = plain(n)
	if _, known := s.places[key]; !known {
		s.places[key] = startOf(n)
	}
	if n == nil || n.Type() == ast.NullType {
		return // the key with nothing behind it: as if it were not there
	}
	switch t := v.Type(); {
	case n.Type() == ast.AliasType:
		s.sayAt(startOf(n), key, "refers to another place of the file.", "Write the value out.")
	case t == reflect.TypeFor[Provider]():
		s.provider(n, v, key)
	case isScalar(t):
		s.scalar(n, v, key, tag)
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		s.value(n, v.Elem(), key, tag)
	case t.Kind() == reflect.Slice:
		s.list(n, v, key, tag)
	default:
		s.table(n, v, key)
	}
}

func (s *source) scalar(n ast.Node, v reflect.Value, key string, tag reflect.StructTag) {
	text, ok := scalarText(n)
	kind := v.Kind()
	switch {
	case !ok:
		s.sayAt(startOf(n), key, "must be one value, not a list or a table.", "")
		return
	case kind == reflect.Bool && n.Type() != ast.BoolType:
		s.sayAt(startOf(n), key, "must be true or false.", "Write it without quotes.")
		return
	case kind == reflect.Int && n.Type() != ast.IntegerType:
		s.sayAt(startOf(n), key, "must be a whole number.", "Write it without quotes.")
		return
	}
	if err := setScalar(v, text, tag); err != nil {
		s.sayAt(startOf(n), key, err.Error()+".", "")
	}
}

// scalarText is what a single value says, as it is written.
func scalarText(n ast.Node) (string, bool) {
	switch t := n.(type) {
	case *ast.StringNode:
		return t.Value, true
	case *ast.LiteralNode:
		return strings.TrimSuffix(t.Value.Value, "\n"), true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return t.GetToken().Value, true
	}
	return "", false
}

func (s *source) list(n ast.Node, v reflect.Value, key string, tag reflect.StructTag) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		s.sayAt(startOf(n), key, "must be a list.", "Begin each item with a dash, or put them in [brackets].")
		return
	}
	list := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		s.value(item, list.Index(i), fmt.Sprintf("%s[%d]", key, i), tag)
	}
	v.Set(list)
}

// table reads a mapping into a struct. also are keys that are read elsewhere.
func (s *source) table(n ast.Node, v reflect.Value, key string, also ...string) {
	m, ok := n.(ast.MapNode)
	if !ok {
		s.sayAt(startOf(n), key, "must be a table of keys.", "")
		return
	}
	fields := fieldsOf(v)
	for _, name := range also {
		fields[name] = field{}
	}
	seen := make(map[string]bool)
	for it := m.MapRange(); it.Next(); {
		name, at := keyText(it.Key()), startOf(it.Key())
		path := strings.TrimPrefix(key+"."+name, ".")
		f, known := fields[name]
		switch {
		case !known:
			s.sayAt(at, path, "is not a key of this table.", suggestion(name, fields))
			continue
		case seen[name]:
			s.sayAt(at, path, "is given twice.", "Keep one of the two.")
			continue
		}
		seen[name] = true
		s.places[path] = at
		switch {
		case !f.value.IsValid(): // read elsewhere
		case f.file:
			s.secretFile(it.Value(), f.value, path, seen)
		default:
			if f.value.Type() == secretType && seen[name+"_file"] {
				s.sayAt(at, path, "is given beside "+name+"_file.", "Keep one of the two.")
				continue
			}
			s.value(it.Value(), f.value, path, f.tag)
		}
	}
}

func keyText(n ast.Node) string {
	if text, ok := scalarText(n); ok {
		return text
	}
	return n.GetToken().Value
}

// field is what a key of a table is read into.
type field struct {
	value reflect.Value
	tag   reflect.StructTag
	file  bool // the key names a file that holds the value
}

// fieldsOf are the keys of a struct. A secret KEY can be given as KEY_file too.
func fieldsOf(v reflect.Value) map[string]field {
	fields := make(map[string]field)
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		name := tag.Get("yaml")
		if name == "-" || tag.Get("env") == "only" {
			continue
		}
		fields[name] = field{value: v.Field(i), tag: tag}
		if v.Field(i).Type() == secretType {
			fields[name+"_file"] = field{value: v.Field(i), tag: tag, file: true}
		}
	}
	return fields
}

func (s *source) secretFile(n ast.Node, v reflect.Value, key string, seen map[string]bool) {
	name := key[strings.LastIndex(key, ".")+1:]
	if seen[strings.TrimSuffix(name, "_file")] {
		s.say(key, "is given beside "+strings.TrimSuffix(name, "_file")+".", "Keep one of the two.")
		return
	}
	path, ok := scalarText(plain(n))
	if !ok {
		s.say(key, "must be the path of a file.", "")
		return
	}
	if err := readSecret(v, path); err != nil {
		s.say(key, err.Error()+".", "Make the file readable for the user that runs the server.")
	}
}

// readSecret reads a file that holds one secret, without the line end behind it.
func readSecret(v reflect.Value, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("the file can't be read: %w", errors.Unwrap(err))
	}
	v.Set(reflect.ValueOf(delivery.Secret(strings.TrimRight(string(text), "\r\n"))))
	return nil
}

// suggestion names the known key that is nearest, if one is near, or all there are.
func suggestion(name string, fields map[string]field) string {
	best, least := "", 3
	for known := range fields {
		if d := distance(name, known); d < least || d == least && known < best {
			best, least = known, d
		}
	}
	if best != "" {
		return "Did you mean " + best + "?"
	}
	return "Keys are: " + strings.Join(sortedKeys(fields), ", ") + "."
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// distance is how many characters must be put in, left out or replaced to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
