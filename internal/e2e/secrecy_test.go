package e2e

import (
	"bytes"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
)

// forms are the ways in which a secret could be lying about: as it is, encoded, or hashed without a key, which for a
// code is no protection at all.
func forms(secret string) map[string][]byte {
	all := map[string][]byte{"plain": []byte(secret), "reversed": []byte(reversed(secret))}
	add := func(name string, raw []byte) {
		all[name+" hex"] = []byte(hex.EncodeToString(raw))
		all[name+" HEX"] = bytes.ToUpper(all[name+" hex"])
		// Base64 inside of a longer text: what of it depends on no neighbour, at each of the three places it can begin.
		for shift := range 3 {
			padded := append(make([]byte, shift), raw...)
			text := base64.StdEncoding.EncodeToString(padded)
			from, to := (shift*8+5)/6, len(padded)*8/6
			all[name+" base64 "+string('0'+rune(shift))] = []byte(text[from:to])
			all[name+" base64url "+string('0'+rune(shift))] = []byte(base64.URLEncoding.EncodeToString(padded)[from:to])
		}
	}
	add("plain", []byte(secret))
	sum1, sum256, sum512, sumMD5 := sha1.Sum([]byte(secret)), sha256.Sum256([]byte(secret)), sha512.Sum512([]byte(secret)), md5.Sum([]byte(secret))
	for name, sum := range map[string][]byte{"sha1": sum1[:], "sha256": sum256[:], "sha512": sum512[:], "md5": sumMD5[:]} {
		all[name] = sum
		add(name, sum)
	}
	return all
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// place is somewhere that is looked through.
type place struct {
	name string
	text []byte
}

// places gathers all that a server leaves behind or shows.
func (in *installation) places(ids []string) []place {
	in.t.Helper()
	ctx := in.t.Context()
	s := in.server.Load()
	checkpoints, err := os.ReadFile(in.cfg.CheckpointFile())
	if err != nil {
		in.t.Fatal(err)
	}
	var export []byte
	until(in.t, 30*time.Second, "the events are not sealed", func() bool {
		_, export = in.events()
		return bytes.Contains(export, []byte(ids[len(ids)-1]))
	})
	all := []place{
		{"database", in.dump()}, {"log", []byte(s.log.String())}, {"metrics", []byte(s.metrics(ctx))},
		{"audit export", export}, {"checkpoints", checkpoints},
		{"list", in.call(ctx, http.MethodGet, "/v1/verifications", "", nil).body},
	}
	for _, id := range ids {
		all = append(all, place{"record", in.get(ctx, id).body})
	}
	return all
}

// needle is one form of one secret.
type needle struct {
	name string
	text []byte
}

// haystack finds many needles in one pass over a text: by their first three bytes.
type haystack struct {
	likely [1 << 24 / 64]uint64
	by     map[uint32][]needle
}

func newHaystack(secrets map[string]string) *haystack {
	h := &haystack{by: map[uint32][]needle{}}
	for what, secret := range secrets {
		for form, text := range forms(secret) {
			k := head(text)
			h.likely[k/64] |= 1 << (k % 64)
			h.by[k] = append(h.by[k], needle{name: what + " as " + form, text: text})
		}
	}
	return h
}

func head(text []byte) uint32 { return uint32(text[0]) | uint32(text[1])<<8 | uint32(text[2])<<16 }

// find tells which needles are where.
func (h *haystack) find(places []place) (found []string) {
	for _, p := range places {
		for i := range len(p.text) - 2 {
			k := head(p.text[i:])
			if h.likely[k/64]&(1<<(k%64)) == 0 {
				continue
			}
			for _, n := range h.by[k] {
				if bytes.HasPrefix(p.text[i:], n.text) {
					found = append(found, n.name+" is in the "+p.name)
				}
			}
		}
	}
	return found
}

// search fails for every secret that is found; and also when it does not find the canary, which is in the database and
// everywhere that the database's files are: a search that finds nothing at all proves nothing.
func (h *haystack) search(t *testing.T, when, canary string, places []place) {
	t.Helper()
	for _, found := range h.find(places) {
		t.Errorf("%s: %s", when, found)
	}
	seen := strings.Join(newHaystack(map[string]string{"canary": canary}).find(places), "\n")
	for _, p := range []string{"database", "list", "file base", "file pg_wal"} {
		there := slices.ContainsFunc(places, func(one place) bool { return strings.HasPrefix(one.name, p) })
		if there && !strings.Contains(seen, "canary as plain is in the "+p) {
			t.Errorf("%s: the search is blind: it does not find the canary in the %s", when, p)
		}
	}
}

// files are those of the database: all that a thief of the disk would have.
func (in *installation) files(own *postgrestest.Cluster) []place {
	in.t.Helper()
	if own == nil {
		return nil // the dump is the files
	}
	if _, err := in.db().ExecContext(in.t.Context(), `CHECKPOINT`); err != nil { // what is in memory goes to the files
		in.t.Fatal(err)
	}
	var all []place
	for _, dir := range []string{"base", "pg_wal"} {
		err := filepath.WalkDir(filepath.Join(own.Dir, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if errors.Is(err, fs.ErrNotExist) { // it was renamed meanwhile
				return nil
			}
			all = append(all, place{"file " + dir + "/" + d.Name(), text})
			return err
		})
		if err != nil {
			in.t.Fatal(err)
		}
	}
	return all
}

// TestSEC_7_8_94_NoCodeIsAnywhereButInTheMessage looks through the database and its log, and all that a server shows,
// while verifications are open and after they have ended. The codes have ten digits, so that no other number looks like
// one by chance.
func TestSEC_7_8_94_NoCodeIsAnywhereButInTheMessage(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in, own := installApart(t, database)
		s := in.up()
		for _, profile := range []body{
			{"name": "Same", "code_length": 10},
			{"name": "New", "code_length": 10, "resend": "new_code"},
		} {
			if a := in.call(t.Context(), http.MethodPost, "/v1/services", "", profile); !a.ok() {
				t.Fatalf("a service: %v", a)
			}
		}
		const canary = "canary-5d0f2c"
		secrets := map[string]string{"the caller's own code": "Zx81Kq70Wb"}
		var ids, codes []string
		for _, b := range []body{
			{"service": "Same"}, {"service": "New"}, {"service": "Same", "transaction": body{"amount": "1234567.89", "currency": "EUR", "payee": "Blue Heron Boats"}},
			{"service": "Same", "code": secrets["the caller's own code"]},
		} {
			to := in.number()
			b["to"], b["external_id"] = to, canary
			v := in.start(t.Context(), unique(), b).view(t)
			came := func(n int) {
				until(t, 30e9, "the messages do not come", func() bool { return len(in.relay.messages(v.ID)) == n })
			}
			came(1) // two sends could overtake each other
			in.resend(t.Context(), unique(), v.ID).view(t)
			came(2)
			ids = append(ids, v.ID)
			secrets["the number "+to[len(to)-1:]] = to
			for n, m := range in.relay.messages(v.ID) {
				name := v.ID[len(v.ID)-4:] + "." + string('0'+rune(n))
				secrets["the text of "+name] = m.Body
				if m.Code != "" {
					secrets["the code of "+name] = m.Code
				}
			}
			codes = append(codes, in.relay.messages(v.ID)[1].Code)
		}
		secrets["the transaction"] = "Blue Heron Boats"
		if len(codes[0]) != 10 || codes[3] != "" {
			t.Fatalf("the codes are not those that were asked for: %d digits", len(codes[0]))
		}
		secrets["a wrong code"] = otherCode(codes[0], 123_456)
		in.drained(t)
		hay := newHaystack(secrets)
		hay.search(t, "while they are open", canary, append(in.places(ids), in.files(own)...))

		in.check(t.Context(), unique(), ids[0], secrets["a wrong code"])
		if !in.check(t.Context(), unique(), ids[0], codes[0]).view(t).Valid || !in.check(t.Context(), "", ids[1], codes[1]).view(t).Valid {
			t.Error("a right code was wrong")
		}
		in.cancel(t.Context(), unique(), ids[2])
		in.call(t.Context(), http.MethodPost, "/v1/verifications/"+ids[3]+"/approve", unique(), nil)
		hay.search(t, "after they have ended", canary, append(in.places(ids), in.files(own)...))
		if code := s.stop(30e9); code != 0 {
			t.Errorf("the server ended with %d", code)
		}
		_, export := in.events()
		stopped := []place{{"database", in.dump()}, {"log", []byte(s.log.String())}, {"audit export", export}}
		hay.search(t, "after the server stopped", canary, append(stopped, in.files(own)...))
	})
}
