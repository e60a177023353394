package egress

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
)

// Class is what kind of place an address leads to.
type Class string

// The classes. Only Public is connected to without being allowed.
const (
	Public        Class = "public"
	Loopback      Class = "loopback"
	Private       Class = "private"       // RFC 1918; unique and site-local IPv6; the local-use NAT64 prefix
	Shared        Class = "shared"        // RFC 6598: behind a carrier's NAT
	LinkLocal     Class = "link_local"    // the same cable
	Metadata      Class = "metadata"      // where a cloud hands out credentials to whoever asks from inside
	Multicast     Class = "multicast"     // many hosts
	Broadcast     Class = "broadcast"     // all hosts of a network
	Unspecified   Class = "unspecified"   // "this host": a connection goes to the host itself
	Documentation Class = "documentation" // examples
	Benchmarking  Class = "benchmarking"  // test networks
	Tunnel        Class = "tunnel"        // 6to4, Teredo, ISATAP: IPv4 addresses in disguise, and nothing else is reached so
	Reserved      Class = "reserved"      // nothing is known to be there
	Unknown       Class = "unknown"       // not an address
)

// ErrRefused is what every [RefusedError] is under [errors.Is].
var ErrRefused = errors.New("address refused")

// RefusedError means that an address was not connected to. It does not hold the address: whoever gave the name might learn
// from it what an inner name resolves to.
type RefusedError struct{ Class Class }

// Error names the class and says what an operator can do.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("address refused: %s; if the target is yours, name its network in egress.allow", e.Class)
}

// Is makes every refusal an ErrRefused.
func (e *RefusedError) Is(target error) bool { return target == ErrRefused }

// filter decides which addresses may be connected to.
type filter struct {
	allow   []netip.Prefix
	special []network // the first that holds an address gives its class
	nat64   netip.Prefix
}

type network struct {
	netip.Prefix
	class Class
}

// newFilter refuses networks that could never match; it names each by its place in the list.
func newFilter(allow []netip.Prefix) (filter, error) {
	f := filter{special: specialNetworks(), nat64: netip.MustParsePrefix("64:ff9b::/96")}
	var faults []error
	for i, p := range allow {
		switch {
		case !p.IsValid():
			faults = append(faults, fmt.Errorf("egress: allow[%d] is not a network; write it as 10.0.0.0/8", i))
		case p.Addr().Is4In6():
			faults = append(faults, fmt.Errorf("egress: allow[%d] is an IPv4 network written as IPv6; write it as 10.0.0.0/8", i))
		}
		f.allow = append(f.allow, p.Masked())
	}
	return f, errors.Join(faults...)
}

// specialNetworks is what the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890) hold that is not public, and
// the addresses where clouds serve metadata. Narrow networks stand before the wide ones that hold them.
func specialNetworks() []network {
	var all []network
	for _, s := range []struct {
		class    Class
		prefixes []string
	}{
		{Metadata, []string{
			"169.254.169.254/32", "169.254.170.2/32", "fd00:ec2::254/128", // AWS, and most others with the first
			"168.63.129.16/32",   // Azure: looks public
			"100.100.100.200/32", // Alibaba
			"192.0.0.192/32",     // Oracle
			"fd20:ce::254/128",   // Google
		}},
		{Broadcast, []string{"255.255.255.255/32"}},
		{Unspecified, []string{"0.0.0.0/8", "::/128"}},
		{Loopback, []string{"127.0.0.0/8", "::1/128"}},
		{Private, []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fec0::/10", "64:ff9b:1::/48"}},
		{Shared, []string{"100.64.0.0/10"}},
		{LinkLocal, []string{"169.254.0.0/16", "fe80::/10"}},
		{Multicast, []string{"224.0.0.0/4", "ff00::/8"}},
		{Documentation, []string{"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20"}},
		{Benchmarking, []string{"198.18.0.0/15", "2001:2::/48"}},
		{Tunnel, []string{"192.88.99.0/24", "2002::/16", "2001::/32"}},
		{Reserved, []string{"192.0.0.0/24", "240.0.0.0/4", "2001::/23"}},
		{Public, []string{"0.0.0.0/0", "2000::/3"}}, // 2000::/3 is all of IPv6 that was ever given out (RFC 4291 §2.4)
		{Reserved, []string{"::/0"}},
	} {
		for _, p := range s.prefixes {
			all = append(all, network{netip.MustParsePrefix(p), s.class})
		}
	}
	return all
}

// control is called by the dialer with each address that a name has led to, before it is connected to.
func (f filter) control(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return &RefusedError{Class: Unknown}
	}
	return f.check(ap.Addr())
}

// check is nil for an address that is public or allowed, else a *RefusedError.
func (f filter) check(addr netip.Addr) error {
	addr = addr.WithZone("").Unmap() // no prefix holds an address with a zone; ::ffff:127.0.0.1 is 127.0.0.1
	class := f.classify(addr)
	if class == Public {
		return nil
	}
	for _, p := range f.allow {
		if p.Contains(addr) {
			return nil
		}
	}
	return &RefusedError{Class: class}
}

// classify gives the class of an address without zone that is not v4-mapped.
func (f filter) classify(addr netip.Addr) Class {
	if !addr.IsValid() {
		return Unknown
	}
	if b := addr.As16(); addr.Is6() {
		if f.nat64.Contains(addr) {
			return f.classify(netip.AddrFrom4([4]byte(b[12:]))) // RFC 6052 §2.1: leads to the IPv4 address at its end
		}
		// RFC 5214 §6.1: the interface identifier of ISATAP, in any prefix, holds an IPv4 address of the inner network.
		if b[8]&^2 == 0 && bytes.Equal(b[9:12], []byte{0, 0x5e, 0xfe}) {
			return Tunnel
		}
	}
	for _, n := range f.special {
		if n.Contains(addr) {
			return n.class
		}
	}
	return Unknown
}
