package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// document is what the reference reads of an OpenAPI 3.1 document, as package api emits it: objects by name, and no more nesting than
// fields, items of arrays and values of maps.
type document struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	OperationID string `json:"operationId"`
	Summary     string `json:"summary"`
	Description string `json:"description"`
	Parameters  []struct {
		Name, In, Description string
		Required              bool
		Schema                schema
	} `json:"parameters"`
	RequestBody *struct {
		Content content `json:"content"`
	} `json:"requestBody"`
	Responses map[string]struct {
		Description string  `json:"description"`
		Content     content `json:"content"`
	} `json:"responses"`
	Security []map[string][]string `json:"security"`
}

type content map[string]struct {
	Schema schema `json:"schema"`
}

type schema struct {
	Ref                  string            `json:"$ref"`
	Type                 oneOrMore         `json:"type"`
	Format               string            `json:"format"`
	Description          string            `json:"description"`
	Enum                 []any             `json:"enum"`
	Examples             []any             `json:"examples"`
	Required             []string          `json:"required"`
	Properties           map[string]schema `json:"properties"`
	Items                *schema           `json:"items"`
	AdditionalProperties json.RawMessage   `json:"additionalProperties"`
	Minimum              *json.Number      `json:"minimum"`
	Maximum              *json.Number      `json:"maximum"`
	MaxLength            *int              `json:"maxLength"`
	MaxItems             *int              `json:"maxItems"`
	PatternDescription   string            `json:"patternDescription"`
}

// oneOrMore is a type, or several of which null is one.
type oneOrMore []string

// UnmarshalJSON reads a string or an array of them.
func (o *oneOrMore) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(raw, []byte("[")) {
		return json.Unmarshal(raw, (*[]string)(o))
	}
	*o = oneOrMore{""}
	return json.Unmarshal(raw, &(*o)[0])
}

// references are the pages of the reference by their groups, without frames and addresses.
type references map[string]*Reference

const jsonType = "application/json"

// readReference makes the pages of an OpenAPI document for an API at a base URL.
func readReference(raw []byte, base string) (references, error) {
	all := references{}
	var doc document
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("console: OpenAPI document: %w", err)
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		group := groupOf(path)
		page := all[group]
		if page == nil {
			page = &Reference{Name: group}
			all[group] = page
		}
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			if o, ok := doc.Paths[path][method]; ok {
				page.Operations = append(page.Operations, doc.operation(method, path, &o, base))
			}
		}
	}
	for _, page := range all {
		page.Objects = doc.objects(page)
	}
	return all, nil
}

// groupOf is the part of the API that a path is of.
func groupOf(path string) string {
	parts := strings.Split(strings.TrimPrefix(strings.TrimPrefix(path, "/"), "v1/"), "/")
	return parts[0]
}

func (d *document) operation(method, path string, o *operation, base string) Operation {
	out := Operation{ID: o.OperationID, Method: strings.ToUpper(method), Path: path, Summary: o.Summary, Description: o.Description}
	for _, need := range o.Security {
		out.Scopes = append(out.Scopes, need["key"]...)
	}
	for _, p := range o.Parameters {
		v := p.Schema.value(p.Name, p.Required)
		v.In, v.Means = p.In, cmp.Or(p.Description, v.Means)
		out.Parameters = append(out.Parameters, v)
	}
	if o.RequestBody != nil {
		body := o.RequestBody.Content[jsonType].Schema
		out.Body = d.values(body.object())
	}
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		r := o.Responses[status]
		if _, problem := r.Content["application/problem+json"]; problem {
			out.Problems = append(out.Problems, status)
			continue
		}
		out.Answers = append(out.Answers, Answer{status, r.Description, r.Content[jsonType].Schema.object()})
	}
	out.Sample = d.curl(&out, o, base)
	return out
}

// object is the name of the object that s is, or holds.
func (s schema) object() string {
	if s.Ref == "" && s.Items != nil {
		return s.Items.object()
	}
	return s.Ref[strings.LastIndex(s.Ref, "/")+1:]
}

// values are the fields of an object, those that are needed first.
func (d *document) values(object string) (all []Value) {
	s := d.Components.Schemas[object]
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		all = append(all, s.Properties[name].value(name, slices.Contains(s.Required, name)))
	}
	slices.SortStableFunc(all, func(a, b Value) int {
		switch {
		case a.Needed == b.Needed:
			return 0
		case a.Needed:
			return -1
		}
		return 1
	})
	return all
}

func (s schema) value(name string, needed bool) Value {
	v := Value{Name: name, Type: s.words(), Object: s.object(), Needed: needed, Means: s.Description}
	if s.PatternDescription != "" {
		v.Means = strings.Trim(v.Means+"; "+s.PatternDescription, "; ")
	}
	words := s.Enum
	if s.Items != nil {
		words = s.Items.Enum
	}
	for _, w := range words {
		v.OneOf = append(v.OneOf, fmt.Sprint(w))
	}
	return v
}

// words say what a value is: its type and its bounds.
func (s schema) words() string {
	text := strings.Join(s.Type, " or ")
	switch {
	case s.Ref != "":
		text = s.object()
	case s.Items != nil:
		text = strings.Replace(text, "array", "array of "+s.Items.words(), 1)
	case s.Format != "" && s.Format != "int64":
		text += " (" + s.Format + ")"
	}
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		text += " " + s.Minimum.String() + "–" + s.Maximum.String()
	case s.MaxLength != nil:
		text += fmt.Sprintf(", at most %d characters", *s.MaxLength)
	case s.MaxItems != nil:
		text += fmt.Sprintf(", at most %d", *s.MaxItems)
	}
	return text
}

// objects are those that a page's routes answer with, and those in them and in the bodies, by their names.
func (d *document) objects(page *Reference) (all []Object) {
	known := map[string][]Value{}
	var add func(name string)
	within := func(values []Value) {
		for _, v := range values {
			add(v.Object)
		}
	}
	add = func(name string) {
		if _, seen := known[name]; name == "" || seen {
			return
		}
		known[name] = d.values(name)
		within(known[name])
	}
	for _, o := range page.Operations {
		within(o.Body)
		for _, a := range o.Answers {
			add(a.Object)
		}
		if o.Problems != nil {
			add("Problem")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(known)) {
		all = append(all, Object{name, known[name]})
	}
	return all
}

// curl is a request to copy: ids and the key come from the environment, and the body has what is needed.
func (d *document) curl(out *Operation, o *operation, base string) string {
	path := out.Path
	for _, p := range out.Parameters {
		if p.In == "path" {
			path = strings.ReplaceAll(path, "{"+p.Name+"}", "$"+strings.ToUpper(p.Name))
		}
	}
	line := "curl"
	if out.Method != "GET" && (out.Method != "POST" || o.RequestBody == nil) {
		line += " -X " + out.Method
	}
	lines := []string{line + ` "` + strings.TrimSuffix(base, "/") + path + `"`}
	if out.Scopes != nil {
		lines = append(lines, `-H "Authorization: Bearer $KEY"`)
	}
	for _, p := range o.Parameters {
		if p.In == "header" && p.Required {
			lines = append(lines, fmt.Sprintf(`-H "%s: %v"`, p.Name, p.Schema.example(d, 0)))
		}
	}
	if o.RequestBody != nil {
		lines = append(lines, d.curlBody(o.RequestBody.Content)...)
	}
	return strings.Join(lines, " \\\n  ")
}

// curlBody is a body to copy: JSON with what is needed, or a file of another type.
func (d *document) curlBody(c content) []string {
	media, ok := c[jsonType]
	if !ok {
		kind := strings.Join(slices.Sorted(maps.Keys(c)), ", ")
		return []string{`-H "Content-Type: ` + kind + `"`, "--data-binary @file"}
	}
	body, _ := json.Marshal(media.Schema.example(d, 0)) // maps, strings and numbers always encode
	return []string{`-H "Content-Type: application/json"`, "-d '" + strings.ReplaceAll(string(body), "'", `'\''`) + "'"}
}

// deepest is how far an example goes into objects.
const deepest = 4

// example is a value of s: one that the document has, or the plainest. Of an object it has what is needed.
func (s schema) example(d *document, depth int) any {
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case s.Ref != "" && depth < deepest:
		return d.Components.Schemas[s.object()].example(d, depth+1)
	case s.Items != nil:
		return []any{s.Items.example(d, depth+1)}
	case slices.Contains(s.Type, "string"):
		return "..."
	case slices.Contains(s.Type, "integer"), slices.Contains(s.Type, "number"):
		return cmp.Or(pick(s.Minimum), "1")
	case slices.Contains(s.Type, "boolean"):
		return false
	}
	body := map[string]any{}
	for _, name := range s.Required {
		body[name] = s.Properties[name].example(d, depth+1)
	}
	return body
}

// pick is a number that is there, or the empty one.
func pick(n *json.Number) json.Number {
	if n == nil {
		return ""
	}
	return *n
}
