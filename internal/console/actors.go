package console

import (
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

// The kinds of actors in events, before the colon.
const (
	actorOperator = "operator"
	actorKey      = "key"
)

// names tells who stands behind an actor of an event: operators and API keys by name, others as they are.
type names map[string]string

// names reads the names of the team, and those of API keys for whoever may see them.
func (v *visit) names() (names, error) {
	people, err := v.site.Operators.People(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	all := names{}
	for _, p := range people {
		all[actorOperator+":"+p.ID.Text(uid.Operator)] = called(p)
	}
	if !v.May(operator.SeeKeys) {
		return all, nil
	}
	keys, err := v.site.Directory.Keys(v.ctx(), v.Operator.Tenant)
	for i := range keys {
		if keys[i].Name != "" {
			all[actorKey+":"+keys[i].ID.Text(uid.Key)] = keys[i].Name
		}
	}
	return all, err
}

// isActor reports whether an actor is one that events have, and so holds nothing that somebody made up.
func isActor(actor string) bool {
	kind, id, named := strings.Cut(actor, ":")
	if !named {
		return slices.Contains([]string{"", "system", "command", "customer", "stranger"}, actor)
	}
	prefix := map[string]uid.Prefix{actorOperator: uid.Operator, actorKey: uid.Key, nounInvitation: uid.Invitation}[kind]
	_, err := uid.Parse(prefix, id)
	return prefix != "" && err == nil
}

// called is what an operator is called.
func called(p operator.Person) string {
	if p.Name != "" {
		return p.Name
	}
	return p.Email
}

// of is what an actor is called.
func (n names) of(actor string) string {
	if name, ok := n[actor]; ok {
		return name
	}
	kind, id, _ := strings.Cut(actor, ":")
	switch kind {
	case actorOperator, actorKey:
		return id
	}
	return actor
}
