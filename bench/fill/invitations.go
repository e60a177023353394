package fill

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Invitations is what a database is filled with that operators have lists of.
type Invitations struct {
	Database
	KeyFile string                // of the server: contacts are sealed and found by its keys
	Phone   func(i uint64) string // the number of the i-th customer
}

// FarBack is the key from which the oldest sixth of the invitations is listed.
func FarBack() string { return uid.Floor(time.Now().AddDate(0, 0, -Days*5/6)).Hex() }

// Days is over how many days invitations are spread.
const Days = 30

// What lists are filtered by, beside statuses and days: one reference is of a twentieth of the invitations, and one contact of a
// thousandth, Phone(0). Each but the ones that were just created has a message. A tenth have a link and a timeline, since those are not what lists grow by.
const (
	CampaignReference = "campaign"
	campaign          = 20
	ownReference      = 3
	sameContact       = 1000
	wholeStory        = 10
)

// roll is a number below n for the i-th invitation, another one for each use of it.
func roll(use uint64, i int64, n uint64) uint64 {
	z := (uint64(i) + use<<40) * 0x9e3779b97f4a7c15 // splitmix64
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return (z ^ z>>31) % n
}

// kind is how far some invitations have come, out of a hundred, and what happened to them beside what happens to all.
type kind struct {
	status string
	parts  int
	gated  bool // they have a gate; it is passed from mobile_verified on
	passed bool
	ended  bool
	events []string
}

var kinds = []kind{
	{"created", 1, true, false, false, nil},
	{"sent", 15, true, false, false, []string{"sent"}},
	{"undeliverable", 2, true, false, false, []string{"undeliverable"}},
	{"opened", 7, true, false, false, []string{"sent", "opened"}},
	{"mobile_pending", 5, true, false, false, []string{"sent", "opened", "mobile_code_asked", "mobile_code_sent"}},
	{"mobile_failed", 2, true, false, false, []string{"sent", "opened", "mobile_code_asked", "mobile_code_sent", "mobile_failed"}},
	{"mobile_verified", 2, true, true, false, []string{"sent", "opened", "mobile_code_asked", "mobile_code_sent", "mobile_verified"}},
	{"handed_off", 6, true, true, false, []string{"sent", "opened", "mobile_code_asked", "mobile_code_sent", "mobile_verified", "consented", "handed_off"}},
	{"completed", 30, true, true, true, []string{"sent", "opened", "mobile_code_asked", "mobile_code_sent", "mobile_verified", "consented", "handed_off", "completed"}},
	{"completed", 15, false, false, true, []string{"sent", "opened", "consented", "handed_off", "completed"}},
	{"declined", 2, false, false, true, []string{"sent", "opened", "declined"}},
	{"expired", 10, true, false, true, []string{"sent", "expired"}},
	{"canceled", 3, true, false, true, []string{"sent", "canceled"}},
}

// model is the invitation that is copied, with what differs between copies taken out.
type model struct {
	tenant uid.Tenant
	bodies [][2]string // by kind: before and after the sealed person
	data   map[string]string
}

// sealedMark stands in a body where the sealed person goes.
const sealedMark = "-sealed-"

// Run adds count invitations with their messages, links, events and timelines, and tells progress. The server that owns the database must not
// be running, and must have made an invitation whose customer asked for a code. Names and contacts are sealed and indexed as the
// server does it; links and codes do not open, and the events are in no log.
func (f Invitations) Run(ctx context.Context, count int64, progress io.Writer) error {
	db, err := sql.Open(f.Driver, f.Source)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // so that what prepare sets holds
	if err := prepare(ctx, db, f.Driver); err != nil {
		return err
	}
	ring, err := f.ring(ctx, db)
	if err != nil {
		return err
	}
	m, err := readModel(ctx, db)
	if err != nil {
		return err
	}
	var indexes []index
	for _, table := range []string{"invitation", "invitation_message"} {
		dropped, err := dropIndexes(ctx, db, f.Driver, table)
		if err != nil {
			return err
		}
		indexes = append(indexes, dropped...)
	}
	w := newWriter(f, ring, m, count)
	for _, s := range w.sheets() {
		if err := s.prepare(ctx, db); err != nil {
			return err
		}
	}
	batch := f.Batch
	if batch <= 0 {
		batch = 50_000
	}
	for from := int64(0); from < count; from += batch {
		if err := w.write(ctx, db, from, min(from+batch, count)); err != nil {
			return err
		}
		fmt.Fprintf(progress, "\rfill: %d of %d", min(from+batch, count), count)
	}
	fmt.Fprintln(progress, "\nfill: indexes")
	if err := makeIndexes(ctx, db, indexes); err != nil {
		return err
	}
	return settle(ctx, db, f.Driver)
}

// ring opens the server's keys.
func (f Invitations) ring(ctx context.Context, db *sql.DB) (*seal.Ring, error) {
	ring, err := seal.OpenFile(f.KeyFile)
	if err != nil {
		return nil, err
	}
	var wrapped []byte
	if err := db.QueryRowContext(ctx, "SELECT value FROM meta WHERE name = 'index_key'").Scan(&wrapped); err != nil {
		return nil, fmt.Errorf("fill: index key: %w", err)
	}
	_, err = ring.UseIndexKey(wrapped)
	return ring, err
}

// readModel reads the newest invitation whose customer asked for a code, and what its events say.
func readModel(ctx context.Context, db *sql.DB) (*model, error) {
	var id, tenant []byte
	var text string
	err := db.QueryRowContext(ctx, "SELECT id, tenant, body FROM invitation WHERE status = 'mobile_pending' ORDER BY id DESC LIMIT 1").Scan(&id, &tenant, &text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, errors.New("fill: no invitation to copy whose customer asked for a code")
	}
	if err != nil {
		return nil, err
	}
	m := &model{tenant: uid.Tenant(tenant), data: map[string]string{}}
	for _, k := range kinds {
		body, err := bodyOf(text, k)
		if err != nil {
			return nil, err
		}
		m.bodies = append(m.bodies, body)
	}
	rows, err := db.QueryContext(ctx, "SELECT e.type, e.data FROM invitation_event x JOIN event e ON e.id = x.event WHERE x.invitation = $1", id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var kind, data string
		if err := rows.Scan(&kind, &data); err != nil {
			return nil, err
		}
		m.data[kind] = data
	}
	return m, rows.Err()
}

// bodyOf is the model's body as that of a kind.
func bodyOf(text string, k kind) (out [2]string, err error) {
	var body map[string]any
	numbers := json.NewDecoder(bytes.NewReader([]byte(text)))
	numbers.UseNumber() // durations don't fit a float
	if err := numbers.Decode(&body); err != nil {
		return out, err
	}
	gates, ok := body["gates"].([]any)
	if !ok || len(gates) == 0 {
		return out, errors.New("fill: the invitation to copy has no gate")
	}
	gate := gates[0].(map[string]any)
	delete(gate, "contact") // sealed for the original
	if k.passed {
		gate["passed_at"] = gate["code_ends"]
	}
	body["mobile_2fa"] = k.gated
	if !k.gated {
		delete(body, "gates")
	}
	delete(body, "sessions")
	body["sealed"] = sealedMark
	raw, err := json.Marshal(body)
	if err != nil {
		return out, err
	}
	before, after, found := bytes.Cut(raw, []byte(sealedMark))
	if !found {
		return out, errors.New("fill: an invitation's body has changed")
	}
	return [2]string{string(before), string(after)}, nil
}

// writer writes the copies.
type writer struct {
	f                                        Invitations
	ring                                     *seal.Ring
	m                                        *model
	count                                    int64
	start, yesterday                         time.Time
	order                                    []int // kinds, each as often as it has parts
	invitations, messages, links, events, of sheet
}

func newWriter(f Invitations, ring *seal.Ring, m *model, count int64) *writer {
	now := time.Now().UTC()
	w := &writer{
		f: f, ring: ring, m: m, count: count, start: now.AddDate(0, 0, -Days), yesterday: now.AddDate(0, 0, -1),
		invitations: sheet{table: "invitation", columns: []string{"tenant", "id", "status", "reference", "mobile_2fa", "email_index", "phone_index",
			"due_us", "created_us", "updated_us", "version", "body"}},
		messages: sheet{table: "invitation_message", columns: []string{"tenant", "id", "invitation", "n", "channel", "kind", "masked", "contact_index", "provider",
			"state", "failed", "error", "created_us", "updated_us"}},
		links: sheet{table: "invitation_link", columns: []string{"hash", "tenant", "invitation", "n"}},
		events: sheet{table: "event", columns: []string{"id", "bucket", "tenant", "type", "object", "at_us", "actor", "request_id", "subject",
			"subject_salt", "subject_digest", "data"}},
		of: sheet{table: "invitation_event", columns: []string{"invitation", "n", "event"}},
	}
	for i, k := range kinds {
		w.order = append(w.order, slices.Repeat([]int{i}, k.parts)...)
	}
	return w
}

func (w *writer) sheets() []*sheet {
	return []*sheet{&w.invitations, &w.messages, &w.links, &w.events, &w.of}
}

// write adds the copies from..to in one transaction.
func (w *writer) write(ctx context.Context, db *sql.DB, from, to int64) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for i := from; i < to; i++ {
		if err := w.one(ctx, tx, i); err != nil {
			return err
		}
	}
	for _, s := range w.sheets() {
		if err := s.flush(ctx, tx); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// one adds the i-th copy.
func (w *writer) one(ctx context.Context, tx *sql.Tx, i int64) error {
	at := w.start.Add(time.Duration(float64(Days*24*time.Hour) * float64(i) / float64(w.count))).Truncate(time.Microsecond)
	mobile := w.f.Phone(uint64(i))
	if roll(1, i, sameContact) == 0 {
		mobile = w.f.Phone(0)
	}
	id := uid.New(at, w.ring.Bucket(w.m.tenant, mobile))
	which := w.order[roll(2, i, uint64(len(w.order)))]
	k, index := &kinds[which], w.ring.BlindIndex(w.m.tenant, mobile)
	place := seal.Place{Purpose: "invitation", Tenant: w.m.tenant, Row: append(id[:len(id):len(id)], "person"...)}
	person := w.ring.Seal(place, []byte(`{"first_name":"Ann","last_name":"Lee","mobile":"`+mobile+`"}`))
	body := w.m.bodies[which][0] + base64.StdEncoding.EncodeToString(person) + w.m.bodies[which][1]
	due := int64(0)
	if !k.ended {
		due = at.AddDate(0, 0, 2*Days).UnixMicro() // so that none ends while the pages are measured
	}
	if err := w.invitations.add(ctx, tx, w.m.tenant[:], id[:], k.status, reference(i), k.gated, nil, index[:], due, at.UnixMicro(), at.UnixMicro(),
		int64(len(k.events)+1), body); err != nil {
		return err
	}
	if err := w.message(ctx, tx, id, at, k, index); err != nil {
		return err
	}
	if roll(3, i, wholeStory) > 0 {
		return nil
	}
	var hash [32]byte
	_, _ = rand.Read(hash[:]) // never fails
	if err := w.links.add(ctx, tx, hash[:], w.m.tenant[:], id[:], int64(1)); err != nil {
		return err
	}
	return w.history(ctx, tx, id, at, k)
}

// message adds the message with the link of a copy, which failed where nobody could be reached.
func (w *writer) message(ctx context.Context, tx *sql.Tx, id uid.ID, at time.Time, k *kind, index [16]byte) error {
	state, failed, word := "sent", false, ""
	switch k.status {
	case "created":
		return nil
	case "undeliverable":
		state, failed, word = "failed", true, "unreachable"
	}
	posted := uid.New(at, id.Bucket())
	return w.messages.add(ctx, tx, w.m.tenant[:], posted[:], id[:], int64(1), "sms", "invitation", "+44 ••• 123", index[:], "bench",
		state, failed, word, at.UnixMicro(), at.UnixMicro())
}

// reference is that of the i-th copy: that of the campaign, one of its own, or none.
func reference(i int64) string {
	switch {
	case roll(4, i, campaign) == 0:
		return CampaignReference
	case i%ownReference == 0:
		return fmt.Sprintf("R-%d", i)
	}
	return ""
}

// history adds the events of a copy. Their ids are of the last day, since PostgreSQL has partitions for hardly more.
func (w *writer) history(ctx context.Context, tx *sql.Tx, id uid.ID, at time.Time, k *kind) error {
	day := w.yesterday.Add(at.Sub(w.start) / Days)
	for n, name := range append([]string{"created"}, k.events...) {
		name = "invitation." + name
		data, ok := w.m.data[name]
		if !ok {
			data = `{"status":"` + k.status + `"}`
		}
		event := uid.New(day.Add(time.Duration(n)*time.Millisecond), id.Bucket())
		if err := w.events.add(ctx, tx, event[:], int64(id.Bucket()), w.m.tenant[:], name, id[:], at.UnixMicro(), "system", "", nil, nil, nil, data); err != nil {
			return err
		}
		if err := w.of.add(ctx, tx, id[:], int64(n+1)*64, event[:]); err != nil {
			return err
		}
	}
	return nil
}
