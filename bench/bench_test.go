package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestARunAgainstTheEmptyServer is the whole thing, small: it builds and starts the empty server and measures it.
func TestARunAgainstTheEmptyServer(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "report.json")
	o := options{callers: "1,4", rounds: 2, duration: 10 * time.Second, warm: 10 * time.Second, count: 50, request: "plain,page,visit", think: time.Millisecond, out: out}
	if err := run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(out); err != nil || len(text) < 100 {
		t.Errorf("report of %d bytes, %v", len(text), err)
	}
}

func TestFlagsThatMeanNothingAreRefused(t *testing.T) {
	t.Parallel()
	good := options{bin: "x", callers: "1,16", db: "sqlite", request: "plain,client,twilio,page,visit", fill: 5}
	if p, err := good.plan(); err != nil || len(p.callers) != 2 || len(p.requests) != 5 || len(p.histories) != 2 {
		t.Errorf("plan %+v, %v", p, err)
	}
	for name, spoil := range map[string]func(*options){
		"callers": func(o *options) { o.callers = "many" },
		"none":    func(o *options) { o.callers = "0" },
		"db":      func(o *options) { o.db = "sqlite,oracle" },
		"request": func(o *options) { o.request = "plain,some" },
	} {
		o := good
		spoil(&o)
		if _, err := o.plan(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
