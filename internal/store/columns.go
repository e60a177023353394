package store

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/verify"
)

// micros is how a time is stored: whole microseconds since 1970 in UTC, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// verificationColumns are read in this order by scanVerification.
const verificationColumns = `v.id, v.tenant, v.blind_index, v.service, v.purpose, v.kind, v.recipient, v.masked, v.country,
	v.status, v.channel, v.code_key, v.code_length, v.generation, v.salt, v.custom_code, v.binding, v.transaction_sealed,
	v.message_text, v.sender, v.locale, v.external_id, v.metadata, v.decision, v.test_number, v.meters, v.sends, v.checks,
	v.max_checks, v.max_sends, v.created_us, v.expires_us, v.resend_us, v.ended_us, v.updated_us`

// verificationRow gives the values of a new verification, in the order of insertVerification.
func verificationRow(v *verify.Verification) ([]any, error) {
	metadata, err := jsonText(v.Metadata, len(v.Metadata) == 0)
	if err != nil {
		return nil, fmt.Errorf("encode metadata: %w", err)
	}
	decision, err := jsonText(v.Decision, v.Decision.Outcome == risk.OutcomeAllow && len(v.Decision.Reasons) == 0)
	if err != nil {
		return nil, fmt.Errorf("encode decision: %w", err)
	}
	meters, err := jsonText(v.Meters, len(v.Meters) == 0)
	if err != nil {
		return nil, fmt.Errorf("encode meters: %w", err)
	}
	return []any{
		int64(v.ID.Bucket()), v.ID[:], v.Tenant[:], v.BlindIndex[:], v.Service[:], string(v.Purpose), int64(v.Kind),
		v.Recipient, v.Masked, v.Country, string(v.Status), string(v.Channel), int64(v.Code.Key), int64(v.Code.Length),
		int64(v.Code.Generation), v.Code.Salt[:], v.Code.Custom, v.Binding, v.Transaction, v.Text, v.Sender, v.Locale,
		v.ExternalID, metadata, decision, v.TestNumber, meters, encodeSends(v.Sends), int64(v.Checks),
		int64(v.MaxChecks), int64(v.MaxSends), micros(v.CreatedAt), micros(v.ExpiresAt), micros(v.ResendAt),
		micros(v.EndedAt), micros(v.UpdatedAt),
	}, nil
}

// changedRow gives the values that a change may touch, in the order of updateVerification.
func changedRow(v *verify.Verification) []any {
	return []any{
		string(v.Status), string(v.Channel), int64(v.Code.Generation), v.Code.Custom, v.Transaction, encodeSends(v.Sends),
		int64(v.Checks), micros(v.ExpiresAt), micros(v.ResendAt), micros(v.EndedAt), micros(v.UpdatedAt),
		int64(v.ID.Bucket()), v.ID[:],
	}
}

// changed reports whether a change touched anything that changedRow writes.
func changed(a, b *verify.Verification) bool {
	return a.Status != b.Status || a.Channel != b.Channel || a.Code.Generation != b.Code.Generation ||
		len(a.Sends) != len(b.Sends) || a.Checks != b.Checks ||
		!a.ExpiresAt.Equal(b.ExpiresAt) || !a.ResendAt.Equal(b.ResendAt) || !a.EndedAt.Equal(b.EndedAt) ||
		(a.Code.Custom == nil) != (b.Code.Custom == nil) || (a.Transaction == nil) != (b.Transaction == nil)
}

// scanVerification reads verificationColumns, after the columns whose places are given first.
func scanVerification(scan func(dest ...any) error, before ...any) (*verify.Verification, error) {
	var (
		v                                                          verify.Verification
		id, tenant, blind, service, salt                           []byte
		purpose, status, channel, metadata, decision, meters, sent string
		kind, key, length, generation                              int64
		checks, maxChecks, maxSends                                int64
		created, expires, resend, ended, updated                   int64
	)
	dest := append(before, &id, &tenant, &blind, &service, &purpose, &kind, &v.Recipient, &v.Masked, &v.Country,
		&status, &channel, &key, &length, &generation, &salt, &v.Code.Custom, &v.Binding, &v.Transaction,
		&v.Text, &v.Sender, &v.Locale, &v.ExternalID, &metadata, &decision, &v.TestNumber, &meters, &sent, &checks,
		&maxChecks, &maxSends, &created, &expires, &resend, &ended, &updated)
	if err := scan(dest...); err != nil {
		return nil, err
	}
	copy(v.ID[:], id)
	copy(v.Tenant[:], tenant)
	copy(v.BlindIndex[:], blind)
	copy(v.Service[:], service)
	copy(v.Code.Salt[:], salt)
	v.Purpose, v.Status, v.Channel = verify.Purpose(purpose), verify.Status(status), delivery.Channel(channel)
	v.Kind = recipient.Kind(kind)
	set(&v.Code.Key, key)
	v.Code.Length, v.Code.Generation = int(length), uint16(generation)
	v.Checks, v.MaxChecks, v.MaxSends = int(checks), int(maxChecks), int(maxSends)
	v.CreatedAt, v.ExpiresAt, v.ResendAt = fromMicros(created), fromMicros(expires), fromMicros(resend)
	v.EndedAt, v.UpdatedAt = fromMicros(ended), fromMicros(updated)
	v.Decision = risk.Decision{Outcome: risk.OutcomeAllow, Reasons: []string{}}
	return &v, decodeParts(&v, metadata, decision, meters, sent)
}

func decodeParts(v *verify.Verification, metadata, decision, meters, sent string) (err error) {
	if v.Sends, err = decodeSends(sent); err != nil {
		return fmt.Errorf("decode sends of %s: %w", v.ID, err)
	}
	for _, part := range []struct {
		text string
		into any
	}{{metadata, &v.Metadata}, {decision, &v.Decision}, {meters, &v.Meters}} {
		if part.text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(part.text), part.into); err != nil {
			return fmt.Errorf("decode verification %s: %w", v.ID, err)
		}
	}
	return nil
}

// set gives a key's version to a field whose type belongs to a package that the store must not know.
func set[T ~uint32](field *T, n int64) { *field = T(n) }

// jsonText is v as JSON, or nothing when there is nothing to say.
func jsonText(v any, empty bool) (string, error) {
	if empty {
		return "", nil
	}
	b, err := json.Marshal(v)
	return string(b), err
}

// contactColumns are read in this order by scanContact.
const contactColumns = `bucket, tenant, blind_index, sends, wrong, proven_us, touched_us`

func scanContact(scan func(dest ...any) error) (k contactKey, st contactState, err error) {
	var (
		bucket, proven             int64
		tenant, blind, sent, wrong []byte
	)
	if err := scan(&bucket, &tenant, &blind, &sent, &wrong, &proven, &st.version); err != nil {
		return k, st, err
	}
	k.bucket = uint16(bucket)
	copy(k.tenant[:], tenant)
	copy(k.blind[:], blind)
	c := &st.contact
	c.ProvenAt = fromMicros(proven)
	if c.Sends, err = ratelimit.Decode(sent); err != nil {
		return k, st, fmt.Errorf("decode sends of a recipient: %w", err)
	}
	if c.Wrong, err = ratelimit.Decode(wrong); err != nil {
		return k, st, fmt.Errorf("decode wrong checks of a recipient: %w", err)
	}
	return k, st, nil
}

// encodeWindow is the stored form of a window; an empty one is NULL.
func encodeWindow(w ratelimit.Window) []byte {
	b, _ := w.AppendBinary(nil) // the error is always nil
	return b
}
