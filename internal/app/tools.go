package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/risk/safelist"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Tools is what commands work with, on the same database as the server, whether it runs or not.
type Tools struct {
	Directory *tenant.Directory

	cfg     Config
	storage *storage
	stop    func()
	stopped chan struct{}
}

// OpenTools opens the database that the configuration names. Close it.
func OpenTools(ctx context.Context, cfg Config) (*Tools, error) {
	log, reg := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	st, err := openStorage(ctx, cfg, nil, log, reg)
	if err != nil {
		return nil, err
	}
	t := &Tools{cfg: cfg, storage: st, stopped: make(chan struct{})}
	if t.Directory, err = newDirectory(cfg, st, log, reg); err != nil {
		return nil, errors.Join(err, st.engine.Close())
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	go func() {
		defer close(t.stopped)
		st.db.Run(running)
	}()
	return t, nil
}

// Close finishes and closes the database.
func (t *Tools) Close() error {
	t.stop()
	<-t.stopped
	return t.storage.engine.Close()
}

// Migrate brings the schema to the newest version and tells from which.
func Migrate(ctx context.Context, cfg Config) (store.Migrated, error) {
	engine, err := bareEngine(ctx, cfg)
	if err != nil {
		return store.Migrated{}, err
	}
	m, err := engine.Schema(ctx, true)
	return m, errors.Join(err, engine.Close())
}

// VerifyAudit reads the whole log and recomputes it, against the checkpoint file when there is one; checkpoints names
// another than the configuration's. What is wrong is in the report.
func (t *Tools) VerifyAudit(ctx context.Context, checkpoints string, progress func(done, total int64)) (audit.Report, error) {
	if checkpoints == "" {
		checkpoints = t.cfg.CheckpointFile()
	}
	outside, err := audit.NewCheckpointFile(checkpoints).Read()
	if err != nil {
		return audit.Report{}, fmt.Errorf("read the checkpoint file: %w", err)
	}
	return audit.Verify(ctx, t.storage.db, audit.VerifyOptions{
		Verifier: t.storage.signer.Verifier(), Outside: outside, Progress: progress,
	})
}

// ExportAudit writes the events of a tenant, or of all for the zero tenant, as JSON lines with their proofs.
func (t *Tools) ExportAudit(ctx context.Context, w io.Writer, of uid.Tenant, since, until time.Time) error {
	return audit.Export(ctx, w, t.storage.db, audit.ExportOptions{
		Verifier: t.storage.signer.Verifier(), Tenant: of, Since: since, Until: until,
	})
}

// subject is a recipient as it is found in the database.
type subject struct {
	to     recipient.Recipient
	tenant uid.Tenant
	bucket uint16
	blind  [16]byte
}

func (t *Tools) subject(of uid.Tenant, to string) (subject, error) {
	r, err := recipient.Parse(to, recipient.Rules{Fiction: true}) // one that was kept when other rules held is found too
	if err != nil {
		return subject{}, err
	}
	ring := t.storage.ring
	return subject{to: r, tenant: of, bucket: ring.Bucket(of, r.Value), blind: ring.BlindIndex(of, r.Value)}, nil
}

// each gives every verification of the subject, newest first.
func (t *Tools) each(ctx context.Context, s subject, do func(v verify.Verification, d []verify.Delivery) error) error {
	for f := (verify.Filter{Bucket: s.bucket, BlindIndex: &s.blind, Limit: 200}); ; {
		page, more, err := t.storage.db.Verifications(ctx, s.tenant, f)
		if err != nil {
			return err
		}
		for _, v := range page {
			_, deliveries, err := t.storage.db.Verification(ctx, s.tenant, v.ID)
			if err != nil {
				return err
			}
			if err := do(v, deliveries); err != nil {
				return err
			}
		}
		if more.IsZero() {
			return nil
		}
		f.Before = more
	}
}

// exportLine is one verification of an export of a subject.
type exportLine struct {
	ID         string            `json:"id"`
	To         string            `json:"to"`
	Status     verify.Status     `json:"status"`
	Purpose    verify.Purpose    `json:"purpose"`
	Channel    string            `json:"channel"`
	Locale     string            `json:"locale,omitempty"`
	ExternalID string            `json:"external_id,omitempty"`
	Metadata   map[string]string `json:"metadata,omitempty"`
	Sends      []verify.Send     `json:"sends"`
	Deliveries []exportDelivery  `json:"deliveries"`
	CreatedAt  time.Time         `json:"created_at"`
	EndedAt    time.Time         `json:"ended_at,omitzero"`
}

type exportDelivery struct {
	Provider string    `json:"provider"`
	State    string    `json:"state"`
	At       time.Time `json:"at"`
}

// exportSafe is the line of an export that says that the number is on the safe list.
type exportSafe struct {
	ID        string    `json:"id"`
	Number    string    `json:"safe_number"`
	CreatedAt time.Time `json:"created_at"`
}

// ExportSubject writes everything kept about a recipient, one JSON object a line.
func (t *Tools) ExportSubject(ctx context.Context, of uid.Tenant, to string, w io.Writer) error {
	s, err := t.subject(of, to)
	if err != nil {
		return err
	}
	out := json.NewEncoder(w)
	switch safe, err := t.storage.db.SafeNumber(ctx, of, s.blind); {
	case err == nil:
		if err := out.Encode(exportSafe{ID: safe.ID.Text(uid.SafeNumber), Number: s.to.Value, CreatedAt: safe.CreatedAt}); err != nil {
			return err
		}
	case !errors.Is(err, safelist.ErrNotFound):
		return err
	}
	if err := t.each(ctx, s, func(v verify.Verification, deliveries []verify.Delivery) error {
		line := exportLine{
			ID: v.ID.Text(uid.Verification), To: s.to.Value, Status: v.Status, Purpose: v.Purpose, Channel: string(v.Channel),
			Locale: v.Locale, ExternalID: v.ExternalID, Metadata: v.Metadata, Sends: v.Sends, Deliveries: []exportDelivery{},
			CreatedAt: v.CreatedAt, EndedAt: v.EndedAt,
		}
		for _, d := range deliveries {
			line.Deliveries = append(line.Deliveries, exportDelivery{Provider: d.Provider, State: string(d.State), At: d.CreatedAt})
		}
		return out.Encode(line)
	}); err != nil {
		return err
	}
	return t.exportInvitations(ctx, s, out)
}

// EraseSubject blanks a recipient in verifications, invitations and events; the log still verifies, and says that it was done and by
// whom (SEC-99). It is refused while one of those is open. It answers how many verifications and events were blanked.
func (t *Tools) EraseSubject(ctx context.Context, of uid.Tenant, to, actor string) (verifications, events int, err error) {
	s, err := t.subject(of, to)
	if err != nil {
		return 0, 0, err
	}
	if err := t.each(ctx, s, func(v verify.Verification, _ []verify.Delivery) error {
		if v.Status == verify.Pending {
			return fault.New(fault.Conflict, "verification_open",
				"A verification of this recipient is open. Cancel it or wait until it has ended, at most ten minutes, and erase again.")
		}
		return nil
	}); err != nil {
		return 0, 0, err
	}
	if err := t.noOpenInvitation(ctx, s); err != nil {
		return 0, 0, err
	}
	if err := t.noOpenImport(ctx, of); err != nil {
		return 0, 0, err
	}
	events, err = audit.EraseSubject(ctx, t.storage.db, audit.Erasure{
		Tenant: of, Bucket: s.bucket, Actor: actor, Is: func(e *audit.Event) (bool, error) {
			value, err := verify.OpenSubject(t.storage.ring, e)
			return value == s.to.Value, err
		},
	}, time.Now())
	if err != nil {
		return 0, 0, err
	}
	n, err := t.storage.db.EraseRecipient(ctx, of, s.bucket, s.blind)
	return int(n), events, err
}

// noOpenImport is the refusal while a file of the tenant is under way: who is in it can't be seen from outside.
func (t *Tools) noOpenImport(ctx context.Context, of uid.Tenant) error {
	for before := (uid.ID{}); ; {
		list, err := t.storage.db.Imports(ctx, of, before, 250)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, im := range list {
			if before = im.ID; im.Status() != invite.ImportDone {
				return fault.New(fault.Conflict, "import_open",
					"A file of invitations is being imported, and the recipient may be in it. Wait until it is done, and erase again.")
			}
		}
	}
}

// RotateMasterKey adds a new version to the key file. Servers use it from their next start; what older versions sealed
// stays readable as long as their lines stay in the file.
func (t *Tools) RotateMasterKey() (seal.KID, error) {
	if t.cfg.MasterKey != "" {
		return 0, errors.New("the master key comes from the environment: add a line to it there")
	}
	return seal.RotateFile(t.cfg.KeyFile())
}
