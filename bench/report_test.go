package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/bench/load"
)

func some(n int, each time.Duration) load.Result {
	r := load.Result{Took: time.Second}
	for range n {
		r.Samples = append(r.Samples, load.Sample{Start: each, HandOver: each, Check: 2 * each})
	}
	return r
}

func TestARowIsTheMedianOfItsRounds(t *testing.T) {
	t.Parallel()
	rounds := []round{
		{Result: some(100, time.Millisecond), server: 50 * time.Millisecond, serverPeak: 10e6},
		{Result: some(1000, 3*time.Millisecond), server: 2 * time.Second, serverPeak: 30e6},
		{Result: some(200, 2*time.Millisecond), server: 200 * time.Millisecond, serverPeak: 20e6},
	}
	rounds[1].Failed = 2
	r := summarize("s", "plain", 16, rounds)
	if r.Rate != 200 || r.StartP50 != 2 || r.CheckP99 != 4 || r.ServerCPU != 1 || r.ServerPeak != 30 || r.Failed != 2 {
		t.Errorf("got %+v", r)
	}
}

func TestRatiosAreToTheEmptyServerAndToPlainRequestsOfTheSameTurns(t *testing.T) {
	t.Parallel()
	rows := []row{
		{Server: "empty", Request: "plain", Callers: 1, Rate: 100}, {Server: "x", Request: "plain", Callers: 1, Rate: 50},
		{Server: "empty", Request: "plain", Callers: 16, Rate: 1000}, {Server: "x", Request: "plain", Callers: 16, Rate: 300},
		{Server: "x", Request: "mta", Callers: 16, Rate: 150},
		{Server: "empty", Request: "plain", Callers: 16, History: 9, Rate: 500}, {Server: "x", Request: "mta", Callers: 16, History: 9, Rate: 100},
		{Server: "x", Request: "mta", Callers: 64, Rate: 100},
		{Server: "empty", Request: "page", Callers: 16, Rate: 4000}, {Server: "x", Request: "page", Callers: 16, Rate: 3000},
		{Server: "x", Request: "visit", Callers: 16, Rate: 80},
	}
	compare(rows)
	for i, want := range [][2]float64{{1, 1}, {0.5, 1}, {1, 1}, {0.3, 1}, {0.15, 0.5}, {1, 1}, {0.2, 0}, {0, 0}, {1, 0}, {0.75, 0}, {0, 0}} {
		if rows[i].Ratio != want[0] || rows[i].ToPlain != want[1] {
			t.Errorf("row %d: ratios %v and %v, want %v", i, rows[i].Ratio, rows[i].ToPlain, want)
		}
	}
}

func TestTheReportIsWrittenForPeopleAndPrograms(t *testing.T) {
	t.Parallel()
	rep := report{Rows: []row{{Server: "countersign sqlite", Callers: 16, Rate: 1234.4, Ratio: 0.5}}, Stills: []still{{Server: "countersign sqlite", Cold: 120}}}
	var text, object bytes.Buffer
	if err := rep.table(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"countersign sqlite", "1234", "0.50", "cold start to ready 120 ms"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, text.String())
		}
	}
	if err := rep.json(&object); err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(object.Bytes(), &back); err != nil || len(back.Rows) != 1 || back.Rows[0] != rep.Rows[0] {
		t.Errorf("read back %+v, %v", back, err)
	}
}
