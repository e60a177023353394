package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/countersign/countersign/internal/tenant"
)

// Level is how bad a finding is.
type Level string

// The levels.
const (
	OK   Level = "ok"
	Warn Level = "warn" // works, with a risk that somebody should know of
	Fail Level = "fail" // does not work, or is not safe
)

// Finding is one thing that the doctor looked at.
type Finding struct {
	Level  Level  `json:"level"`
	What   string `json:"what"`
	Remedy string `json:"remedy,omitempty"` // what to do; empty when all is well
}

// Probe is how the doctor asks what needs the database. A nil function is not asked.
type Probe struct {
	Schema   func(ctx context.Context) (have, want int64, err error) // reaches the database
	Key      func(ctx context.Context) error                         // nil: the master key belongs to this database
	Services func(ctx context.Context) ([]tenant.Service, error)     // of all tenants
	Testing  func(ctx context.Context) (int, error)                  // tenants with test numbers switched on
}

// DiagnoseFaults are the findings of a configuration that could not be loaded.
func DiagnoseFaults(err error) []Finding {
	faults, ok := errors.AsType[Faults](err)
	if !ok {
		return []Finding{{Fail, "The configuration can't be read: " + err.Error(), ""}}
	}
	var list []Finding
	for _, f := range faults {
		at := f.File
		if f.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
		}
		list = append(list, Finding{Fail, at + ": " + f.Key + ": " + f.What, f.Remedy})
	}
	return list
}

// Diagnose looks at what a configuration means on this machine: files, clock, disk, database, providers, addresses and
// the rules of safe practice that can be read off. It writes a file into data_dir and removes it, and changes nothing
// else. It takes a few seconds at most when ctx allows.
func Diagnose(ctx context.Context, cfg Config, probe Probe) []Finding {
	d := &doctor{cfg: cfg, now: time.Now()}
	d.files()
	d.clock()
	d.disk()
	d.database(ctx, probe)
	d.providers()
	d.addresses()
	d.practice()
	d.profiles(ctx, probe)
	return d.found
}

type doctor struct {
	cfg   Config
	now   time.Time
	found []Finding
}

func (d *doctor) ok(format string, args ...any) {
	d.found = append(d.found, Finding{Level: OK, What: fmt.Sprintf(format, args...)})
}

func (d *doctor) warn(what, remedy string) { d.found = append(d.found, Finding{Warn, what, remedy}) }
func (d *doctor) fail(what, remedy string) { d.found = append(d.found, Finding{Fail, what, remedy}) }

// database asks whether it is there, with this schema and this key.
func (d *doctor) database(ctx context.Context, probe Probe) {
	if probe.Schema == nil {
		return
	}
	have, want, err := probe.Schema(ctx)
	switch {
	case err != nil:
		d.fail("The database can't be reached: "+err.Error()+".", "See that it runs and that database_url is right.")
		return
	case have > want:
		d.fail(fmt.Sprintf("The database has schema %d, newer than this program knows (%d).", have, want), "Install the version that made it, or a newer one.")
		return
	case have < want:
		d.fail(fmt.Sprintf("The database has schema %d, and this program needs %d.", have, want), "Run: countersign migrate")
		return
	}
	d.ok("The database answers and has schema %d.", have)
	if probe.Key == nil {
		return
	}
	if err := probe.Key(ctx); err != nil {
		d.fail("The master key can't be used with this database: "+err.Error()+".", "Name the key file that belongs to it; nothing else opens it.")
		return
	}
	d.ok("The master key belongs to this database.")
}

// profiles looks at what tenants decided.
func (d *doctor) profiles(ctx context.Context, probe Probe) {
	if probe.Services != nil {
		services, err := probe.Services(ctx)
		if err != nil {
			d.warn("Services could not be read: "+err.Error()+".", "Run the doctor again when the database answers.")
		}
		for _, s := range services {
			d.profile(s)
		}
	}
	if probe.Testing != nil {
		if n, err := probe.Testing(ctx); err == nil && n > 0 {
			d.warn(fmt.Sprintf("Tenants with test numbers switched on: %d. Their codes are fixed.", n), "Switch them off in production.")
		}
	}
}
