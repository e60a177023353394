package web

import "strings"

// QueryNumber mends a number from a query string whose + was not escaped and so came as a space. No other recipient
// begins with a space and a digit.
func QueryNumber(s string) string {
	if rest, ok := strings.CutPrefix(s, " "); ok && rest != "" && '0' <= rest[0] && rest[0] <= '9' {
		return "+" + rest
	}
	return s
}
