package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// NewProbe lets the doctor look into the database that the configuration names, without changing it. A SQLite database
// that is not there yet is not asked for: the first start makes it. Close ends it.
func NewProbe(ctx context.Context, cfg Config) (p Probe, closeIt func() error) {
	closeIt = func() error { return nil }
	if cfg.DatabaseURL == "" {
		if _, err := os.Stat(filepath.Join(cfg.DataDir, sqlite.FileName)); errors.Is(err, fs.ErrNotExist) {
			return Probe{}, closeIt
		}
	}
	engine, err := bareEngine(ctx, cfg)
	if err != nil {
		return Probe{Schema: func(context.Context) (int64, int64, error) { return 0, 0, err }}, closeIt
	}
	db := store.New(store.Config{}, engine, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	return Probe{
		Schema: func(ctx context.Context) (have, want int64, err error) {
			m, err := engine.Schema(ctx, false)
			if errors.Is(err, store.ErrNewer) {
				err = nil // the numbers tell
			}
			return m.From, m.Newest, err
		},
		Key:      func(ctx context.Context) error { return probeKey(ctx, cfg, db) },
		Services: func(ctx context.Context) ([]tenant.Service, error) { return allServices(ctx, db) },
		Testing:  func(ctx context.Context) (int, error) { return withTestNumbers(ctx, db) },
	}, engine.Close
}

// probeKey tells whether the master key opens the index key. A database without one is new and takes any.
func probeKey(ctx context.Context, cfg Config, db *store.DB) error {
	wrapped, err := db.Meta(ctx, indexKeyName)
	if err != nil || wrapped == nil {
		return err
	}
	var ring *seal.Ring
	if cfg.MasterKey != "" {
		ring, err = seal.Parse([]byte(cfg.MasterKey.Reveal()))
	} else {
		ring, err = seal.OpenFile(cfg.KeyFile())
	}
	if err != nil {
		return err
	}
	_, err = ring.UseIndexKey(wrapped)
	return err
}

// probePage is how many tenants are read at once.
const probePage = 100

// eachTenant reads all tenants.
func eachTenant(ctx context.Context, db *store.DB, do func(tenant.Tenant) error) error {
	for after := (uid.Tenant{}); ; {
		list, err := db.Tenants(ctx, after, probePage)
		if err != nil {
			return err
		}
		for _, t := range list {
			if err := do(t); err != nil {
				return err
			}
			after = t.ID
		}
		if len(list) < probePage {
			return nil
		}
	}
}

func allServices(ctx context.Context, db *store.DB) (all []tenant.Service, err error) {
	err = eachTenant(ctx, db, func(t tenant.Tenant) error {
		list, err := db.Services(ctx, t.ID)
		all = append(all, list...)
		return err
	})
	return all, err
}

// withTestNumbers counts the live tenants that have test numbers switched on. Those of a sandbox prove nobody.
func withTestNumbers(ctx context.Context, db *store.DB) (n int, err error) {
	err = eachTenant(ctx, db, func(t tenant.Tenant) error {
		if t.TestNumbers.Enabled && !t.Sandbox {
			n++
		}
		return nil
	})
	return n, err
}
