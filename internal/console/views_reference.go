package console

import "html/template"

// Reference is one group of the API's routes.
type Reference struct {
	Frame
	Name       string // of the group, as in the routes: "verifications"
	Groups     []Group
	Operations []Operation
	Objects    []Object
}

// Group is routes that begin alike.
type Group struct {
	Name, URL string
	Current   bool
}

// Operation is one route.
type Operation struct {
	ID           string // stable, for links in the page
	Method, Path string
	Summary      string
	Description  string
	Scopes       []string // that the key must hold
	Parameters   []Value
	Body         []Value
	Answers      []Answer
	Problems     []string // statuses that are answered with a Problem
	Sample       string
}

// Answer is what a route answers with when it did what it was asked.
type Answer struct{ Status, Meaning, Object string }

// Object is one form of JSON that the group takes or answers with.
type Object struct {
	Name   string
	Values []Value
}

// Value is a parameter, or a field of an object.
type Value struct {
	Name, In string // In: path, query or header; "" in an object
	Type     string // such as "string", "integer 1–200" or "array of Send"
	Object   string // name of the Object that it is or holds; ""
	Needed   bool
	Means    string
	OneOf    []string
}

func (*Reference) name() string { return "reference" }

// values is a table of them.
type values struct {
	*scene
	Caption template.HTML
	All     []Value
}

// Values makes a table of values: {{template "values" (.Values "reference_body" .Body)}}.
func (s *scene) Values(caption string, all []Value) (*values, error) {
	text, err := s.T(caption)
	return &values{s, text, all}, err
}
