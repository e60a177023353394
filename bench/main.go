// Command bench measures how many verifications a second a server carries, beside a server that does nothing.
//
// A verification is a start, the message handed to the provider (this program), and a check with the right code. Both
// servers are measured in the same run, in rounds that take turns, and what counts is the ratio: it says what the
// product costs on top of the wire, and moves far less from machine to machine than a rate does. See README.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // drivers of bench/fill
	_ "modernc.org/sqlite"

	"github.com/countersign/countersign/bench/fill"
	"github.com/countersign/countersign/bench/load"
	"github.com/countersign/countersign/bench/relay"
	"github.com/countersign/countersign/bench/target"
)

// options are the flags.
type options struct {
	bin           string
	db            string
	callers       string
	rounds        int
	duration      time.Duration
	warm          time.Duration
	count         int64
	request       string
	think         time.Duration
	fsyncDelay    time.Duration
	providerDelay time.Duration
	dir           string
	first         uint64
	fill          int64
	invitations   int64
	console       bool
	out           string
}

// A plan is what the flags that are lists or words mean.
type plan struct {
	callers   []int
	databases []string
	requests  []string
	histories []int64 // finished verifications added before each part; the first part has none
}

// plan reads the flags, before anything is started.
func (o options) plan() (p plan, err error) {
	for word := range strings.SplitSeq(o.callers, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return p, fmt.Errorf("-callers %s: want positive numbers separated by commas", o.callers)
		}
		p.callers = append(p.callers, n)
	}
	for db := range strings.SplitSeq(o.db, ",") {
		if db != "sqlite" && db != "postgres" && o.bin != "" {
			return p, fmt.Errorf("-db %s: want sqlite, postgres or both separated by a comma", o.db)
		}
		p.databases = append(p.databases, db)
	}
	for kind := range strings.SplitSeq(o.request, ",") {
		if kinds[kind] == nil && !isPage(kind) {
			return p, fmt.Errorf("-request %s: want some of %s, separated by commas", o.request, kindNames())
		}
		p.requests = append(p.requests, kind)
	}
	p.histories = []int64{0}
	if o.fill > 0 {
		p.histories = append(p.histories, o.fill)
	}
	return p, nil
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "", "the countersign program; empty: measure the empty server alone")
	flag.StringVar(&o.db, "db", "sqlite,postgres", "databases to measure on, separated by commas")
	flag.StringVar(&o.callers, "callers", "1,16,64", "numbers of callers")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds for each server and number of callers; medians are told")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "length of a round")
	flag.DurationVar(&o.warm, "warm", 2*time.Second, "load before the first round of each number of callers, not measured")
	flag.Int64Var(&o.count, "count", 200_000, "most verifications in a round")
	flag.StringVar(&o.request, "request", "plain", "kinds of request, separated by commas: "+kindNames())
	flag.DurationVar(&o.think, "think", 200*time.Millisecond, "how long callers of kind visit wait between two pages, on average")
	flag.DurationVar(&o.fsyncDelay, "fsync-delay", 0, "make each fsync of the database take this much longer")
	flag.DurationVar(&o.providerDelay, "provider-delay", 0, "how long the provider takes to answer")
	flag.StringVar(&o.dir, "dir", "", "keep the databases here and use what an earlier run left; empty: a temporary folder")
	flag.Uint64Var(&o.first, "first", 0, "number of the first recipient; with -dir, one that no earlier run used")
	flag.Int64Var(&o.fill, "fill", 0, "then add this many finished verifications to each database and measure again")
	flag.Int64Var(&o.invitations, "invitations", 0, "then add this many invitations to each database, and measure the pages of the console")
	flag.BoolVar(&o.console, "console", false, "measure the pages of the console, with -dir over the invitations that an earlier run left")
	flag.StringVar(&o.out, "json", "", "write the report to this file too")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run starts everything, measures, prints, and stops what it started.
func run(ctx context.Context, o options) (err error) {
	p, err := o.plan()
	if err != nil {
		return err
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "bench"); err != nil {
			return err
		}
		if err := os.Chmod(o.dir, 0o711); err != nil { // PostgreSQL's user passes through; what is secret below is closed
			return err
		}
		defer func() {
			if err == nil { // otherwise the logs are wanted
				err = os.RemoveAll(o.dir)
			}
		}()
	}
	provider := &relay.Relay{Delay: o.providerDelay}
	url, stop, err := listen(ctx, provider)
	if err != nil {
		return err
	}
	defer stop()
	servers, err := startAll(ctx, o, p, url)
	defer func() {
		for _, s := range servers {
			s.Stop()
		}
	}()
	if err != nil {
		return err
	}
	r, err := measure(ctx, o, p, servers, provider)
	if err != nil {
		return err
	}
	if err := r.table(os.Stdout); err != nil {
		return err
	}
	if o.out != "" {
		f, err := os.Create(o.out)
		if err != nil {
			return err
		}
		return errors.Join(r.json(f), f.Close())
	}
	return nil
}

// listen serves the provider on a loopback port.
func listen(ctx context.Context, provider http.Handler) (url string, stop func(), err error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := &http.Server{Handler: provider, ReadHeaderTimeout: 5 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // ends by Close
	}()
	return "http://" + l.Addr().String() + "/send", func() { _ = srv.Close(); <-done }, nil
}

// startAll starts the empty server, and Countersign once for each database. It gives what runs even with an error.
func startAll(ctx context.Context, o options, p plan, provider string) (servers []*target.Server, err error) {
	empty, err := target.Empty(ctx, o.dir, provider)
	if err != nil {
		return nil, err
	}
	servers = append(servers, empty)
	if o.bin == "" {
		return servers, nil
	}
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return servers, err
	}
	for _, db := range p.databases {
		dir := filepath.Join(o.dir, db)
		if err := os.MkdirAll(dir, 0o711); err != nil {
			return servers, err
		}
		s, err := target.Countersign(ctx, target.Config{Binary: bin, Dir: dir, Provider: provider, Database: db, FsyncDelay: o.fsyncDelay})
		if err != nil {
			return servers, err
		}
		servers = append(servers, s)
	}
	return servers, nil
}

// A round is one measured stretch against one server.
type round struct {
	load.Result
	server, database, generator time.Duration // CPU time used
	serverPeak, databasePeak    int64         // bytes
}

// measure measures every server at every number of callers, and again after the databases were filled.
func measure(ctx context.Context, o options, p plan, servers []*target.Server, provider *relay.Relay) (report, error) {
	rep := report{When: time.Now(), Cores: runtime.NumCPU(), Go: runtime.Version(),
		Options: fmt.Sprintf("%d rounds of %v, fsync +%v, provider %v", o.rounds, o.duration, o.fsyncDelay, o.providerDelay)}
	var next atomic.Uint64
	next.Store(o.first)
	all, err := contestants(ctx, o, p, servers, provider, &next)
	if err != nil {
		return rep, err
	}
	for _, history := range p.histories {
		if history > 0 {
			if err := age(ctx, servers[1:], history); err != nil {
				return rep, err
			}
		}
		for _, callers := range p.callers {
			rows, err := turns(ctx, o, callers, all)
			if err != nil {
				return rep, err
			}
			for i := range rows {
				rows[i].History = history
			}
			rep.Rows = append(rep.Rows, rows...)
		}
	}
	if o.invitations > 0 || o.console {
		if rep.Looks, err = operators(ctx, o, servers[1:], provider, &next); err != nil {
			return rep, err
		}
	}
	for _, s := range servers[1:] {
		rep.Stills = append(rep.Stills, standing(s))
	}
	compare(rep.Rows)
	return rep, nil
}

// age stops each server, adds finished verifications to its database, and starts it again.
func age(ctx context.Context, servers []*target.Server, count int64) error {
	for _, s := range servers {
		fmt.Fprintln(os.Stderr, "bench: filling the database of", s.Name)
		s.Process.Stop()
		filled := fill.Run(ctx, fill.Database{Driver: s.Driver, Source: s.Source}, count, os.Stderr)
		if err := errors.Join(filled, s.Start(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// contestants are the servers with the kinds of request that each gets; the empty server gets plain ones for all that are
// verifications, and pages.
func contestants(ctx context.Context, o options, p plan, servers []*target.Server, provider *relay.Relay, next *atomic.Uint64) (all []*caller, err error) {
	for _, s := range servers {
		of := p.requests
		if s.Name == "empty" {
			of = ofEmpty(p.requests)
		}
		for _, kind := range of {
			c, err := newCaller(ctx, s, provider, next, kind, slices.Max(p.callers), o.think)
			if err != nil {
				return nil, fmt.Errorf("%s, requests of kind %s: %w", s.Name, kind, err)
			}
			all = append(all, c)
		}
	}
	return all, nil
}

// ofEmpty are the kinds of request that the empty server is asked, beside those of the others.
func ofEmpty(requests []string) (kinds []string) {
	for _, kind := range requests {
		if !isPage(kind) {
			kind = "plain"
		}
		if !slices.Contains(kinds, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// turns warms each contestant up, then gives each a round in turn.
func turns(ctx context.Context, o options, callers int, all []*caller) (rows []row, err error) {
	rounds := make([][]round, len(all))
	for n := range o.rounds + 1 {
		for i, c := range all {
			length := o.duration
			if n == 0 {
				length = o.warm
			}
			r := once(ctx, c, load.Config{Callers: callers, Duration: length, Count: o.count})
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if r.Failed > int64(len(r.Samples))/100 {
				return nil, fmt.Errorf("%s, %s, at %d callers: %d of %d failed, the first with: %w",
					c.server.Name, c.kind, callers, r.Failed, r.Failed+int64(len(r.Samples)), r.Err)
			}
			if n > 0 {
				rounds[i] = append(rounds[i], r)
			}
		}
	}
	for i, c := range all {
		rows = append(rows, summarize(c.server.Name, c.kind, callers, rounds[i]))
	}
	return rows, nil
}

// once runs one round.
func once(ctx context.Context, c *caller, cfg load.Config) round {
	server, database, generator := c.server.Process.Usage(), c.server.Database.Usage(), self()
	r := round{Result: load.Run(ctx, cfg, c.work)}
	r.generator = self() - generator
	after := c.server.Process.Usage()
	r.server, r.serverPeak = after.CPU-server.CPU, after.Peak
	after = c.server.Database.Usage()
	r.database, r.databasePeak = after.CPU-database.CPU, after.Peak
	return r
}

// self is the CPU time that this process has used.
func self() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0 // can't fail with these arguments
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
