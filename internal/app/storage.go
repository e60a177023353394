package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/handover"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// indexKeyName is where the wrapped index key stands in the database.
const indexKeyName = "index_key"

// logName is the name of the audit log; it stands in every checkpoint.
const logName = "main"

var errOldSchema = errors.New("the database has an older schema: run `countersign migrate`, then start again")

// storage is the database with its keys, opened for a server or for a command.
type storage struct {
	engine store.Engine
	db     *store.DB
	ring   *seal.Ring
	signer *audit.Signer
}

// openRing reads the master key. Without a key file of its own, an installation on SQLite (or in development) makes
// one in the data directory at its first start; a database that several servers share must be told its key.
func openRing(cfg Config) (*seal.Ring, error) {
	if cfg.MasterKey != "" {
		return seal.Parse([]byte(cfg.MasterKey.Reveal()))
	}
	path := cfg.KeyFile()
	if cfg.MasterKeyFile == "" {
		if cfg.DatabaseURL != "" && !cfg.DevMode {
			return nil, errors.New("master_key_file is missing: with PostgreSQL every server needs the same key; make one with " +
				"`(umask 077; openssl rand -base64 32 > master.key)`, copy it to each, and name it in the configuration")
		}
		if err := makeKey(cfg, path); err != nil {
			return nil, err
		}
	}
	return seal.OpenFile(path)
}

// makeKey makes the key of a new installation. A database that is there without its key is not given another one.
func makeKey(cfg Config, path string) error {
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		return nil // there, or unreadable: opening it will tell
	}
	if cfg.DatabaseURL == "" {
		if info, err := os.Stat(filepath.Join(cfg.DataDir, sqlite.FileName)); err == nil && info.Size() > 0 {
			return fmt.Errorf("%s is missing, and the database beside it can't be read without it: put the key back from its backup", path)
		}
	}
	return seal.CreateFile(path)
}

// openEngine opens the database that the configuration names. Only SQLite is migrated here, and only when apply is set.
func openEngine(ctx context.Context, cfg Config, apply bool) (store.Engine, error) {
	engine, err := bareEngine(ctx, cfg)
	if err != nil {
		return nil, err
	}
	schema, err := engine.Schema(ctx, apply && engine.Name() == "sqlite" || cfg.DevMode)
	if err == nil && !schema.Current() {
		err = errOldSchema
	}
	if err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	return engine, nil
}

// openStorage opens all of it. Nothing is written before the master key has been found to be the right one.
func openStorage(ctx context.Context, cfg Config, queue *outbox.Queue, log *slog.Logger, reg prometheus.Registerer) (*storage, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil { // the key may be made in it
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	ring, err := openRing(cfg)
	if err != nil {
		return nil, fmt.Errorf("master key: %w", err)
	}
	engine, err := openEngine(ctx, cfg, true)
	if err != nil {
		return nil, err
	}
	s := &storage{engine: engine, ring: ring}
	s.db = store.New(store.Config{Queue: queue}, engine, log, reg)
	if err := s.useIndexKey(ctx); err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	if s.signer, err = audit.NewSigner(logName, ring.SigningKey()); err != nil {
		return nil, errors.Join(err, engine.Close())
	}
	return s, nil
}

// useIndexKey unwraps the index key, which also proves that the master key belongs to this database, and makes one for
// a new database. Of several servers that start at once, all use the one that was stored first.
func (s *storage) useIndexKey(ctx context.Context) error {
	wrapped, err := s.db.Meta(ctx, indexKeyName)
	if err != nil {
		return err
	}
	if wrapped == nil {
		fresh, err := s.ring.NewIndexKey()
		if err != nil {
			return err
		}
		if wrapped, err = s.db.PutMeta(ctx, indexKeyName, nil, fresh); err != nil {
			return err
		}
	}
	again, err := s.ring.UseIndexKey(wrapped)
	if errors.Is(err, seal.ErrWrongKey) {
		return errors.New("the master key does not belong to this database: nothing was written; name the right master_key_file")
	}
	if err != nil {
		return fmt.Errorf("open the index key: %w", err)
	}
	if again == nil {
		return nil
	}
	stands, err := s.db.PutMeta(ctx, indexKeyName, wrapped, again)
	if err == nil && !bytes.Equal(stands, again) {
		_, err = s.ring.UseIndexKey(stands) // another server wrapped it anew at the same moment
	}
	return err
}

// retain removes what is past its time, keys of signed results among it, on whichever server has the lease, until ctx ends.
func retain(ctx context.Context, cfg Config, s *storage, factors *factor.Service, keys *handover.Signer, log *slog.Logger) error {
	owner := uid.Random(time.Now())
	tick := time.NewTicker(retainEvery)
	defer tick.Stop()
	for {
		if err := s.retainOnce(ctx, cfg, factors, keys, owner, time.Now()); err != nil && ctx.Err() == nil {
			log.Warn("retention failed and will be tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// retainEvery is how often retention runs: often enough that tables stay small, seldom enough not to be seen.
const retainEvery = 5 * time.Minute

func (s *storage) retainOnce(ctx context.Context, cfg Config, factors *factor.Service, keys *handover.Signer, owner uid.ID, now time.Time) error {
	mine, err := s.db.Lease(ctx, "retention", owner, now, now.Add(2*retainEvery))
	if err != nil || !mine {
		return err
	}
	keep := store.Retention{Verifications: cfg.Retention.Verifications, Contacts: longestLimit(cfg.TenantLimits())}
	_, err = s.db.Sweep(ctx, keep)
	_, left := factors.Sweep(ctx) // of services that are gone
	turned := keys.Turn(ctx)      // keys that can't be read don't keep anything else
	if err = errors.Join(err, left); err != nil || cfg.Retention.Events == 0 {
		return errors.Join(err, turned) // without a time, events are kept for ever
	}
	_, err = audit.PruneEvents(ctx, s.db, s.signer, now.Add(-cfg.Retention.Events).Truncate(24*time.Hour), now)
	return errors.Join(err, turned)
}

// longestLimit is the longest time that anything is counted for a recipient.
func longestLimit(l tenant.Limits) time.Duration {
	longest := max(l.WrongPerClient.Period, l.WrongTotal.Period, l.WrongPause)
	for _, limit := range slices.Concat(l.Recipient, l.RecipientNew) {
		longest = max(longest, limit.Period)
	}
	return longest
}
