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

// actors are those in events that are no person and no key.
var actors = []string{"system", "command", "customer", "stranger"}

// names reads the names of the team, and those of API keys for whoever may see them. People choose what they and their keys are called:
// what could also be somebody else has its id beside it.
func (v *visit) names() (names, error) {
	people, err := v.site.Operators.People(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	all, taken := names{}, map[string]int{}
	for _, word := range actors {
		taken[word]++
	}
	put := func(actor, name string) {
		all[actor] = name
		taken[strings.ToLower(name)]++
	}
	for _, p := range people {
		put(actorOperator+":"+p.ID.Text(uid.Operator), called(p))
		if p.Name != "" {
			taken[strings.ToLower(p.Email)]++
		}
	}
	if v.May(operator.SeeKeys) {
		keys, err := v.site.Directory.Keys(v.ctx(), v.Operator.Tenant)
		if err != nil {
			return nil, err
		}
		for i := range keys {
			if keys[i].Name != "" {
				put(actorKey+":"+keys[i].ID.Text(uid.Key), keys[i].Name)
			}
		}
	}
	for actor, name := range all {
		if _, id, _ := strings.Cut(actor, ":"); taken[strings.ToLower(name)] > 1 {
			all[actor] = name + " (" + id + ")"
		}
	}
	return all, nil
}

// isActor reports whether an actor is one that events have, and so holds nothing that somebody made up.
func isActor(actor string) bool {
	kind, id, named := strings.Cut(actor, ":")
	if !named {
		return actor == "" || slices.Contains(actors, actor)
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
