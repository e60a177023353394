package devserver

import (
	"encoding/json"
	"fmt"
	"math/big"
	"os/exec"
	"strings"
)

// alphabet is that of identifiers: digits of base 32, in their order.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// KeySID is the SID of the key whose secret is the token of s.Twilio. Applications that use API keys give it in place of the
// account's.
func (s *Server) KeySID() (string, error) {
	out, err := exec.Command(s.cmd.Path, "key", "list", "--tenant", s.Tenant, "--data", s.data, "--json").Output()
	if err != nil {
		return "", fmt.Errorf("key list: %w", err)
	}
	var keys struct {
		Data []struct{ ID string }
	}
	if err := json.Unmarshal(out, &keys); err != nil || len(keys.Data) == 0 {
		return "", fmt.Errorf("key list answered %s: %w", out, err)
	}
	return sid("SK", keys.Data[0].ID), nil
}

// sid writes an identifier of ours as Twilio does: its 128 bits in hex.
func sid(prefix, id string) string {
	_, digits, _ := strings.Cut(id, "_")
	n := new(big.Int)
	for _, c := range digits {
		n.Lsh(n, 5)
		n.Or(n, big.NewInt(int64(strings.IndexRune(alphabet, c))))
	}
	return fmt.Sprintf("%s%032x", prefix, n)
}
