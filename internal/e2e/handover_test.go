package e2e

import (
	"bytes"
	"net/http"
	"testing"
)

// TestRA_48_EveryServerPublishesTheSameKeys asks servers that have none yet at once, and again after all were killed.
func TestRA_48_EveryServerPublishesTheSameKeys(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		nodes := in.nodes(database)
		ask := func(c *caller) answer {
			anybody := &caller{base: c.base, http: c.http}
			return anybody.call(t.Context(), http.MethodGet, "/.well-known/jwks.json", "", nil)
		}
		var first []byte
		for _, a := range atATime(8, func(i int) answer { return ask(nodes[i%len(nodes)]) }) {
			if first == nil {
				first = a.body
			}
			if a.status != http.StatusOK || a.header.Get("Cache-Control") != "public, max-age=300" || !bytes.HasPrefix(a.body, []byte(`{"keys":[{"use":"sig","kty":"EC"`)) ||
				bytes.Contains(a.body, []byte(`"d"`)) || !bytes.Equal(a.body, first) {
				t.Errorf("%v with %q, and the first %s", a, a.header.Get("Cache-Control"), first)
			}
		}
		in.killAll()
		if again := ask(in.to(in.up())); !bytes.Equal(again.body, first) {
			t.Errorf("after a restart: %v, and before %s", again, first)
		}
	})
}
