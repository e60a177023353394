package console_test

import (
	"os"

	"github.com/countersign/countersign/internal/console"
)

// committed is the document of the API that is in the tree.
const committed = "../../docs/openapi.json"

// reference is each group of the API.
func reference() (all []exhibit) {
	raw, err := os.ReadFile(committed)
	if err != nil {
		panic(err) // it is in the tree
	}
	pages, err := console.ReferencePages(raw, "https://verify.acme.example")
	if err != nil {
		panic(err) // its own test says why
	}
	for _, p := range pages {
		p.Frame = at(signed, console.AtDeveloper)
		all = append(all, exhibit{"reference-" + p.Name, p})
	}
	return all
}
