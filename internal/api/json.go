package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// maxDepth is how deep a body may nest (SEC-83). Ours need three levels.
const maxDepth = 16

// unreadable is why a body can't be read, as it is shown. It holds nothing of the body: the errors of encoding/json
// would.
type unreadable string

func (u unreadable) Error() string { return string(u) }

const (
	notUTF8     = unreadable("The body is not UTF-8 text.")
	tooDeep     = unreadable("The body nests deeper than 16 levels.") // maxDepth
	repeated    = unreadable("The body has a name twice in one object. Send each name once.")
	notPrinted  = unreadable("The body has a text with a control character in it.")
	tooGreat    = unreadable("The body has a number that is too large.")
	otherInForm = unreadable("The body does not have the documented form.")
)

// strictJSON is the one format of the API.
var strictJSON = huma.Format{Marshal: encode, Unmarshal: decode}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// encode writes v in one write, so that the server can tell its length. It fails only for values that can't be JSON:
// a client that has gone is nobody's error.
func encode(w io.Writer, v any) error {
	buf := buffers.Get().(*bytes.Buffer)
	defer func() { buf.Reset(); buffers.Put(buf) }()
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, _ = w.Write(buf.Bytes())
	return nil
}

// decode reads a body. Huma calls it twice: into an any, to validate it, and then into the typed input. The first time
// the body itself is judged.
func decode(data []byte, v any) error {
	tree, first := v.(*any)
	if !first {
		if err := json.Unmarshal(data, v); err != nil {
			return otherInForm
		}
		return nil
	}
	if !utf8.Valid(data) {
		return notUTF8
	}
	members, depth := outline(data)
	if depth > maxDepth {
		return tooDeep
	}
	if err := json.Unmarshal(data, tree); err != nil {
		if s, ok := errors.AsType[*json.SyntaxError](err); ok {
			return unreadable(fmt.Sprintf("The body is not valid JSON: see byte %d.", s.Offset))
		}
		return tooGreat // the one other way to fail into an any
	}
	found, clean := inspect(*tree, false)
	if !clean {
		return notPrinted
	}
	// encoding/json keeps the last of repeated names, so the tree then has fewer members than the text.
	if found != members {
		return repeated
	}
	return nil
}

// outline counts the members of all objects in JSON text, by their colons, and the deepest nesting. For text that is
// not JSON the figures mean nothing.
func outline(data []byte) (members, depth int) {
	level := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; i < len(data) && data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			level++
			depth = max(depth, level)
		case '}', ']':
			level--
		case ':':
			members++
		}
	}
	return members, depth
}

// prose names the members in whose texts lines may break, at any depth.
var prose = map[string]bool{"notes": true, "texts": true}

// inspect counts the members of all objects in a decoded tree, and reports whether no text in it has a control
// character, but for line breaks in prose: none of ours needs one, and a NUL can't be stored.
func inspect(v any, inProse bool) (members int, clean bool) {
	switch v := v.(type) {
	case string:
		if inProse {
			v = strings.ReplaceAll(v, "\n", " ")
		}
		return 0, printable(v)
	case []any:
		for _, e := range v {
			n, ok := inspect(e, inProse)
			if !ok {
				return 0, false
			}
			members += n
		}
	case map[string]any:
		members = len(v)
		for k, e := range v {
			n, ok := inspect(e, inProse || prose[k])
			if !ok || !printable(k) {
				return 0, false
			}
			members += n
		}
	}
	return members, true
}

// printable reports whether s has no control character of ASCII.
func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0
}
