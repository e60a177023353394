package egress

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func testFilter(t *testing.T, allow ...string) filter {
	t.Helper()
	var prefixes []netip.Prefix
	for _, a := range allow {
		prefixes = append(prefixes, netip.MustParsePrefix(a))
	}
	f, err := newFilter(prefixes)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSEC_85_only_public_addresses_pass(t *testing.T) {
	t.Parallel()
	f := testFilter(t)
	for addr, want := range map[string]Class{
		"1.1.1.1":                   Public,
		"8.8.8.8":                   Public,
		"9.255.255.255":             Public,
		"11.0.0.0":                  Public,
		"100.63.255.255":            Public,
		"100.128.0.0":               Public,
		"126.255.255.255":           Public,
		"128.0.0.0":                 Public,
		"169.253.255.255":           Public,
		"172.15.255.255":            Public,
		"172.32.0.0":                Public,
		"192.167.255.255":           Public,
		"198.17.255.255":            Public,
		"198.20.0.0":                Public,
		"223.255.255.255":           Public,
		"2606:4700:4700::1111":      Public,
		"2a00:1450:4001:831::5":     Public,
		"::ffff:8.8.8.8":            Public,
		"64:ff9b::8.8.8.8":          Public,
		"0.0.0.0":                   Unspecified,
		"0.1.2.3":                   Unspecified,
		"::":                        Unspecified,
		"127.0.0.1":                 Loopback,
		"127.255.255.254":           Loopback,
		"::1":                       Loopback,
		"::1%lo":                    Loopback,
		"::ffff:127.0.0.1":          Loopback,
		"::ffff:7f00:1":             Loopback,
		"64:ff9b::127.0.0.1":        Loopback,
		"10.0.0.0":                  Private,
		"10.255.255.255":            Private,
		"172.16.0.1":                Private,
		"172.31.255.255":            Private,
		"192.168.1.1":               Private,
		"::ffff:192.168.1.1":        Private,
		"64:ff9b::10.0.0.1":         Private,
		"64:ff9b:1::808:808":        Private,
		"fc00::1":                   Private,
		"fdff:ffff::1":              Private,
		"fec0::1":                   Private,
		"100.64.0.1":                Shared,
		"100.127.255.255":           Shared,
		"169.254.0.1":               LinkLocal,
		"fe80::1":                   LinkLocal,
		"fe80::1%eth0":              LinkLocal,
		"febf::1":                   LinkLocal,
		"169.254.169.254":           Metadata,
		"169.254.170.2":             Metadata,
		"168.63.129.16":             Metadata,
		"100.100.100.200":           Metadata,
		"192.0.0.192":               Metadata,
		"fd00:ec2::254":             Metadata,
		"fd20:ce::254":              Metadata,
		"::ffff:169.254.169.254":    Metadata,
		"64:ff9b::a9fe:a9fe":        Metadata,
		"224.0.0.1":                 Multicast,
		"239.255.255.255":           Multicast,
		"ff02::1":                   Multicast,
		"255.255.255.255":           Broadcast,
		"192.0.2.1":                 Documentation,
		"198.51.100.1":              Documentation,
		"203.0.113.1":               Documentation,
		"2001:db8::1":               Documentation,
		"3fff::1":                   Documentation,
		"198.18.0.1":                Benchmarking,
		"198.19.255.255":            Benchmarking,
		"2001:2::1":                 Benchmarking,
		"2002:7f00:1::":             Tunnel, // 6to4 of 127.0.0.1
		"2002:a9fe:a9fe::1":         Tunnel, // 6to4 of 169.254.169.254
		"2001:0:808:808::f5ff:fffe": Tunnel, // Teredo of 10.0.0.1
		"192.88.99.1":               Tunnel,
		"2606:4700::5efe:10.0.0.1":  Tunnel, // ISATAP
		"2606:4700::200:5efe:a00:1": Tunnel,
		"192.0.0.8":                 Reserved,
		"240.0.0.1":                 Reserved,
		"255.255.255.254":           Reserved,
		"::127.0.0.1":               Reserved, // v4-compatible, RFC 4291 §2.5.5.1
		"::ffff:0:127.0.0.1":        Reserved, // IPv4-translated, RFC 2765 §2.1
		"100::1":                    Reserved,
		"2001:10::1":                Reserved,
		"4000::1":                   Reserved,
		"5f00::1":                   Reserved,
	} {
		err := f.control("tcp", netip.AddrPortFrom(netip.MustParseAddr(addr), 443).String(), nil)
		if want == Public {
			if err != nil {
				t.Errorf("%s: %v, want it to pass", addr, err)
			}
			continue
		}
		refused, ok := errors.AsType[*RefusedError](err)
		if !ok || refused.Class != want || !errors.Is(err, ErrRefused) {
			t.Errorf("%s: %v, want refused as %s", addr, err, want)
		}
		if strings.Contains(err.Error(), addr) {
			t.Errorf("the refusal shows the address: %v", err)
		}
	}
}

func TestFilter_refuses_what_is_no_address(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"", "example.net:443", "127.0.0.1", "/run/socket"} {
		if err := testFilter(t).control("tcp", address, nil); !errors.Is(err, ErrRefused) {
			t.Errorf("%q: %v, want ErrRefused", address, err)
		}
	}
	if err := testFilter(t).check(netip.Addr{}); !errors.Is(err, ErrRefused) {
		t.Errorf("the zero address: %v, want ErrRefused", err)
	}
}

func TestFilter_allows_what_lies_in_an_allowed_network_and_nothing_beside_it(t *testing.T) {
	t.Parallel()
	f := testFilter(t, "10.1.2.3/16", "127.0.0.1/32", "fe80::/10") // the first with bits below its mask
	for addr, want := range map[string]bool{
		"10.1.0.1":         true,
		"10.1.255.255":     true,
		"::ffff:10.1.0.1":  true,
		"127.0.0.1":        true,
		"fe80::1%eth0":     true,
		"10.2.0.1":         false,
		"127.0.0.2":        false,
		"::1":              false,
		"64:ff9b::a01:1":   false, // leads to 10.1.0.1, by a way that was not allowed
		"2002:a01:1::1":    false,
		"169.254.169.254":  false,
		"8.8.8.8":          true,
		"2606:4700::1":     true,
		"::ffff:127.0.0.2": false,
	} {
		if err := f.check(netip.MustParseAddr(addr)); (err == nil) != want {
			t.Errorf("%s: %v, want allowed %v", addr, err, want)
		}
	}
}

func FuzzFilter_an_IPv4_address_in_disguise_is_treated_as_itself(f *testing.F) {
	filter, err := newFilter(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0x7f000001))
	f.Add(uint32(0xa9fea9fe))
	f.Add(uint32(0x08080808))
	f.Fuzz(func(t *testing.T, n uint32) {
		v4 := [4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
		plain := filter.check(netip.AddrFrom4(v4))
		mapped := [16]byte{10: 0xff, 11: 0xff}
		nat64 := [16]byte{0, 0x64, 0xff, 0x9b}
		copy(mapped[12:], v4[:])
		copy(nat64[12:], v4[:])
		for _, disguise := range [][16]byte{mapped, nat64} {
			addr := netip.AddrFrom16(disguise)
			if got := filter.check(addr); (got == nil) != (plain == nil) {
				t.Errorf("%v: %v, but %v: %v", addr, got, netip.AddrFrom4(v4), plain)
			}
		}
		for _, bits := range []int{16, 12} { // 6to4, v4-compatible
			b := [16]byte{}
			if bits == 16 {
				b[0], b[1] = 0x20, 0x02
				copy(b[2:], v4[:])
			} else {
				copy(b[12:], v4[:])
			}
			if filter.check(netip.AddrFrom16(b)) == nil {
				t.Errorf("%v passes", netip.AddrFrom16(b))
			}
		}
	})
}
