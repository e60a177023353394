package store

import "github.com/countersign/countersign/internal/uid"

// knownSize is how many verifications a lane remembers the recipients of, twice: about 3 MB.
const knownSize = 16384

// known remembers which recipient's row to lock for a verification, so that the batches of most checks need not ask
// first. It is what never changes of a verification, so it can't be stale. It is owned by one lane.
type known struct {
	young, old map[uid.ID]contactKey // old is what young was before it was full
}

func (k *known) get(id uid.ID) (contactKey, bool) {
	if c, ok := k.young[id]; ok {
		return c, true
	}
	c, ok := k.old[id]
	return c, ok
}

// put remembers the verifications of a scene.
func (k *known) put(s *scene) {
	if len(k.young) >= knownSize || k.young == nil {
		k.old, k.young = k.young, make(map[uid.ID]contactKey, knownSize)
	}
	for id, st := range s.verifications {
		k.young[id] = contactOf(st.v)
	}
}
