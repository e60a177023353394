package store

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/verify"
)

// encodeSends writes the sends of a verification as one text, "n channel generation microseconds" each, separated by
// semicolons: a verification has few, they change with its row, and nobody looks for one.
func encodeSends(sends []verify.Send) string {
	b := make([]byte, 0, 32*len(sends))
	for i, s := range sends {
		if i > 0 {
			b = append(b, ';')
		}
		b = strconv.AppendInt(b, int64(s.N), 10)
		b = append(b, ' ')
		b = append(b, s.Channel...)
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(s.Generation), 10)
		b = append(b, ' ')
		b = strconv.AppendInt(b, micros(s.At), 10)
	}
	return string(b)
}

func decodeSends(text string) ([]verify.Send, error) {
	if text == "" {
		return nil, nil
	}
	sends := make([]verify.Send, 0, 1+strings.Count(text, ";"))
	for one := range strings.SplitSeq(text, ";") {
		n, rest, _ := strings.Cut(one, " ")
		channel, rest, _ := strings.Cut(rest, " ")
		generation, at, ok := strings.Cut(rest, " ")
		number, errN := strconv.Atoi(n)
		gen, errG := strconv.ParseUint(generation, 10, 16)
		us, errU := strconv.ParseInt(at, 10, 64)
		if !ok || errN != nil || errG != nil || errU != nil {
			return nil, fmt.Errorf("%q is no send", one)
		}
		sends = append(sends, verify.Send{
			N: number, Channel: delivery.Channel(channel), Generation: uint16(gen), At: fromMicros(us),
		})
	}
	return sends, nil
}
