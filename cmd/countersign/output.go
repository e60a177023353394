package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/fault"
	countersign "github.com/countersign/countersign/sdk/go"
)

// terminal reports whether a person is at the other end of f.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a character device too
	return err != nil || !os.SameFile(info, null)
}

// say prints text, or v as JSON when that was asked for.
func (sh *shell) say(v any, text string) error {
	if !sh.flags.JSON {
		_, err := io.WriteString(sh.stdout, text)
		return err
	}
	out := json.NewEncoder(sh.stdout)
	out.SetEscapeHTML(false)
	return out.Encode(v)
}

// note prints what only people want to know.
func (sh *shell) note(format string, args ...any) {
	if !sh.flags.JSON {
		fmt.Fprintf(sh.stderr, format+"\n", args...)
	}
}

// failure is an error as --json prints it on standard error.
type failure struct {
	Error     string        `json:"error"`
	Code      string        `json:"code,omitempty"`
	RequestID string        `json:"request_id,omitempty"`
	Faults    []configFault `json:"faults,omitempty"`
}

// configFault is one fault of the configuration.
type configFault struct {
	File   string `json:"file"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Key    string `json:"key"`
	What   string `json:"what"`
	Remedy string `json:"remedy,omitempty"`
}

// fail tells err and returns the exit code that goes with it.
func (sh *shell) fail(err error) int {
	if errors.Is(err, errBad) {
		return exitBad
	}
	f, code := failureOf(err)
	if sh.flags.JSON {
		_ = json.NewEncoder(sh.stderr).Encode(f) // there is nobody else to tell
		return code
	}
	fmt.Fprintf(sh.stderr, "countersign: %s\n", f.Error)
	return code
}

func failureOf(err error) (failure, int) {
	if faults, ok := errors.AsType[app.Faults](err); ok {
		f := failure{Code: "config_invalid"}
		f.Error = fmt.Sprintf("the configuration has %d faults:\n%s", len(faults), faults.Error())
		if len(faults) == 1 {
			f.Error = "the configuration has a fault:\n" + faults.Error()
		}
		for _, one := range faults {
			f.Faults = append(f.Faults, configFault{
				File: one.File, Line: one.Line, Column: one.Column, Key: one.Key, What: one.What, Remedy: one.Remedy,
			})
		}
		return f, exitConfig
	}
	if e, ok := errors.AsType[*countersign.Error](err); ok && e.Code != "" {
		text := e.Detail
		if e.RetryAfter > 0 {
			text += fmt.Sprintf(" It may work again in %s.", e.RetryAfter)
		}
		return failure{Error: text, Code: e.Code, RequestID: e.RequestID}, exitFailed
	}
	if e, ok := errors.AsType[*fault.Error](err); ok {
		return failure{Error: faultText(err), Code: e.Code}, exitFailed
	}
	return failure{Error: strings.TrimPrefix(err.Error(), "countersign: ")}, exitFailed
}

// faultText is what the faults in err say, one a line, without the causes that are for logs.
func faultText(err error) string {
	all := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		all = many.Unwrap()
	}
	texts := make([]string, len(all))
	for i, e := range all {
		texts[i] = e.Error()
		if f, ok := errors.AsType[*fault.Error](e); ok {
			texts[i] = f.Message
		}
	}
	return strings.Join(texts, "\n")
}

// table lays out lines of cells that are parted by tabs.
func table(lines []string) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, line := range lines {
		_, _ = fmt.Fprintln(w, line) // into memory
	}
	_ = w.Flush() // into memory
	return b.String()
}

// stamp is a time as people and programs read it, empty for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// progress shows how far a long command is while a person is watching; show is nil otherwise. clear takes it off again.
func (sh *shell) progress(what string) (show func(done, total int64), clear func()) {
	if sh.flags.JSON || !terminal(sh.stderr) {
		return nil, func() {}
	}
	return bar(sh.stderr, what), func() { fmt.Fprint(sh.stderr, wipe) }
}

// wipe empties the line that the cursor is on (ECMA-48 §8.3.41).
const wipe = "\r\033[K"

// bar writes one line anew with each percent.
func bar(w io.Writer, what string) func(done, total int64) {
	shown := int64(-1)
	return func(done, total int64) {
		if total <= 0 || done*100/total == shown {
			return
		}
		shown = done * 100 / total
		fmt.Fprintf(w, wipe+"%s %d %%", what, shown)
	}
}
