package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

var _ webhook.Store = (*DB)(nil)

// hooks runs fn and writes the effects in one transaction. The faults of package webhook pass through as they are.
func (db *DB) hooks(ctx context.Context, doing string, fx outbox.Effects, fn func(tx *sql.Tx) error) error {
	err := db.write(ctx, func(tx *sql.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if err := insertJobs(ctx, tx, fx.Jobs); err != nil {
			return err
		}
		return insertEvents(ctx, tx, fx.Events, db.Now())
	})
	if errors.Is(err, tenant.ErrAnswered) {
		return webhook.ErrAnswered
	}
	for _, known := range []error{webhook.ErrNotFound, webhook.ErrStale, webhook.ErrTooMany, webhook.ErrTopic, webhook.ErrMoved} {
		if errors.Is(err, known) {
			return known
		}
	}
	return db.away(doing, err)
}

// insertMany inserts rows by as few statements as keep the number of parameters small. head ends before VALUES.
func insertMany(ctx context.Context, tx *sql.Tx, head string, rows [][]any) error {
	const together = 32
	for chunk := range slices.Chunk(rows, together) {
		var text strings.Builder
		text.WriteString(head + ` VALUES `)
		var args []any
		for i, row := range chunk {
			if i > 0 {
				text.WriteByte(',')
			}
			for k := range row {
				fmt.Fprintf(&text, "%c$%d", "(,"[min(k, 1)], len(args)+k+1)
			}
			text.WriteByte(')')
			args = append(args, row...)
		}
		if _, err := tx.ExecContext(ctx, text.String(), args...); err != nil {
			return err
		}
	}
	return nil
}

// insertJobs writes jobs that nobody holds yet, in a transaction that is no batch.
func insertJobs(ctx context.Context, tx *sql.Tx, jobs []outbox.Job) error {
	return insertMany(ctx, tx, insertJobColumns, jobRows(jobs, uid.ID{}))
}

const endpointColumns = `tenant, id, url, description, events, enabled, off, secret, previous, previous_until_us, since_us,
	created_us, updated_us, version, dialect, service, once, settings`

func endpointRow(e webhook.Endpoint) ([]any, error) {
	events, err := jsonText(e.Events, len(e.Events) == 0)
	if err != nil {
		return nil, fmt.Errorf("encode a filter: %w", err)
	}
	settings, err := jsonText(e.Settings, len(e.Settings) == 0)
	if err != nil {
		return nil, fmt.Errorf("encode settings: %w", err)
	}
	var service []byte
	if !e.Service.IsZero() {
		service = e.Service[:]
	}
	return []any{e.Tenant[:], e.ID[:], e.URL, e.Description, events, e.Enabled, e.Off, e.Secret, e.Previous, micros(e.PreviousUntil),
		micros(e.Since), micros(e.CreatedAt), micros(e.UpdatedAt), e.Version, e.Dialect, service, e.Once, settings}, nil
}

func scanEndpoint(scan func(...any) error) (e webhook.Endpoint, err error) {
	var events, settings string
	var service []byte
	var until, since, created, updated int64
	if err := scan(&e.Tenant, &e.ID, &e.URL, &e.Description, &events, &e.Enabled, &e.Off, &e.Secret, &e.Previous, &until, &since,
		&created, &updated, &e.Version, &e.Dialect, &service, &e.Once, &settings); err != nil {
		return e, err
	}
	copy(e.Service[:], service)
	if settings != "" {
		if err := json.Unmarshal([]byte(settings), &e.Settings); err != nil {
			return e, err
		}
	}
	e.PreviousUntil, e.Since, e.CreatedAt, e.UpdatedAt = fromMicros(until), fromMicros(since), fromMicros(created), fromMicros(updated)
	e.Events, err = filterOf(events)
	return e, err
}

// filterOf reads a filter; nothing stands for all.
func filterOf(text string) (filter []string, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &filter)
	}
	return filter, err
}

// CreateEndpoint implements webhook.Store.
func (db *DB) CreateEndpoint(ctx context.Context, e webhook.Endpoint, most int, keep *webhook.Answer, fx outbox.Effects) error {
	row, err := endpointRow(e)
	if err != nil {
		return err
	}
	return db.hooks(ctx, "create a webhook", fx, func(tx *sql.Tx) error {
		if err := keepAnswer(ctx, tx, keep); err != nil {
			return err
		}
		// Two that count at once would both find room for the last one.
		if _, err := tx.ExecContext(ctx, db.forChange(`SELECT id FROM tenant WHERE id = $1`), e.Tenant[:]); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM webhook_endpoint WHERE tenant = $1`, e.Tenant[:]).Scan(&n); err != nil {
			return err
		}
		if n >= most {
			return webhook.ErrTooMany
		}
		if err := claimTopic(ctx, tx, e); err != nil {
			return err
		}
		return insertMany(ctx, tx, `INSERT INTO webhook_endpoint (`+endpointColumns+`)`, [][]any{row})
	})
}

// claimTopic gives e its topic, or is ErrTopic when another endpoint has it. The key of the row decides between two that ask at
// once.
func claimTopic(ctx context.Context, tx *sql.Tx, e webhook.Endpoint) error {
	if err := dropTopic(ctx, tx, e.Tenant, e.ID); err != nil || e.Topic == "" {
		return err
	}
	r, err := tx.ExecContext(ctx, `INSERT INTO webhook_topic (tenant, dialect, topic, endpoint) VALUES ($1, $2, $3, $4)
		ON CONFLICT (tenant, dialect, topic) DO NOTHING`, e.Tenant[:], e.Dialect, e.Topic, e.ID[:])
	return one(r, err, webhook.ErrTopic)
}

func dropTopic(ctx context.Context, tx *sql.Tx, t uid.Tenant, id uid.ID) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM webhook_topic WHERE tenant = $1 AND endpoint = $2`, t[:], id[:])
	return err
}

// Endpoint implements webhook.Store.
func (db *DB) Endpoint(ctx context.Context, t uid.Tenant, id uid.ID) (webhook.Endpoint, error) {
	e, err := scanEndpoint(db.engine.Reader().QueryRowContext(ctx, `SELECT `+endpointColumns+` FROM webhook_endpoint
		WHERE tenant = $1 AND id = $2`, t[:], id[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return webhook.Endpoint{}, webhook.ErrNotFound
	}
	return e, db.away("read a webhook", err)
}

// Endpoints implements webhook.Store.
func (db *DB) Endpoints(ctx context.Context, t uid.Tenant) ([]webhook.Endpoint, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT `+endpointColumns+` FROM webhook_endpoint WHERE tenant = $1 ORDER BY id`, t[:])
	list, err := collect(rows, err, scanEndpoint)
	return list, db.away("list webhooks", err)
}

// UpdateEndpoint implements webhook.Store.
func (db *DB) UpdateEndpoint(ctx context.Context, e webhook.Endpoint, keep *webhook.Answer, fx outbox.Effects) error {
	row, err := endpointRow(e)
	if err != nil {
		return err
	}
	return db.hooks(ctx, "update a webhook", fx, func(tx *sql.Tx) error {
		if err := keepAnswer(ctx, tx, keep); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `UPDATE webhook_endpoint SET url = $3, description = $4, events = $5, enabled = $6, off = $7,
			secret = $8, previous = $9, previous_until_us = $10, since_us = $11, created_us = $12, updated_us = $13, version = $14,
			dialect = $15, service = $16, once = $17, settings = $18 WHERE tenant = $1 AND id = $2 AND version = $19`, append(row, e.Version-1)...)
		switch err = one(r, err, webhook.ErrStale); {
		case err == nil:
			return claimTopic(ctx, tx, e)
		case !errors.Is(err, webhook.ErrStale):
			return err
		}
		var there int
		err = tx.QueryRowContext(ctx, `SELECT 1 FROM webhook_endpoint WHERE tenant = $1 AND id = $2`, e.Tenant[:], e.ID[:]).Scan(&there)
		if errors.Is(err, sql.ErrNoRows) {
			return webhook.ErrNotFound
		}
		return webhook.ErrStale
	})
}

// DeleteEndpoint implements webhook.Store.
func (db *DB) DeleteEndpoint(ctx context.Context, t uid.Tenant, id uid.ID, fx outbox.Effects) error {
	return db.hooks(ctx, "delete a webhook", fx, func(tx *sql.Tx) error {
		if err := dropTopic(ctx, tx, t, id); err != nil {
			return err
		}
		r, err := tx.ExecContext(ctx, `DELETE FROM webhook_endpoint WHERE tenant = $1 AND id = $2`, t[:], id[:])
		return one(r, err, webhook.ErrNotFound)
	})
}

// Position implements webhook.Store.
func (db *DB) Position(ctx context.Context) (position int64, err error) {
	err = db.engine.Reader().QueryRowContext(ctx, `SELECT position FROM webhook_position WHERE one = 1`).Scan(&position)
	return position, db.away("read the position of webhooks", err)
}

// Listeners implements webhook.Store.
func (db *DB) Listeners(ctx context.Context) ([]webhook.Listener, error) {
	rows, err := db.engine.Reader().QueryContext(ctx, `SELECT tenant, id, dialect, events, service, since_us FROM webhook_endpoint WHERE enabled = $1`, true)
	list, err := collect(rows, err, func(scan func(...any) error) (l webhook.Listener, err error) {
		var events string
		var service []byte
		var since int64
		if err := scan(&l.Tenant, &l.ID, &l.Dialect, &events, &service, &since); err != nil {
			return l, err
		}
		copy(l.Service[:], service)
		l.Since = fromMicros(since)
		l.Events, err = filterOf(events)
		return l, err
	})
	return list, db.away("list listeners", err)
}

// Notices implements webhook.Store.
func (db *DB) Notices(ctx context.Context, ids []uid.ID) ([]webhook.Notice, error) {
	var all []webhook.Notice
	for chunk := range slices.Chunk(ids, idChunk) {
		list, args := inList(chunk)
		rows, err := db.engine.Reader().QueryContext(ctx, `SELECT e.id, e.tenant, e.type, e.at_us, e.data FROM event e WHERE e.id IN (`+list+`)`, args...)
		some, err := collect(rows, err, func(scan func(...any) error) (n webhook.Notice, err error) {
			var at int64
			var data string
			err = scan(&n.ID, &n.Tenant, &n.Type, &at, &data)
			if data != "" {
				n.Data = []byte(data)
			}
			n.At = fromMicros(at)
			return n, err
		})
		if err != nil {
			return nil, db.away("read events in the order of the log", err)
		}
		all = append(all, some...)
	}
	return all, nil
}

// FanOut implements webhook.Store. The position's row is the guard: of two nodes, the second finds it moved.
func (db *DB) FanOut(ctx context.Context, from, to int64, rows []webhook.Delivery, jobs []outbox.Job) error {
	return db.hooks(ctx, "hand events to webhooks", outbox.Effects{Jobs: jobs}, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `UPDATE webhook_position SET position = $1 WHERE one = 1 AND position = $2`, to, from)
		if err := one(r, err, webhook.ErrMoved); err != nil {
			return err
		}
		return insertHookDeliveries(ctx, tx, rows)
	})
}

const hookDeliveryColumns = `w.id, w.tenant, w.endpoint, w.event, w.type, w.state, w.tries, w.due_us, w.status, w.error, w.latency_us,
	w.answer, w.created_us, w.updated_us`

func insertHookDeliveries(ctx context.Context, tx *sql.Tx, list []webhook.Delivery) error {
	rows := make([][]any, len(list))
	for i, d := range list {
		rows[i] = []any{int64(d.ID.Bucket()), d.ID[:], d.Tenant[:], d.Endpoint[:], d.Event[:], d.Type, string(d.State), d.Tries, micros(d.Due),
			d.Status, d.Error, d.Latency.Microseconds(), d.Answer, micros(d.CreatedAt), micros(d.UpdatedAt)}
	}
	return insertMany(ctx, tx, `INSERT INTO webhook_delivery (bucket, id, tenant, endpoint, event, type, state, tries, due_us, status, error,
		latency_us, answer, created_us, updated_us)`, rows)
}

func scanHookDelivery(scan func(...any) error) (d webhook.Delivery, err error) {
	var state string
	var due, latency, created, updated int64
	err = scan(&d.ID, &d.Tenant, &d.Endpoint, &d.Event, &d.Type, &state, &d.Tries, &due, &d.Status, &d.Error, &latency, &d.Answer,
		&created, &updated)
	d.State, d.Latency = webhook.State(state), time.Duration(latency)*time.Microsecond
	d.Due, d.CreatedAt, d.UpdatedAt = fromMicros(due), fromMicros(created), fromMicros(updated)
	return d, err
}

// hookDelivery reads one delivery of a tenant, with its earlier tries.
func (db *DB) hookDelivery(ctx context.Context, t uid.Tenant, id uid.ID) (webhook.Delivery, error) {
	row := db.engine.Reader().QueryRowContext(ctx, `SELECT `+hookDeliveryColumns+`, w.earlier FROM webhook_delivery w
		WHERE w.bucket = $1 AND w.id = $2 AND w.tenant = $3`, int64(id.Bucket()), id[:], t[:])
	var earlier string
	d, err := scanHookDelivery(func(into ...any) error { return row.Scan(append(into, &earlier)...) })
	if errors.Is(err, sql.ErrNoRows) {
		return d, webhook.ErrNotFound
	}
	if err == nil && earlier != "" {
		err = json.Unmarshal([]byte(earlier), &d.Earlier)
	}
	return d, db.away("read a delivery to a webhook", err)
}

// Work implements webhook.Store.
func (db *DB) Work(ctx context.Context, t uid.Tenant, id uid.ID) (w webhook.Work, err error) {
	if w.Delivery, err = db.hookDelivery(ctx, t, id); err != nil {
		return w, err
	}
	if w.Endpoint, err = db.Endpoint(ctx, t, w.Delivery.Endpoint); err != nil && !errors.Is(err, webhook.ErrNotFound) {
		return w, err
	}
	of := w.Delivery.Event
	w.Event, err = scanEvent(db.engine.Reader().QueryRowContext(ctx, `SELECT `+eventColumns+` FROM event e
		WHERE e.bucket = $1 AND e.id = $2 AND e.tenant = $3`, int64(of.Bucket()), of[:], t[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return w, db.away("read an event", err)
}

// Settle implements webhook.Store.
func (db *DB) Settle(ctx context.Context, d webhook.Delivery, was int, off string, fx outbox.Effects) error {
	earlier, err := jsonText(d.Earlier, len(d.Earlier) == 0)
	if err != nil {
		return fmt.Errorf("encode tries: %w", err)
	}
	err = db.write(ctx, func(tx *sql.Tx) error {
		for _, j := range fx.Done {
			if _, err := tx.ExecContext(ctx, `DELETE FROM job WHERE bucket = $1 AND id = $2`, int64(j.ID.Bucket()), j.ID[:]); err != nil {
				return err
			}
		}
		r, err := tx.ExecContext(ctx, `UPDATE webhook_delivery SET state = $1, tries = $2, due_us = $3, status = $4, error = $5,
			latency_us = $6, answer = $7, updated_us = $8, earlier = $9
			WHERE bucket = $10 AND id = $11 AND tenant = $12 AND state = 'pending' AND tries = $13`,
			string(d.State), d.Tries, micros(d.Due), d.Status, d.Error, d.Latency.Microseconds(), d.Answer, micros(d.UpdatedAt), earlier,
			int64(d.ID.Bucket()), d.ID[:], d.Tenant[:], was)
		switch err := one(r, err, webhook.ErrStale); {
		case errors.Is(err, webhook.ErrStale):
			return nil // somebody else settled it
		case err != nil:
			return err
		}
		if err := insertJobs(ctx, tx, fx.Jobs); err != nil {
			return err
		}
		if off != "" {
			r, err := tx.ExecContext(ctx, `UPDATE webhook_endpoint SET enabled = $1, off = $2, updated_us = $3, version = version + 1
				WHERE tenant = $4 AND id = $5 AND enabled = $6`, false, off, micros(d.UpdatedAt), d.Tenant[:], d.Endpoint[:], true)
			switch err := one(r, err, webhook.ErrStale); {
			case errors.Is(err, webhook.ErrStale):
				return nil // it is off or gone already
			case err != nil:
				return err
			}
		}
		return insertEvents(ctx, tx, fx.Events, db.Now())
	})
	return db.away("settle a delivery to a webhook", err)
}

// AddDelivery implements webhook.Store.
func (db *DB) AddDelivery(ctx context.Context, d webhook.Delivery, keep *webhook.Answer, fx outbox.Effects) error {
	return db.hooks(ctx, "add a delivery to a webhook", fx, func(tx *sql.Tx) error {
		if err := keepAnswer(ctx, tx, keep); err != nil {
			return err
		}
		return insertHookDeliveries(ctx, tx, []webhook.Delivery{d})
	})
}

// Answered implements webhook.Store.
func (db *DB) Answered(ctx context.Context, of webhook.Answer) (webhook.Answer, bool, error) {
	kept, err := db.KeptAnswer(ctx, of)
	if errors.Is(err, tenant.ErrNotFound) {
		return webhook.Answer{}, false, nil
	}
	return kept, err == nil, err
}

// Delivery implements webhook.Store.
func (db *DB) Delivery(ctx context.Context, t uid.Tenant, endpoint, id uid.ID) (webhook.Delivery, error) {
	d, err := db.hookDelivery(ctx, t, id)
	if err == nil && d.Endpoint != endpoint {
		return webhook.Delivery{}, webhook.ErrNotFound
	}
	return d, err
}

// hookScan is how many rows a filtered page looks at.
const hookScan = 1000

// Deliveries implements webhook.Store. Dead ones have an index; others of a state are looked for among a bounded number
// of rows, so a page may be short or empty while more is not zero.
func (db *DB) Deliveries(ctx context.Context, t uid.Tenant, f webhook.DeliveryFilter) ([]webhook.Delivery, uid.ID, error) {
	from, below := f.Within(uid.ID{}, lastID)
	text, limit := `SELECT `+hookDeliveryColumns+` FROM webhook_delivery w WHERE w.tenant = $1 AND w.endpoint = $2 AND w.id >= $3 AND w.id < $4`, f.Limit+1
	switch f.State {
	case webhook.Dead:
		text += ` AND w.state = 'dead'`
	case webhook.Pending, webhook.Delivered:
		limit = hookScan
	}
	rows, err := db.engine.Reader().QueryContext(ctx, text+` ORDER BY w.id `+direction(f.Up())+` LIMIT $5`, t[:], f.Endpoint[:], from[:], below[:], limit)
	list, err := collect(rows, err, scanHookDelivery)
	if err != nil {
		return nil, uid.ID{}, db.away("list deliveries to a webhook", err)
	}
	fits := slices.DeleteFunc(slices.Clone(list), func(d webhook.Delivery) bool { return f.State != "" && d.State != f.State })
	page, more := uid.Cut(fits, f.Page, func(d *webhook.Delivery) uid.ID { return d.ID })
	if more.IsZero() && len(list) == limit && limit == hookScan {
		more = f.Beyond(list[limit-1].ID)
	}
	return page, more, nil
}
