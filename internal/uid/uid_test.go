package uid

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

var at = time.Date(2026, 3, 1, 12, 0, 0, 987654321, time.UTC)

// ids draws any 16 bytes.
func ids() *rapid.Generator[ID] {
	return rapid.Map(rapid.SliceOfN(rapid.Byte(), 16, 16), func(b []byte) ID { return ID(b) })
}

func prefixes() []Prefix {
	return []Prefix{Verification, TenantPrefix, Service, Key, Event, Job, Request, Node}
}

func TestNew_makes_a_UUIDv7_that_names_its_time_and_bucket(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bucket := rapid.Uint16Range(0, Buckets-1).Draw(t, "bucket")
		now := time.UnixMicro(rapid.Int64Range(0, 1<<52).Draw(t, "us"))
		id := New(now, bucket)
		if id.Bucket() != bucket {
			t.Fatalf("Bucket() = %d, want %d", id.Bucket(), bucket)
		}
		if want := now.UTC().Truncate(time.Millisecond); !id.Time().Equal(want) || id.Time().Location() != time.UTC {
			t.Fatalf("Time() = %v, want %v", id.Time(), want)
		}
		if u := uuid.UUID(id); u.Version() != 7 || u.Variant() != uuid.RFC4122 {
			t.Fatalf("%s is version %v, variant %v", id.UUID(), u.Version(), u.Variant())
		}
		floor := Floor(now)
		if bytes.Compare(floor[:], id[:]) > 0 || !floor.Time().Equal(id.Time()) {
			t.Fatalf("Floor = %s, above %s", floor, id)
		}
	})
}

func TestNew_orders_by_time(t *testing.T) {
	t.Parallel()
	var made []ID
	for i := range 200 {
		made = append(made, Random(at.Add(time.Duration(i)*time.Millisecond)))
	}
	if !slices.IsSortedFunc(made, func(a, b ID) int { return bytes.Compare(a[:], b[:]) }) {
		t.Error("ids of later milliseconds don't compare greater")
	}
	made = nil
	for i := range 1000 {
		made = append(made, New(at.Truncate(time.Millisecond).Add(time.Duration(i)*time.Microsecond), 7))
	}
	if !slices.IsSortedFunc(made, func(a, b ID) int { return bytes.Compare(a[:], b[:]) }) {
		t.Error("ids of later microseconds don't compare greater within a bucket")
	}
	next := Floor(at.Add(time.Millisecond))
	for range 200 {
		if id := New(at, Buckets-1); bytes.Compare(id[:], next[:]) >= 0 {
			t.Fatalf("%s is not below the floor of the next millisecond", id)
		}
	}
}

func TestNew_never_repeats_and_fills_its_random_bits(t *testing.T) {
	t.Parallel()
	seen := map[ID]bool{}
	ones, zeros := ID{}, ID{}
	buckets := map[uint16]bool{}
	for range 2000 {
		id := Random(at)
		if seen[id] {
			t.Fatalf("%s came twice", id)
		}
		seen[id] = true
		buckets[id.Bucket()] = true
		for i := range id {
			ones[i] |= id[i]
			zeros[i] |= ^id[i]
		}
	}
	want, _ := hex.DecodeString("0fff000fffffffffffff") // the microseconds are those of at
	for i, mask := range want {
		if got := ones[i+6] & zeros[i+6]; got != mask {
			t.Errorf("byte %d varies in bits %08b, want %08b", i+6, got, mask)
		}
	}
	if len(buckets) < 1000 {
		t.Errorf("%d buckets among 2000 random ids", len(buckets))
	}
}

func TestNew_bucket_out_of_range_is_a_mistake(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	New(at, Buckets)
}

func TestID_every_spelling_reads_back(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := ids().Draw(t, "id")
		p := rapid.SampledFrom(prefixes()).Draw(t, "prefix")
		text := id.Text(p)
		if got, err := Parse(p, text); err != nil || got != id {
			t.Fatalf("Parse(%s) = %v, %v, want %v", text, got, err, id)
		}
		if len(text) != len(p)+27 {
			t.Fatalf("%s has %d characters", text, len(text))
		}
		for _, hexed := range []string{id.Hex(), strings.ToUpper(id.Hex())} {
			if got, err := ParseHex(hexed); err != nil || got != id {
				t.Fatalf("ParseHex(%s) = %v, %v", hexed, got, err)
			}
		}
		if got, err := ParseUUID(id.UUID()); err != nil || got != id {
			t.Fatalf("ParseUUID(%s) = %v, %v", id.UUID(), got, err)
		}
		if want := uuid.UUID(id).String(); id.UUID() != want {
			t.Fatalf("UUID() = %s, want %s", id.UUID(), want)
		}
		tenant := Tenant(id)
		if got, err := ParseTenant(tenant.Text()); err != nil || got != tenant || tenant.String() != id.Text(TenantPrefix) {
			t.Fatalf("ParseTenant(%s) = %v, %v", tenant.Text(), got, err)
		}
		other := ids().Draw(t, "other")
		if strings.Compare(id.Text(p), other.Text(p)) != bytes.Compare(id[:], other[:]) {
			t.Fatalf("text of %s and %s orders otherwise than the bytes", id, other)
		}
	})
}

func TestID_known_vectors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, uuid, text string }{
		// RFC 9562, appendix A.6, and the example of the ULID specification, whose base32 is the same.
		{"RFC 9562 A.6", "017f22e2-79b0-7cc3-98c4-dc0c0c07398f", ""},
		{"ULID", "01563e3a-b5d3-d676-4c61-efb99302bd5b", "vrf_01arz3ndektsv4rrffq69g5fav"},
		{"none", "00000000-0000-0000-0000-000000000000", "vrf_00000000000000000000000000"},
		{"all ones", "ffffffff-ffff-ffff-ffff-ffffffffffff", "vrf_7zzzzzzzzzzzzzzzzzzzzzzzzz"},
	} {
		id, err := ParseUUID(tc.uuid)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if got := id.Text(Verification); tc.text != "" && got != tc.text {
			t.Errorf("%s: Text() = %s, want %s", tc.name, got, tc.text)
		}
		if got, want := id.String(), strings.ReplaceAll(tc.uuid, "-", ""); got != want {
			t.Errorf("%s: String() = %s, want %s", tc.name, got, want)
		}
	}
	id, _ := ParseUUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")
	if want := time.UnixMilli(1645557742000); !id.Time().Equal(want) || id.Bucket() != 0xcc3 {
		t.Errorf("RFC 9562 A.6: %v, bucket %x; want %v, bucket cc3", id.Time(), id.Bucket(), want)
	}
}

func TestParse_refuses_every_other_text(t *testing.T) {
	t.Parallel()
	good := New(at, 7)
	text, hexed, uuided := good.Text(Verification), good.Hex(), good.UUID()
	parseVrf := func(s string) (ID, error) { return Parse(Verification, s) }
	for _, tc := range []struct {
		name  string
		parse func(string) (ID, error)
		in    string
	}{
		{"empty", parseVrf, ""},
		{"other prefix", parseVrf, good.Text(Service)},
		{"no prefix", parseVrf, text[4:]},
		{"no underscore", parseVrf, "vrf" + text[4:]},
		{"capitals", parseVrf, strings.ToUpper(text)},
		{"capital digits", parseVrf, "vrf_" + strings.ToUpper(text[4:])},
		{"short", parseVrf, text[:len(text)-1]},
		{"long", parseVrf, text + "0"},
		{"beyond 128 bits", parseVrf, "vrf_8" + text[5:]},
		{"letter outside the alphabet", parseVrf, text[:len(text)-1] + "u"},
		{"space", parseVrf, text[:len(text)-1] + " "},
		{"multi-byte", parseVrf, text[:len(text)-2] + "é"},
		{"empty hex", ParseHex, ""},
		{"short hex", ParseHex, hexed[:31]},
		{"long hex", ParseHex, hexed + "0"},
		{"no hex", ParseHex, "g" + hexed[1:]},
		{"empty UUID", ParseUUID, ""},
		{"hex as UUID", ParseUUID, hexed},
		{"braces", ParseUUID, "{" + uuided + "}"},
		{"URN", ParseUUID, "urn:uuid:" + uuided},
		{"dash elsewhere", ParseUUID, uuided[:7] + "-" + uuided[7:8] + uuided[9:]},
		{"dash for a digit", ParseUUID, "-" + uuided[1:]},
	} {
		if id, err := tc.parse(tc.in); !errors.Is(err, ErrSyntax) || !id.IsZero() {
			t.Errorf("%s: %q parses to %v, %v", tc.name, tc.in, id, err)
		}
	}
	if tenant, err := ParseTenant(text); !errors.Is(err, ErrSyntax) || !tenant.IsZero() {
		t.Errorf("a verification's id parses as tenant %v, %v", tenant, err)
	}
}

func TestID_is_stored_as_sixteen_bytes(t *testing.T) {
	t.Parallel()
	id, tenant := New(at, 7), NewTenant(at)
	value, err := id.Value()
	if b, ok := value.([]byte); err != nil || !ok || !bytes.Equal(b, id[:]) {
		t.Fatalf("Value() = %v, %v", value, err)
	}
	var back ID
	if err := back.Scan(value); err != nil || back != id {
		t.Errorf("Scan = %v, %v", back, err)
	}
	if value, err = tenant.Value(); err != nil {
		t.Fatal(err)
	}
	var tenantBack Tenant
	if err := tenantBack.Scan(value); err != nil || tenantBack != tenant || tenantBack.IsZero() {
		t.Errorf("Scan = %v, %v", tenantBack, err)
	}
	if err := back.Scan(nil); err != nil || !back.IsZero() {
		t.Errorf("Scan(NULL) = %v, %v, want none", back, err)
	}
	for _, src := range []any{[]byte{}, id[:15], append(id[:], 0), id.Hex(), int64(1)} {
		if err := back.Scan(src); !errors.Is(err, ErrSyntax) {
			t.Errorf("Scan(%v) = %v, want ErrSyntax", src, err)
		}
	}
}

func TestFloor_of_a_time_before_1970_is_none(t *testing.T) {
	t.Parallel()
	if got := Floor(time.Time{}); !got.IsZero() {
		t.Errorf("Floor(year 1) = %s", got)
	}
}

// FuzzParse holds: what any parser accepts is spelled by the identifier as it came in, but for the case of hex digits.
func FuzzParse(f *testing.F) {
	id := New(at, 7)
	for _, s := range []string{id.Text(Verification), id.Hex(), id.UUID(), NewTenant(at).Text(), "vrf_7zzzzzzzzzzzzzzzzzzzzzzzzz", "vrf_8" + id.Hex()} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := Parse(Verification, s); err == nil && id.Text(Verification) != s {
			t.Errorf("Parse(%q) spells as %s", s, id.Text(Verification))
		}
		if id, err := ParseHex(s); err == nil && id.Hex() != strings.ToLower(s) {
			t.Errorf("ParseHex(%q) spells as %s", s, id.Hex())
		}
		if id, err := ParseUUID(s); err == nil && id.UUID() != strings.ToLower(s) {
			t.Errorf("ParseUUID(%q) spells as %s", s, id.UUID())
		}
		if tenant, err := ParseTenant(s); err == nil && tenant.Text() != s {
			t.Errorf("ParseTenant(%q) spells as %s", s, tenant.Text())
		}
	})
}

func TestNext_is_the_least_identifier_above(t *testing.T) {
	t.Parallel()
	greatest := ID(bytes.Repeat([]byte{0xff}, 16))
	for id, want := range map[ID]ID{
		{}: {15: 1}, {15: 0xff}: {14: 1}, {0: 1, 14: 0xff}: {0: 1, 14: 0xff, 15: 1}, {3: 7, 15: 0xfe}: {3: 7, 15: 0xff}, greatest: {},
	} {
		if got := id.Next(); got != want {
			t.Errorf("%s.Next() = %s, want %s", id, got, want)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			New(at, 7)
		}
	})
}
