package operator

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// longestPeriod is that of a pattern whose repetition is no password: "abcabcabcabc".
const longestPeriod = 4

// guessable reports whether a password, in lower case, is on the list, is one or two words of it with a few signs around or for
// letters, goes up or down by ones, or repeats a short pattern.
func (p *passwords) guessable(password string) bool {
	if p.listed(password) || repeats(password) || ascends(password) {
		return true
	}
	core := strings.TrimFunc(password, func(r rune) bool { return r < 'a' || r > 'z' })
	for _, letters := range []string{onlyLetters(core), onlyLetters(lookAlikes.Replace(core)), onlyLetters(lookAlikes.Replace(password))} {
		if 2*len(letters) >= len(password) && p.words2(letters) {
			return true
		}
	}
	return false
}

func (p *passwords) listed(s string) bool {
	_, is := slices.BinarySearch(p.words, s)
	return is
}

// words2 reports whether s is a word of the list, or two.
func (p *passwords) words2(s string) bool {
	if p.listed(s) {
		return true
	}
	for cut := 1; cut < len(s); cut++ {
		if p.listed(s[:cut]) && p.listed(s[cut:]) {
			return true
		}
	}
	return false
}

// lookAlikes are signs that people write for letters.
var lookAlikes = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "5", "s", "$", "s", "7", "t")

func onlyLetters(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 'a' || r > 'z' {
			return -1
		}
		return r
	}, s)
}

// repeats reports whether s is a pattern of a few characters again and again.
func repeats(s string) bool {
	runes := []rune(s)
	for period := 1; period <= longestPeriod && period < len(runes); period++ {
		same := true
		for i := period; same && i < len(runes); i++ {
			same = runes[i] == runes[i-period]
		}
		if same {
			return true
		}
	}
	return false
}

// ascends reports whether each character of s follows the one before, or precedes it; nine and naught are neighbours.
func ascends(s string) bool {
	before, size := utf8.DecodeRuneInString(s)
	up, down := true, true
	for _, r := range s[size:] {
		up = up && (r == before+1 || before == '9' && r == '0')
		down = down && (r == before-1 || before == '0' && r == '9')
		before = r
	}
	return up || down
}
