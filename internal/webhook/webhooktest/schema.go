package webhooktest

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Schema checks bodies against what docs/events.md says of them. It knows as much of JSON Schema as stands there.
type Schema struct {
	body    map[string]any
	details map[string]any // by type
	Example string         // the one of the document
}

// ReadSchema reads the document at path: its first three JSON blocks are the body, the details and an example.
func ReadSchema(t testing.TB, path string) Schema {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```json\n(.*?)\n```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 3 {
		t.Fatalf("%s has %d JSON blocks, want body, details and example", path, len(blocks))
	}
	s := Schema{Example: blocks[2][1]}
	for i, into := range []*map[string]any{&s.body, &s.details} {
		if err := json.Unmarshal([]byte(blocks[i][1]), into); err != nil {
			t.Fatalf("JSON block %d of %s: %v", i+1, path, err)
		}
	}
	return s
}

// Details are the types that have a detail.
func (s Schema) Details() []string { return slices.Sorted(maps.Keys(s.details)) }

// Check says how a body differs from the document; nothing when it doesn't.
func (s Schema) Check(body []byte) []string {
	var v map[string]any
	if err := json.Unmarshal(body, &v); err != nil {
		return []string{err.Error()}
	}
	faults := check("", s.body, v)
	kind, _ := v["type"].(string)
	data, _ := v["data"].(map[string]any)
	detail, has := data["detail"]
	want, told := s.details[kind].(map[string]any)
	if as, ok := want["same_as"].(string); ok {
		want, _ = s.details[as].(map[string]any)
	}
	switch {
	case has && !told:
		faults = append(faults, kind+" has a detail")
	case has:
		faults = append(faults, check(".data.detail", want, detail)...)
	case told:
		faults = append(faults, kind+" lacks its detail")
	}
	return faults
}

// check compares one value with its schema.
func check(at string, schema map[string]any, v any) (faults []string) {
	is := map[string]bool{}
	switch v := v.(type) {
	case string:
		is["string"] = true
		if p, ok := schema["pattern"].(string); ok && !regexp.MustCompile(p).MatchString(v) {
			faults = append(faults, fmt.Sprintf("%s: %q has not the form %s", at, v, p))
		}
	case float64:
		is["number"], is["integer"] = true, v == float64(int64(v))
	case bool:
		is["boolean"] = true
	case []any:
		is["array"] = true
		items, _ := schema["items"].(map[string]any)
		for i, one := range v {
			faults = append(faults, check(fmt.Sprintf("%s[%d]", at, i), items, one)...)
		}
	case map[string]any:
		is["object"] = true
		faults = append(faults, checkMembers(at, schema, v)...)
	}
	if want, ok := schema["type"].(string); ok && !is[want] {
		faults = append(faults, fmt.Sprintf("%s is no %s", at, want))
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, v) {
		faults = append(faults, fmt.Sprintf("%s: %v is none of %v", at, v, enum))
	}
	return faults
}

func checkMembers(at string, schema, v map[string]any) (faults []string) {
	properties, _ := schema["properties"].(map[string]any)
	more, strict := schema["additionalProperties"].(bool)
	rest, _ := schema["additionalProperties"].(map[string]any)
	for name, one := range v {
		switch known, ok := properties[name].(map[string]any); {
		case ok:
			faults = append(faults, check(at+"."+name, known, one)...)
		case rest != nil:
			faults = append(faults, check(at+"."+name, rest, one)...)
		case strict && !more:
			faults = append(faults, at+"."+name+" is not documented")
		}
	}
	required, _ := schema["required"].([]any)
	for _, name := range required {
		if _, ok := v[name.(string)]; !ok {
			faults = append(faults, strings.TrimPrefix(fmt.Sprintf("%s.%s is missing", at, name), "."))
		}
	}
	return faults
}
