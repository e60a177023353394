package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/countersign/countersign/internal/uid"
)

func TestEvent_AppendLeaf_is_the_form_of_version_1(t *testing.T) {
	t.Parallel()
	e := Event{
		ID: uid.ID{0x01}, Tenant: uid.Tenant{0x02}, Type: "a.b", Object: uid.ID{0x03}, At: time.UnixMicro(0x0405),
		Actor: "system", RequestID: "r", Subject: Subject{Digest: [32]byte{0x06}}, Data: []byte("{}"),
	}
	// Written down once; a log that was sealed with it must verify for ever.
	const want = "01" +
		"01000000000000000000000000000000" + "02000000000000000000000000000000" + "03000000000000000000000000000000" +
		"0000000000000405" + "0600000000000000000000000000000000000000000000000000000000000000" +
		"00000003" + "612e62" + "00000006" + "73797374656d" + "00000001" + "72" + "00000002" + "7b7d"
	got := e.AppendLeaf(nil)
	if hex.EncodeToString(got) != want {
		t.Errorf("AppendLeaf = %x\nwant         %s", got, want)
	}
	if e.Leaf() != tlog.RecordHash(got) {
		t.Error("Leaf is not the record hash of RFC 6962")
	}
}

func TestEvent_AppendLeaf_tells_events_apart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.StringOfN(rapid.RuneFrom([]rune("ab\x00")), 0, 3, -1)
		draw := func() Event {
			e := Event{Type: field.Draw(t, "type"), Actor: field.Draw(t, "actor"), RequestID: field.Draw(t, "request")}
			e.Data = []byte(field.Draw(t, "data"))
			return e
		}
		a, b := draw(), draw()
		same := a.Type == b.Type && a.Actor == b.Actor && a.RequestID == b.RequestID && bytes.Equal(a.Data, b.Data)
		if got := bytes.Equal(a.AppendLeaf(nil), b.AppendLeaf(nil)); got != same {
			t.Fatalf("%+v and %+v: equal leaves %t, want %t", a, b, got, same)
		}
	})
}

func TestEvent_AppendLeaf_takes_no_data_and_empty_data_for_the_same(t *testing.T) {
	t.Parallel()
	none, empty := Event{}, Event{Data: []byte{}}
	if none.Leaf() != empty.Leaf() {
		t.Error("a database that keeps no data as empty data would break the log")
	}
}

func TestSEC_99_a_subject_is_committed_to_by_a_salted_digest(t *testing.T) {
	t.Parallel()
	sealed := []byte("sealed")
	a, b := NewSubject(sealed), NewSubject(sealed)
	if a.Salt == b.Salt || a.Digest == b.Digest {
		t.Error("two events about one subject can be told to be so from their digests")
	}
	if want := sha256.Sum256(append(a.Salt[:], sealed...)); a.Digest != want {
		t.Errorf("Digest = %x, want SHA-256(salt | sealed) = %x", a.Digest, want)
	}
	erased := a
	erased.Sealed, erased.Salt = nil, [16]byte{}
	x, y := Event{Subject: a}, Event{Subject: erased}
	if x.Leaf() != y.Leaf() {
		t.Error("erasing changes the leaf")
	}
	if !erased.Erased() || erased.IsZero() || a.Erased() || !erased.intact() || !a.intact() {
		t.Error("an erased subject is not told from one that is there")
	}
	if nobody := NewSubject(nil); !nobody.IsZero() || nobody.Erased() || !nobody.intact() {
		t.Error("no sealed value must be no subject")
	}
}
