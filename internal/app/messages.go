package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/web"
)

// shelf is a folder of messages_dir, and which of our message files its own stand in front of.
type shelf struct {
	folder string // of messages_dir
	base   fs.FS
	within string // folder of base
	also   string // a variable that every text may have; "": none
}

// shelves are all there are: the customers' pages, and the messages with codes, with links, and to operators.
func shelves() []shelf {
	return []shelf{
		{"pages", hosted.Files(), "messages", "firm"},
		{"codes", delivery.Files(), "messages", ""},
		{"notices", delivery.Files(), "notices", ""},
		{"teams", delivery.Files(), "teams", ""},
	}
}

// overlaid is a file system with some files in front of others.
type overlaid struct {
	fs.FS
	over map[string][]byte
}

// ReadFile implements fs.ReadFileFS.
func (o overlaid) ReadFile(name string) ([]byte, error) {
	if raw, ok := o.over[name]; ok {
		return raw, nil
	}
	return fs.ReadFile(o.FS, name)
}

// texts are the message files with the operator's own texts in them. Everything that is wrong with these is in faults.
func texts(dir string) (pages, messages fs.FS, faults Faults) {
	p, m := overlaid{hosted.Files(), map[string][]byte{}}, overlaid{delivery.Files(), map[string][]byte{}}
	if dir == "" {
		return p, m, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return p, m, Faults{{File: dir, Key: "messages_dir", What: "can't be read.", Remedy: "Name a directory with the folders pages, codes, notices or teams."}}
	}
	known := map[string]shelf{}
	for _, s := range shelves() {
		known[s.folder] = s
	}
	for _, e := range entries {
		s, ok := known[e.Name()]
		switch {
		case strings.HasPrefix(e.Name(), "."): // as those that Kubernetes makes
		case !ok:
			faults = append(faults, Fault{File: filepath.Join(dir, e.Name()), Key: e.Name(), What: "is none of pages, codes, notices and teams."})
		case s.folder == "pages":
			faults = append(faults, s.read(dir, p.over)...)
		default:
			faults = append(faults, s.read(dir, m.over)...)
		}
	}
	return p, m, faults
}

// read puts the files of a folder in front of ours.
func (s shelf) read(dir string, over map[string][]byte) (faults Faults) {
	dir = filepath.Join(dir, s.folder)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return Faults{{File: dir, Key: s.folder, What: "can't be read."}}
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		file, name := filepath.Join(dir, e.Name()), path.Join(s.within, e.Name())
		ours, err := fs.ReadFile(s.base, name)
		if err != nil || !strings.HasSuffix(name, ".json") || strings.HasSuffix(name, "/consent.json") {
			faults = append(faults, Fault{File: file, Key: e.Name(), What: "is no language that there is.", Remedy: "Files are called as en.json is, by the language."})
			continue
		}
		own, err := os.ReadFile(file)
		if err != nil || len(own) > maxFile {
			faults = append(faults, Fault{File: file, Key: e.Name(), What: "can't be read."})
			continue
		}
		merged, wrong := s.merge(file, ours, own)
		over[name] = merged
		faults = append(faults, wrong...)
	}
	return faults
}

// merge puts the texts of a file in the place of ours.
func (s shelf) merge(file string, ours, own []byte) (merged []byte, faults Faults) {
	var base map[string]map[string]any
	if err := json.Unmarshal(ours, &base); err != nil {
		panic(err) // a fault of the build
	}
	seen := map[string]bool{}
	end, whole := members(own, func(at int64, key string, raw json.RawMessage) {
		text, what := s.replace(base[key], key, raw)
		if seen[key] {
			what = "is there twice."
		}
		if what != "" {
			faults = append(faults, faultAt(file, own, at, key, what, ""))
		}
		base[key], seen[key] = text, true
	})
	if !whole {
		faults = append(faults, faultAt(file, own, end, "(file)", "is no JSON from here on.",
			`Write {"key": "text"}, or {"key": {"one": "text", "other": "text"}} where a text counts.`))
	}
	if len(faults) > 0 {
		return ours, faults
	}
	merged, err := json.Marshal(base)
	if err != nil {
		panic(err) // strings and truths
	}
	return merged, nil
}

// members gives each member of a JSON object, with the offset at which its key ends. It reports how far it came, and whether that was the
// whole.
func members(text []byte, give func(at int64, key string, raw json.RawMessage)) (end int64, whole bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return 0, false
	}
	for dec.More() {
		t, err := dec.Token()
		key, ok := t.(string)
		at := dec.InputOffset()
		var raw json.RawMessage
		if err != nil || !ok || dec.Decode(&raw) != nil {
			return at, false
		}
		give(at, key, raw)
	}
	if _, err := dec.Token(); err != nil {
		return dec.InputOffset(), false
	}
	_, err := dec.Token()
	return dec.InputOffset(), errors.Is(err, io.EOF)
}

// faultAt is a fault at an offset of a file.
func faultAt(file string, text []byte, at int64, key, what, remedy string) Fault {
	before := text[:at]
	line := 1 + bytes.Count(before, []byte("\n"))
	return Fault{File: file, Line: line, Column: max(len(before)-bytes.LastIndexByte(before, '\n')-1, 1), Key: key, What: what, Remedy: remedy}
}

// formNames are the members of a text that are shown.
var formNames = []string{"text", "zero", "one", "two", "few", "many", "other"}

// replace puts a text in the place of ours, which keeps its note, or says what is wrong with it.
func (s shelf) replace(ours map[string]any, key string, raw json.RawMessage) (text map[string]any, wrong string) {
	if ours == nil || key == "direction" || key == "locale" {
		return ours, "is no text that there is."
	}
	own := map[string]string{}
	if raw[0] == '"' {
		raw = slices.Concat([]byte(`{"text":`), raw, []byte("}"))
	}
	if json.Unmarshal(raw, &own) != nil {
		return ours, "must be a text, or its plural forms."
	}
	may := map[string]bool{s.also: true}
	for _, f := range formNames {
		names, _ := web.Variables(word(ours, f)) // ours are written well
		for _, n := range names {
			may[n] = true
		}
	}
	text = maps.Clone(ours)
	for _, f := range slices.Sorted(maps.Keys(own)) {
		if word(ours, f) == "" {
			return ours, fmt.Sprintf("has no %q in this language.", f)
		}
		text[f] = own[f]
	}
	for _, f := range formNames {
		if word(ours, f) == "" {
			continue
		}
		if wrong := fits(own[f], word(ours, f), may); wrong != "" {
			return ours, fmt.Sprintf("%s (%s)", wrong, f)
		}
	}
	return text, ""
}

// word is a member of a text as it stands in a file.
func word(text map[string]any, form string) string {
	if !slices.Contains(formNames, form) {
		return ""
	}
	s, _ := text[form].(string)
	return s
}

// fits says why a text can't stand in the place of ours, whose variables it needs.
func fits(own, ours string, may map[string]bool) string {
	if strings.TrimSpace(own) == "" || strings.ContainsAny(own, "\r\n") {
		return "needs a text of one line."
	}
	used, err := web.Variables(own)
	if err != nil {
		return "has a brace that opens no variable."
	}
	for _, name := range used {
		if !may[name] {
			return "has no {" + name + "}."
		}
	}
	needed, _ := web.Variables(ours)
	for _, name := range needed {
		if !slices.Contains(used, name) {
			return "lacks {" + name + "}."
		}
	}
	return ""
}
