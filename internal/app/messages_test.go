package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/hosted"
)

// shelve writes files into a messages_dir.
func shelve(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestRA_66_TheOperatorsOwnTexts: any text of pages and messages, in any language, may be the operator's own. The others stay ours.
func TestRA_66_TheOperatorsOwnTexts(t *testing.T) {
	t.Parallel()
	dir := shelve(t, map[string]string{
		"pages/en.json":   `{"resend": "Once more", "err_code_wrong": {"one": "Wrong. {n} try.", "other": "Wrong. {n} tries, says {firm}."}}`,
		"pages/ar.json":   `{"continue": {"text": "هيا"}}`,
		"codes/de.json":   `{"sms_short": "{service}: {code}, {minutes} Min."}`,
		"notices/en.json": `{"sms_least": "{link} ({firm})"}`,
		".git/config":     "x",
	})
	c, err := Load(Options{Environ: []string{"COUNTERSIGN_MESSAGES_DIR=" + dir}})
	if err != nil {
		t.Fatal(err)
	}
	pages, messages, faults := texts(c.MessagesDir)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for name, want := range map[string]string{
		"messages/en.json": `"resend":{"note":"Button: send a new code. One word if there is one.","text":"Once more"}`, "messages/ar.json": "هيا", "messages/fr.json": "Renvoyer",
	} {
		if raw, err := fs.ReadFile(pages, name); err != nil || !strings.Contains(string(raw), want) {
			t.Errorf("%s of the pages lacks %s, %v", name, want, err)
		}
	}
	for name, want := range map[string]string{"messages/de.json": "{service}: {code}, {minutes} Min.", "notices/en.json": "{link} ({firm})", "teams/en.json": "{"} {
		if raw, err := fs.ReadFile(messages, name); err != nil || !strings.Contains(string(raw), want) {
			t.Errorf("%s of the messages lacks %s, %v", name, want, err)
		}
	}
	raw, err := fs.ReadFile(hosted.Files(), "messages/en.json")
	if err != nil || strings.Contains(string(raw), "Once more") {
		t.Errorf("our own file is changed, %v", err)
	}
}

// TestRA_66_TextsThatDoNotFitAreRefusedAtStart: with file and line, and all at once.
func TestRA_66_TextsThatDoNotFitAreRefusedAtStart(t *testing.T) {
	t.Parallel()
	dir := shelve(t, map[string]string{
		"pages/en.json": `{
  "resend": "fine",
  "resents": "no such text",
  "help_bare": "nobody is named",
  "code_sms_lead": "to {contact} with {code}",
  "accept": "{",
  "decline": " ",
  "err_code_wrong": {"one": "{n}"},
  "stop_give": {"text": "a", "few": "b"},
  "resend": "again",
  "direction": "rtl",
  "continue": 7
}`,
		"codes/en.json":         "{\n\n\"sms\": \"{service}: {code}\"}",
		"codes/xx.json":         `{}`,
		"pages/consent.json":    `{}`,
		"teams/en.json":         `{"a" "b"}`,
		"letters/en.json":       `{}`,
		"notices/fr.json":       `{"sms_least": "{firm}: {link}"} more`,
		"notices/en.json/x.txt": "",
	})
	_, err := Load(Options{Environ: []string{"COUNTERSIGN_MESSAGES_DIR=" + dir}})
	if err == nil {
		t.Fatal("taken")
	}
	got := strings.ReplaceAll(err.Error(), dir+"/", "")
	for _, want := range []string{
		`pages/en.json:3:11: resents: is no text that there is.`, `pages/en.json:4:13: help_bare: lacks {firm}. (text)`,
		`pages/en.json:5:17: code_sms_lead: has no {code}. (text)`, `pages/en.json:6:10: accept: has a brace that opens no variable. (text)`,
		`pages/en.json:7:11: decline: needs a text of one line. (text)`, `pages/en.json:8:18: err_code_wrong: needs a text of one line. (other)`,
		`pages/en.json:9:13: stop_give: has no "few" in this language.`, `pages/en.json:10:10: resend: is there twice.`,
		`pages/en.json:11:13: direction: is no text that there is.`, `pages/en.json:12:12: continue: must be a text, or its plural forms.`,
		`codes/en.json:3:5: sms: lacks {minutes}. (text)`, `codes/xx.json: xx.json: is no language that there is.`, `pages/consent.json: consent.json: is no language`,
		`teams/en.json:1:`, `letters: letters: is none of pages, codes, notices and teams.`, `notices/fr.json:1:`, `notices/en.json: en.json: can't be read.`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not told", want)
		}
	}
	if n := strings.Count(got, "\n") + 1; n != 17 || t.Failed() {
		t.Errorf("%d faults are told:\n%s", n, got)
	}
	if _, err := Load(Options{Environ: []string{"COUNTERSIGN_MESSAGES_DIR=" + dir + "/none"}}); err == nil || !strings.Contains(err.Error(), "messages_dir: can't be read.") {
		t.Errorf("a directory that is not there: %v", err)
	}
}
