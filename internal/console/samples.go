package console

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed samples
var samples embed.FS

// Sample is a program to copy. It takes the key from the environment: no sample holds one.
type Sample struct{ Label, Code string }

// sampleKinds are the languages of samples, with the ends of their files' names.
var sampleKinds = []struct{ label, end string }{{"curl", "sh"}, {"Go", "go.txt"}, {"Node.js", "mjs"}, {"Python", "py"}}

// sampleBase stands in the files for the base URL of the API.
const sampleBase = "https://verify.example.net"

// readSamples gives the program of each language that does something ("start", "check"), against the API at a base URL.
func readSamples(what, base string) ([]Sample, error) {
	var all []Sample
	for _, k := range sampleKinds {
		text, err := samples.ReadFile("samples/" + what + "." + k.end)
		if err != nil {
			return nil, fmt.Errorf("samples: %w", err)
		}
		all = append(all, Sample{k.label, strings.TrimSpace(strings.ReplaceAll(string(text), sampleBase, strings.TrimSuffix(base, "/")))})
	}
	return all, nil
}
