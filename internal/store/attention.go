package store

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/attention"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

var _ attention.Store = (*DB)(nil)

// found runs a query for ids, which carry their time, and perhaps a better one in a second column.
func (db *DB) found(ctx context.Context, text string, args ...any) ([]attention.Found, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, text, args...)
	list, err := collect(rows, err, func(scan func(...any) error) (f attention.Found, err error) {
		var us int64
		if err = scan(&f.ID, &us); us > 0 {
			f.At = fromMicros(us)
		} else {
			f.At = f.ID.Time().UTC()
		}
		return f, err
	})
	return list, db.away("look for what needs somebody", err)
}

// UndeliverableInvitations implements attention.Store.
func (db *DB) UndeliverableInvitations(ctx context.Context, t uid.Tenant, from uid.ID, limit int) ([]attention.Found, error) {
	keys, args := invitationKeys(t, &invite.Filter{Status: invite.Undeliverable, From: from, Limit: limit})
	return db.found(ctx, `SELECT i.id, 0 FROM (`+keys+`) i ORDER BY i.id DESC`, args...)
}

// UnknownInvitations implements attention.Store.
func (db *DB) UnknownInvitations(ctx context.Context, t uid.Tenant, from uid.ID, limit int) ([]attention.Found, error) {
	return db.found(ctx, `SELECT i.id, 0 FROM invitation i WHERE i.link_unknown AND i.tenant = $1 AND i.id >= $2
		ORDER BY i.id DESC LIMIT $3`, t[:], from[:], limit)
}

// StoppedEndpoints implements attention.Store. A tenant has a few endpoints.
func (db *DB) StoppedEndpoints(ctx context.Context, t uid.Tenant, limit int) ([]attention.Found, error) {
	return db.found(ctx, `SELECT e.id, e.updated_us FROM webhook_endpoint e WHERE e.tenant = $1 AND e.enabled = $2 AND e.off <> $3
		ORDER BY e.updated_us DESC LIMIT $4`, t[:], false, webhook.OffByOwner, limit)
}

// lastTries are looked at of an endpoint, of which fewestTries must have been made to judge it.
const (
	lastTries   = 20
	fewestTries = 3
)

// FailingEndpoints implements attention.Store. Of each endpoint that is on, the last deliveries are read.
func (db *DB) FailingEndpoints(ctx context.Context, t uid.Tenant, from uid.ID, limit int) (failing []attention.Found, err error) {
	on, err := db.found(ctx, `SELECT e.id, e.since_us FROM webhook_endpoint e WHERE e.tenant = $1 AND e.enabled = $2 ORDER BY e.id LIMIT $3`,
		t[:], true, limit)
	if err != nil {
		return nil, err
	}
	for _, e := range on {
		var tried, taken int
		var since int64
		if err := db.engine.Reader().QueryRowContext(ctx, `SELECT count(*), COALESCE(sum(CASE WHEN w.state = 'delivered' THEN 1 ELSE 0 END), 0),
			COALESCE(min(w.updated_us), 0) FROM (SELECT d.state, d.updated_us FROM webhook_delivery d
				WHERE d.tenant = $1 AND d.endpoint = $2 AND d.id >= $3 AND d.tries > 0 ORDER BY d.id DESC LIMIT $4) w`,
			t[:], e.ID[:], from[:], lastTries).Scan(&tried, &taken, &since); err != nil {
			return nil, db.away("look for endpoints that fail", err)
		}
		if tried >= fewestTries && taken == 0 {
			failing = append(failing, attention.Found{ID: e.ID, At: fromMicros(since)})
		}
	}
	return failing, nil
}

// DeadLetters implements attention.Store. The index of the dead begins with the endpoint, so each is asked for.
func (db *DB) DeadLetters(ctx context.Context, t uid.Tenant, from uid.ID, limit int) (dead []attention.Found, err error) {
	all, err := db.found(ctx, `SELECT e.id, e.since_us FROM webhook_endpoint e WHERE e.tenant = $1 ORDER BY e.id LIMIT $2`, t[:], limit)
	for i := 0; err == nil && i < len(all) && len(dead) < limit; i++ {
		var some []attention.Found
		some, err = db.found(ctx, `SELECT w.id, w.updated_us FROM webhook_delivery w WHERE w.tenant = $1 AND w.endpoint = $2 AND w.id >= $3
			AND w.state = 'dead' ORDER BY w.id DESC LIMIT $4`, t[:], all[i].ID[:], from[:], limit-len(dead))
		dead = append(dead, some...)
	}
	return dead, err
}

// DeadJobs implements attention.Store.
func (db *DB) DeadJobs(ctx context.Context, t uid.Tenant, limit int) ([]attention.Found, error) {
	return db.found(ctx, `SELECT j.id, j.due_us FROM job j WHERE j.dead AND j.tenant = $1 ORDER BY j.id DESC LIMIT $2`, t[:], limit)
}

// OldKeys implements attention.Store.
func (db *DB) OldKeys(ctx context.Context, t uid.Tenant, made, now time.Time, limit int) ([]attention.Found, error) {
	return db.found(ctx, `SELECT k.id, k.created_us FROM api_key k WHERE k.tenant = $1 AND k.created_us < $2 AND k.revoked_us = 0
		AND (k.expires_us = 0 OR k.expires_us > $3) ORDER BY k.created_us LIMIT $4`, t[:], micros(made), micros(now), limit)
}

// UnusedKeys implements attention.Store.
func (db *DB) UnusedKeys(ctx context.Context, t uid.Tenant, used, now time.Time, limit int) ([]attention.Found, error) {
	return db.found(ctx, `SELECT k.id, k.last_used_us FROM api_key k WHERE k.tenant = $1 AND k.created_us < $2 AND k.last_used_us < $2
		AND k.revoked_us = 0 AND (k.expires_us = 0 OR k.expires_us > $3) ORDER BY k.last_used_us, k.id LIMIT $4`,
		t[:], micros(used), micros(now), limit)
}

// UnsealedBefore implements attention.Store. The table holds what the sealer has not taken: a second's commits.
func (db *DB) UnsealedBefore(ctx context.Context, before uid.ID, limit int) ([]attention.Found, error) {
	return db.found(ctx, `SELECT p.batch, 0 FROM audit_pending p WHERE p.batch < $1 ORDER BY p.batch LIMIT $2`, before[:], limit)
}
