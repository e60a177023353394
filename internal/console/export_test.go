package console

import (
	"io/fs"
	"maps"
	"slices"

	"github.com/countersign/countersign/internal/operator"
)

// Kit is a page of the gallery with every part in each of its states. It is drawn by testdata/kit.tmpl.
type Kit struct {
	Frame
	Timeline []Event
	Choices  []Option
}

func (*Kit) name() string { return "kit" }

// AddKit lets p draw a Kit.
func (p *Pages) AddKit(fsys fs.FS) error {
	_, err := p.templates.ParseFS(fsys, "kit.tmpl")
	return err
}

// Texts are the English texts by key, and Files what is embedded.
func (p *Pages) Texts() map[string]string {
	all := map[string]string{}
	for key, text := range p.words["en"].Texts {
		for _, form := range text.Forms() {
			all[key] += form
		}
	}
	return all
}

// FramedPolicy is that of what stands in a frame of the console, MailPolicy that of what has a mail in it, and Framed are the paths of that.
const FramedPolicy = framedPolicy

var (
	MailPolicy = mailPolicy
	Framed     = framed
)

// Files are the embedded files.
var Files fs.FS = files

// Vocabularies are the words that badges know.
var Vocabularies = tones

// Way is one route of the table, for tests.
type Way struct {
	Pattern string
	At      Section
	Act     operator.Act
}

// Ways are all routes that need somebody who is signed in.
func (s *Site) Ways() (all []Way) {
	for _, r := range s.routes {
		all = append(all, Way{r.pattern, r.at, r.act})
	}
	return all
}

// Sign makes the token of a form that a session may send to action.
func (s *Site) Sign(session, action string) string { return s.sign(session, action) }

// ReferencePages are the pages of the reference of an OpenAPI document, in the order of their groups.
func ReferencePages(raw []byte, base string) ([]*Reference, error) {
	all, err := readReference(raw, base)
	if err != nil {
		return nil, err
	}
	var pages []*Reference
	names := slices.Sorted(maps.Keys(all))
	for _, name := range names {
		page := all[name]
		for _, other := range names {
			page.Groups = append(page.Groups, Group{other, pathReference + "/" + other, other == name})
		}
		pages = append(pages, page)
	}
	return pages, nil
}
