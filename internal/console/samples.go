package console

import (
	"embed"
	"slices"
	"strings"
	"text/template"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

//go:embed samples
var samples embed.FS

// Sample is a program to copy.
type Sample struct{ Label, Code string }

// sampleKinds are the languages of samples, with the ends of their files' names.
var sampleKinds = []struct{ label, end string }{{"curl", "sh"}, {"Go", "go.txt"}, {"Node.js", "mjs"}, {"Python", "py"}}

// What samples do, by the beginnings of their files' names.
const (
	sampleStart  = "start"
	sampleCheck  = "check"
	sampleInvite = "invite"
	sampleRead   = "read"
)

// lists are the routes that a key may read which may send nothing, by their scopes, the most telling first.
var lists = []struct{ scope, path string }{
	{tenant.ScopeVerifyRead, "/v1/verifications"}, {tenant.ScopeInvitesRead, "/v1/invitations"}, {tenant.ScopeServicesRead, "/v1/services"},
	{tenant.ScopeWebhooksRead, "/v1/webhooks"}, {tenant.ScopeSettingsRead, "/v1/settings/checks"},
}

// holds reports whether scopes allow what needs one.
func holds(scopes []string, scope string) bool {
	return slices.Contains(scopes, scope) || slices.Contains(scopes, tenant.ScopeAll)
}

// doable is what samples can show that a key of some scopes may do: none that would be refused. path is what it may read, when that is all.
func doable(scopes []string) (what []string, path string) {
	for _, one := range []struct{ scope, what string }{
		{tenant.ScopeVerifyStart, sampleStart}, {tenant.ScopeVerifyCheck, sampleCheck}, {tenant.ScopeInvitesWrite, sampleInvite},
	} {
		if holds(scopes, one.scope) {
			what = append(what, one.what)
		}
	}
	if len(what) > 0 {
		return what, ""
	}
	for _, one := range lists {
		if holds(scopes, one.scope) {
			return []string{sampleRead}, one.path
		}
	}
	return nil, ""
}

// readSamples parses the files of samples. An error is a fault of the build.
func readSamples() (*template.Template, error) { return template.ParseFS(samples, "samples/*") }

// filled is what stands in a sample. Nothing of it was typed by somebody: each is an id, a key or an address of the configuration.
type filled struct {
	Base    string // URL of the API
	Service string // id of the one that is the default; "": none is named
	KeyID   string // of the key that is meant; "": any
	Path    string // what sampleRead reads
	Key     string // the key itself; "": it is taken from the environment variable KEY
}

// Of says whose secret the variable holds.
func (f filled) Of() string {
	if f.KeyID == "" {
		return "your API key"
	}
	return "the secret of " + f.KeyID
}

// programs gives the program of each language that does something.
func (s *Site) programs(what string, f filled) (all []Sample, err error) {
	for _, k := range sampleKinds {
		var code strings.Builder
		if err := s.samples.ExecuteTemplate(&code, what+"."+k.end, f); err != nil {
			return nil, err
		}
		all = append(all, Sample{k.label, strings.TrimSpace(code.String())})
	}
	return all, nil
}

// sampled is what samples of this firm have in them, but for a key.
func (v *visit) sampled() (filled, error) {
	f := filled{Base: strings.TrimSuffix(v.site.PublicURL, "/")}
	list, _, err := v.site.Directory.Services(v.ctx(), v.Operator.Tenant, uid.ID{}, mostServices)
	if err != nil || len(list) == 0 {
		return f, err
	}
	i := max(0, slices.IndexFunc(list, func(s tenant.Service) bool { return s.Default }))
	f.Service = list[i].ID.Text(uid.Service)
	return f, nil
}

// sampleKey chooses the key that samples are for: the one that is asked for, else that of development mode, else the newest that may do what
// they do, else the newest. all are those to choose from, that one chosen; none, and no options, when there is none that works.
func (v *visit) sampleKey(asked string) (chosen tenant.Key, all []Option, err error) {
	if !v.May(operator.SeeKeys) {
		return chosen, nil, nil
	}
	keys, err := v.site.Directory.Keys(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return chosen, nil, err
	}
	keys = slices.DeleteFunc(keys, func(k tenant.Key) bool { return !k.Live(v.site.Now()) })
	slices.SortStableFunc(keys, func(a, b tenant.Key) int { return b.CreatedAt.Compare(a.CreatedAt) })
	dev, _ := v.devKey()
	for _, fits := range []func(tenant.Key) bool{
		func(k tenant.Key) bool { return k.ID.Text(uid.Key) == asked },
		func(k tenant.Key) bool { return k.ID == dev },
		func(k tenant.Key) bool { return len(lacking(k.Scopes)) == 0 },
		func(tenant.Key) bool { return true },
	} {
		if i := slices.IndexFunc(keys, fits); i >= 0 {
			chosen = keys[i]
			break
		}
	}
	for _, k := range keys {
		id := k.ID.Text(uid.Key)
		label := id
		if k.Name != "" {
			label = k.Name + " (" + id + ")"
		}
		all = append(all, Option{Value: id, Label: label, Chosen: k.ID == chosen.ID})
	}
	return chosen, all, nil
}

// devKey is the key that development mode made for the firm, and its secret; none outside of it.
func (v *visit) devKey() (uid.ID, string) {
	if v.site.DevKey == nil {
		return uid.ID{}, ""
	}
	return v.site.DevKey(v.ctx(), v.Operator.Tenant)
}

// lacking are the scopes that a key needs for the samples and has not.
func lacking(scopes []string) (missing []string) {
	for _, s := range []string{tenant.ScopeVerifyStart, tenant.ScopeVerifyCheck} {
		if !holds(scopes, s) {
			missing = append(missing, s)
		}
	}
	return missing
}
