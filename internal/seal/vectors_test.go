package seal

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"github.com/countersign/countersign/internal/uid"
)

// vectors is testdata/vectors.json, which testdata/vectors.py computed with other implementations of HKDF, HMAC, AES-GCM
// and Ed25519. A change of any of them would lock people out of the data they have, so they are never regenerated to
// make a test pass.
type vectors struct {
	KeyFile string `json:"key_file"`
	ID      string `json:"id"`
	Salt    string `json:"salt"`
	Tenant  string `json:"tenant"`
	Codes   []struct {
		KID        KID    `json:"kid"`
		Generation uint16 `json:"generation"`
		Length     int    `json:"length"`
		Alphabet   string `json:"alphabet"`
		Code       string `json:"code"`
	} `json:"codes"`
	SealedV1        string `json:"sealed_v1"`
	SealedV2        string `json:"sealed_v2"`
	Plain           string `json:"plain"`
	WrappedIndexKey string `json:"wrapped_index_key"`
	HashABC         string `json:"hash_ab_c"`
	BlindIndex      string `json:"blind_index"`
	Bucket          uint16 `json:"bucket"`
	AnswerKey       string `json:"answer_key"`
	AnswerBucket    uint16 `json:"answer_bucket"`
	AnswerBody      string `json:"answer_body"`
	AnswerSealed    string `json:"answer_sealed"`
	CheckpointKey   string `json:"checkpoint_key"`
}

func loadVectors(t testing.TB) (vectors, *Ring) {
	t.Helper()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	r, err := Parse([]byte(v.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	return v, r
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVectors_codes_are_what_another_implementation_derives(t *testing.T) {
	t.Parallel()
	v, r := loadVectors(t)
	id, salt := uid.ID(unhex(t, v.ID)), [16]byte(unhex(t, v.Salt))
	for _, c := range v.Codes {
		got, err := r.Code(c.KID, id, c.Generation, salt, c.Length, c.Alphabet)
		if err != nil {
			t.Fatal(err)
		}
		if got.Reveal() != c.Code {
			t.Errorf("Code(kid %d, generation %d, length %d, %q) = %s, want %s", c.KID, c.Generation, c.Length, c.Alphabet, got.Reveal(), c.Code)
		}
	}
}

func TestVectors_values_sealed_by_another_implementation_open(t *testing.T) {
	t.Parallel()
	v, r := loadVectors(t)
	place := Place{Purpose: "recipient", Tenant: uid.Tenant(unhex(t, v.Tenant)), Row: []byte("row 1")}
	for _, sealed := range []string{v.SealedV1, v.SealedV2} {
		got, err := r.Open(place, unhex(t, sealed))
		if err != nil || string(got) != v.Plain {
			t.Errorf("Open(%s) = %q, %v, want %q", sealed[:8], got, err, v.Plain)
		}
	}
}

func TestVectors_hashes_and_signing_key_are_what_another_implementation_gives(t *testing.T) {
	t.Parallel()
	v, r := loadVectors(t)
	if _, err := r.UseIndexKey(unhex(t, v.WrappedIndexKey)); err != nil {
		t.Fatal(err)
	}
	tenant := uid.Tenant(unhex(t, v.Tenant))
	if got := r.Hash("label", tenant, []byte("ab"), []byte("c")); hex.EncodeToString(got[:]) != v.HashABC {
		t.Errorf("Hash = %x, want %s", got, v.HashABC)
	}
	if got := r.BlindIndex(tenant, v.Plain); hex.EncodeToString(got[:]) != v.BlindIndex {
		t.Errorf("BlindIndex = %x, want %s", got, v.BlindIndex)
	}
	if got := r.Bucket(tenant, v.Plain); got != v.Bucket {
		t.Errorf("Bucket = %d, want %d", got, v.Bucket)
	}
	if got := r.SigningKey().Public().(ed25519.PublicKey); hex.EncodeToString(got) != v.CheckpointKey {
		t.Errorf("SigningKey's public half = %x, want %s", got, v.CheckpointKey)
	}
}

func TestVectors_answers_are_kept_and_opened_as_another_implementation_does(t *testing.T) {
	t.Parallel()
	v, r := loadVectors(t)
	if _, err := r.UseIndexKey(unhex(t, v.WrappedIndexKey)); err != nil {
		t.Fatal(err)
	}
	o, err := r.Once(uid.Tenant(unhex(t, v.Tenant)), "start", Idempotency{Key: "k-1", Body: []byte("asked")})
	if err != nil {
		t.Fatal(err)
	}
	name := o.Name()
	if got := hex.EncodeToString(name.Key[:]); got != v.AnswerKey || name.Bucket != v.AnswerBucket {
		t.Errorf("Key = %s in bucket %d, want %s in %d", got, name.Bucket, v.AnswerKey, v.AnswerBucket)
	}
	if got := hex.EncodeToString(name.Body[:]); got != v.AnswerBody {
		t.Errorf("Body = %s, want %s", got, v.AnswerBody)
	}
	name.Sealed = unhex(t, v.AnswerSealed)
	var answer struct{ N int }
	if err := o.Open(name, &answer); err != nil || answer.N != 1 {
		t.Errorf("Open = %+v, %v", answer, err)
	}
}
