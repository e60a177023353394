package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/countersign/countersign/bench/load"
	"github.com/countersign/countersign/bench/target"
)

// A row is one server at one number of callers: medians over the rounds.
type row struct {
	Server  string  `json:"server"`
	Request string  `json:"request"` // the kind: plain, client (with client and Idempotency-Key), a vendor's door, or a page
	Callers int     `json:"callers"`
	History int64   `json:"history"` // finished verifications that were put into the database before
	Rate    float64 `json:"verifications_per_second"`
	Ratio   float64 `json:"ratio_to_empty"` // to the empty server at the same number of callers in the same run
	ToPlain float64 `json:"ratio_to_plain"` // to plain requests to the same server, in the same way; 0 without them
	Failed  int64   `json:"failed"`         // over all rounds

	StartP50    float64 `json:"start_p50_ms"`
	StartP99    float64 `json:"start_p99_ms"`
	HandOverP50 float64 `json:"hand_over_p50_ms"`
	HandOverP99 float64 `json:"hand_over_p99_ms"`
	CheckP50    float64 `json:"check_p50_ms"`
	CheckP99    float64 `json:"check_p99_ms"`

	// CPU seconds for each thousand verifications.
	ServerCPU    float64 `json:"server_cpu_s_per_1000"`
	DatabaseCPU  float64 `json:"database_cpu_s_per_1000"`
	GeneratorCPU float64 `json:"generator_cpu_s_per_1000"`

	ServerPeak   float64 `json:"server_peak_mb"`
	DatabasePeak float64 `json:"database_mb"`
}

// A still is what is told of a server that does nothing.
type still struct {
	Server string  `json:"server"`
	Binary float64 `json:"binary_mb"`
	Cold   float64 `json:"cold_start_ms"`
	Idle   float64 `json:"idle_mb"`
}

// report is all that one run found out.
type report struct {
	When    time.Time `json:"when"`
	Cores   int       `json:"cores"`
	Go      string    `json:"go"`
	Options string    `json:"options"`
	Rows    []row     `json:"rows"`
	Stills  []still   `json:"stills"`
	Looks   []look    `json:"looks,omitempty"` // at the console
}

// summarize makes a row of the rounds of one server.
func summarize(name, request string, callers int, rounds []round) row {
	r := row{Server: name, Request: request, Callers: callers}
	middle := func(value func(round) float64) float64 {
		values := make([]float64, len(rounds))
		for i, rd := range rounds {
			values[i] = value(rd)
		}
		return load.Median(values)
	}
	ms := func(q float64, part func(load.Sample) time.Duration) float64 {
		return middle(func(rd round) float64 { return float64(rd.Quantile(q, part)) / float64(time.Millisecond) })
	}
	each := func(cpu func(round) time.Duration) float64 {
		return middle(func(rd round) float64 {
			return cpu(rd).Seconds() * 1000 / float64(max(len(rd.Samples), 1))
		})
	}
	start := func(s load.Sample) time.Duration { return s.Start }
	handOver := func(s load.Sample) time.Duration { return s.HandOver }
	check := func(s load.Sample) time.Duration { return s.Check }

	r.Rate = middle(func(rd round) float64 { return rd.Rate() })
	r.StartP50, r.StartP99 = ms(0.5, start), ms(0.99, start)
	r.HandOverP50, r.HandOverP99 = ms(0.5, handOver), ms(0.99, handOver)
	r.CheckP50, r.CheckP99 = ms(0.5, check), ms(0.99, check)
	r.ServerCPU = each(func(rd round) time.Duration { return rd.server })
	r.DatabaseCPU = each(func(rd round) time.Duration { return rd.database })
	r.GeneratorCPU = each(func(rd round) time.Duration { return rd.generator })
	for _, rd := range rounds {
		r.Failed += rd.Failed
		r.ServerPeak = max(r.ServerPeak, megabytes(rd.serverPeak))
		r.DatabasePeak = max(r.DatabasePeak, megabytes(rd.databasePeak))
	}
	return r
}

// compare sets the ratios of each row: to the empty server's row of the same turns, and to the row of plain requests to the
// same server. A page is compared with the empty server's page, and with no verification.
func compare(rows []row) {
	type turn struct {
		server  string
		request string
		callers int
		history int64
	}
	rate := map[turn]float64{}
	for _, r := range rows {
		rate[turn{r.Server, r.Request, r.Callers, r.History}] = r.Rate
	}
	for i, r := range rows {
		ceiling := "plain"
		if isPage(r.Request) {
			ceiling = r.Request
		}
		if c := rate[turn{"empty", ceiling, r.Callers, r.History}]; c > 0 {
			rows[i].Ratio = r.Rate / c
		}
		if p := rate[turn{r.Server, "plain", r.Callers, r.History}]; p > 0 && !isPage(r.Request) {
			rows[i].ToPlain = r.Rate / p
		}
	}
}

func standing(s *target.Server) still {
	return still{Server: s.Name, Binary: megabytes(s.Binary), Cold: float64(s.Cold) / float64(time.Millisecond), Idle: megabytes(s.Idle)}
}

func megabytes(bytes int64) float64 { return float64(bytes) / 1e6 }

// table prints the report for people.
func (r report) table(w io.Writer) error {
	fmt.Fprintf(w, "%s, %d cores, %s, %s\n\n", r.When.Format(time.DateTime), r.Cores, r.Go, r.Options)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "callers\thistory\tserver\trequest\tper s\tratio\tto plain\tstart ms p50\tp99\thand-over p50\tp99\tcheck p50\tp99\tCPU s/1000: server\tdatabase\tgenerator\tMB: server\tdatabase\tfailed\t")
	for _, x := range r.Rows {
		fmt.Fprintf(t, "%d\t%d\t%s\t%s\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.3f\t%.3f\t%.3f\t%.0f\t%.0f\t%d\t\n",
			x.Callers, x.History, x.Server, x.Request, x.Rate, x.Ratio, x.ToPlain, x.StartP50, x.StartP99, x.HandOverP50, x.HandOverP99, x.CheckP50, x.CheckP99,
			x.ServerCPU, x.DatabaseCPU, x.GeneratorCPU, x.ServerPeak, x.DatabasePeak, x.Failed)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if err := looks(w, r.Looks); err != nil {
		return err
	}
	for _, s := range r.Stills {
		fmt.Fprintf(w, "\n%s: program %.1f MB, cold start to ready %.0f ms, idle %.1f MB\n", s.Server, s.Binary, s.Cold, s.Idle)
	}
	return nil
}

// json writes the report for programs.
func (r report) json(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
