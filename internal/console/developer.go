package console

import (
	"maps"
	"net/http"
	"slices"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

const (
	pathDeveloper = Prefix + "/developer"
	pathReference = pathDeveloper + "/reference"
	pathDocument  = "/openapi.json" // of the API, below its base URL
	pathInbox     = "/dev/inbox"    // of development mode
	pathPhone     = "/dev/phone"
)

func (s *Site) developerRoutes() []route {
	return []route{
		{"GET " + pathDeveloper, AtDeveloper, operator.UseDeveloper, s.developer},
		{"GET " + pathReference, AtDeveloper, operator.UseDeveloper, s.beginReference},
		{"GET " + pathReference + "/{group}", AtDeveloper, operator.UseDeveloper, s.showReference},
	}
}

func (s *Site) developer(v *visit) (View, error) {
	view := &Developer{Frame: v.frame(), BaseURL: s.PublicURL, SpecURL: pathDocument}
	if s.Document != nil {
		view.ReferenceURL = pathReference
	}
	if v.May(operator.ChangeKeys) {
		view.KeysURL = pathKeys + "/new"
	}
	if s.Development {
		view.InboxURL, view.PhoneURL = pathInbox, pathPhone
	}
	for _, t := range webhook.Types() {
		view.Events = append(view.Events, EventDoc{Kind: t.Name, Means: t.Means})
	}
	f, err := v.sampled()
	if err != nil {
		return nil, err
	}
	key, keys, err := v.sampleKey(v.value(QueryKey))
	if err != nil {
		return nil, err
	}
	scopes := []string{tenant.ScopeAll}
	if view.Keys = keys; keys != nil {
		f.KeyID, view.Lacks, scopes = key.ID.Text(uid.Key), lacking(key.Scopes), key.Scopes
	}
	if dev, secret := v.devKey(); dev == key.ID && secret != "" {
		f.Key, view.Filled = secret, true
	}
	what, path := doable(scopes)
	f.Path = path
	for _, one := range what {
		code, err := s.programs(one, f)
		if err != nil {
			return nil, err
		}
		view.Does = append(view.Does, Doing{one, code})
	}
	return view, nil
}

// firstGroup is where the reference begins.
const firstGroup = "verifications"

// readReference gives no pages where there is no document.
func (s *Site) readReference() (references, error) {
	if s.Document == nil {
		return nil, nil
	}
	raw, err := s.Document()
	if err != nil {
		return nil, err
	}
	return readReference(raw, s.PublicURL)
}

func (s *Site) beginReference(v *visit) (View, error) {
	http.Redirect(v.w, v.r, pathReference+"/"+firstGroup, http.StatusSeeOther)
	return nil, nil
}

func (s *Site) showReference(v *visit) (View, error) {
	all, err := s.reference()
	if err != nil {
		return nil, err
	}
	page := all[v.r.PathValue("group")]
	if page == nil {
		return nil, errNothing
	}
	view := *page // the rest of it is the same for everybody
	view.Frame = v.frame()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		view.Groups = append(view.Groups, Group{name, pathReference + "/" + name, name == page.Name})
	}
	return &view, nil
}
