package main

import (
	"regexp"
	"testing"
)

func TestRecipientsAreUniqueAndWellFormed(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^(\+447[123]\d{8}|\+12[0-5]\d[2-9]\d{6})$`)
	seen := map[string]bool{}
	for i := range uint64(300_000) {
		n := phone(i)
		if !form.MatchString(n) || n[:2] == "+1" && n[5:8] == "555" {
			t.Fatalf("recipient %d is %s", i, n)
		}
		if seen[n] {
			t.Fatalf("recipient %d, %s, came before", i, n)
		}
		seen[n] = true
	}
}
