package store

// The statements of the hot path. SQLite runs its text with {rows} filled in for several rows at once, or else row by
// row; PostgreSQL runs its text once with each column as an array. They stand side by side here and nowhere else; the
// conformance suite runs the same changes through both and compares what is left.

// Reading. Bucket equality stands in every statement, so that a distributed engine asks one shard. SQLite takes the
// tables of a CROSS JOIN in the order in which they stand: left to itself, it reads a whole table for many rows.

var selectIdentity = &Hot{ // what never changes of a verification: whose it is and which recipient's
	Kinds: []Kind{Int, Bytes},
	Postgres: `SELECT v.id, v.tenant, v.blind_index FROM unnest($1::bigint[], $2::bytea[]) u (bucket, id)
		JOIN verification v ON v.bucket = u.bucket AND v.id = u.id`,
}

var selectContact = &Hot{
	Kinds: []Kind{Int, Bytes, Bytes},
	SQLite: `SELECT ` + contactColumns + ` FROM (VALUES {rows}) u CROSS JOIN recipient_state
		ON bucket = u.column1 AND tenant = u.column2 AND blind_index = u.column3`,
	Postgres: `SELECT r.bucket, r.tenant, r.blind_index, r.sends, r.wrong, r.proven_us, r.touched_us
		FROM unnest($1::bigint[], $2::bytea[], $3::bytea[]) u (bucket, tenant, blind_index)
		JOIN recipient_state r ON r.bucket = u.bucket AND r.tenant = u.tenant AND r.blind_index = u.blind_index
		ORDER BY r.bucket, r.tenant, r.blind_index FOR UPDATE OF r`,
}

var selectMeter = &Hot{
	Kinds: []Kind{Int, Bytes},
	SQLite: `SELECT bucket, meter_key, state_us FROM (VALUES {rows}) u CROSS JOIN client_meter
		ON bucket = u.column1 AND meter_key = u.column2`,
	Postgres: `SELECT m.bucket, m.meter_key, m.state_us FROM unnest($1::bigint[], $2::bytea[]) u (bucket, meter_key)
		JOIN client_meter m ON m.bucket = u.bucket AND m.meter_key = u.meter_key
		ORDER BY m.bucket, m.meter_key FOR UPDATE OF m`,
}

var selectAnswer = &Hot{
	Kinds: []Kind{Int, Bytes},
	SQLite: `SELECT bucket, answer_key, body, answer, at_us FROM (VALUES {rows}) u CROSS JOIN idempotency
		ON bucket = u.column1 AND answer_key = u.column2`,
	Postgres: `SELECT a.bucket, a.answer_key, a.body, a.answer, a.at_us
		FROM unnest($1::bigint[], $2::bytea[]) u (bucket, answer_key)
		JOIN idempotency a ON a.bucket = u.bucket AND a.answer_key = u.answer_key
		ORDER BY a.bucket, a.answer_key FOR UPDATE OF a`,
}

var selectVerification = &Hot{
	Kinds:  []Kind{Int, Bytes},
	SQLite: `SELECT ` + verificationColumns + ` FROM (VALUES {rows}) u CROSS JOIN verification v ON v.id = u.column2`,
	Postgres: `SELECT ` + verificationColumns + ` FROM unnest($1::bigint[], $2::bytea[]) u (bucket, id)
		JOIN verification v ON v.bucket = u.bucket AND v.id = u.id`,
}

var selectOpen = &Hot{
	Kinds: []Kind{Int, Bytes, Bytes, Bytes, Text},
	SQLite: `SELECT ` + verificationColumns + ` FROM (VALUES {rows}) u
		CROSS JOIN open_verification o ON o.bucket = u.column1 AND o.tenant = u.column2 AND o.blind_index = u.column3
			AND o.service = u.column4 AND o.purpose = u.column5
		CROSS JOIN verification v ON v.id = o.id`,
	Postgres: `SELECT ` + verificationColumns + `
		FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[]) u (bucket, tenant, blind_index, service, purpose)
		JOIN open_verification o ON o.bucket = u.bucket AND o.tenant = u.tenant AND o.blind_index = u.blind_index
			AND o.service = u.service AND o.purpose = u.purpose
		JOIN verification v ON v.bucket = o.bucket AND v.id = o.id`,
}

var selectDeliveries = &Hot{
	Kinds:  []Kind{Int, Bytes},
	SQLite: `SELECT ` + deliveryColumns + ` FROM (VALUES {rows}) u CROSS JOIN delivery d ON d.verification_id = u.column2`,
	Postgres: `SELECT ` + deliveryColumns + ` FROM unnest($1::bigint[], $2::bytea[]) u (bucket, id)
		JOIN delivery d ON d.bucket = u.bucket AND d.verification_id = u.id`,
}

// Locking. PostgreSQL can't lock a row that is not there, so missing ones are made first. SQLite has one writer.

var ensureContact = &Hot{
	Kinds: []Kind{Int, Bytes, Bytes, Int},
	Postgres: `INSERT INTO recipient_state (bucket, tenant, blind_index, proven_us, touched_us)
		SELECT bucket, tenant, blind_index, 0, at
		FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bigint[]) u (bucket, tenant, blind_index, at)
		ORDER BY bucket, tenant, blind_index ON CONFLICT DO NOTHING`,
}

var ensureMeter = &Hot{
	Kinds: []Kind{Int, Bytes},
	Postgres: `INSERT INTO client_meter (bucket, meter_key, state_us)
		SELECT bucket, meter_key, 0 FROM unnest($1::bigint[], $2::bytea[]) u (bucket, meter_key)
		ORDER BY bucket, meter_key ON CONFLICT DO NOTHING`,
}

var ensureAnswer = &Hot{
	Kinds: []Kind{Int, Bytes, Int},
	Postgres: `INSERT INTO idempotency (bucket, answer_key, at_us)
		SELECT bucket, answer_key, at FROM unnest($1::bigint[], $2::bytea[], $3::bigint[]) u (bucket, answer_key, at)
		ORDER BY bucket, answer_key ON CONFLICT DO NOTHING`,
}

// dropAnswer takes back what ensureAnswer made for a request that kept nothing.
var dropAnswer = &Hot{
	Kinds: []Kind{Int, Bytes},
	Postgres: `DELETE FROM idempotency a USING unnest($1::bigint[], $2::bytea[]) u (bucket, answer_key)
		WHERE a.bucket = u.bucket AND a.answer_key = u.answer_key AND a.answer IS NULL`,
}

// Writing.

const insertVerificationColumns = `INSERT INTO verification (bucket, id, tenant, blind_index, service, purpose, kind, recipient,
	masked, country, status, channel, code_key, code_length, generation, salt, custom_code, binding, transaction_sealed,
	message_text, sender, locale, external_id, metadata, decision, test_number, meters, sends, checks, max_checks, max_sends,
	created_us, expires_us, resend_us, ended_us, updated_us)`

var insertVerification = &Hot{
	Kinds: []Kind{Int, Bytes, Bytes, Bytes, Bytes, Text, Int, Bytes, Text, Text, Text, Text, Int, Int, Int, Bytes, Bytes,
		Bytes, Bytes, Text, Text, Text, Text, Text, Text, Bool, Text, Text, Int, Int, Int, Int, Int, Int, Int, Int},
	SQLite: insertVerificationColumns + ` VALUES {rows}`,
	Postgres: insertVerificationColumns + ` SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[],
		$5::bytea[], $6::text[], $7::bigint[], $8::bytea[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[],
		$14::bigint[], $15::bigint[], $16::bytea[], $17::bytea[], $18::bytea[], $19::bytea[], $20::text[], $21::text[],
		$22::text[], $23::text[], $24::text[], $25::text[], $26::boolean[], $27::text[], $28::text[], $29::bigint[],
		$30::bigint[], $31::bigint[], $32::bigint[], $33::bigint[], $34::bigint[], $35::bigint[], $36::bigint[])`,
}

var updateVerification = &Hot{
	Kinds: []Kind{Text, Text, Int, Bytes, Bytes, Text, Int, Int, Int, Int, Int, Int, Bytes},
	SQLite: `UPDATE verification SET status = ?, channel = ?, generation = ?, custom_code = ?, transaction_sealed = ?,
		sends = ?, checks = ?, expires_us = ?, resend_us = ?, ended_us = ?, updated_us = ?
		WHERE bucket = ? AND id = ?`,
	Postgres: `UPDATE verification v SET status = u.status, channel = u.channel, generation = u.generation,
		custom_code = u.custom_code, transaction_sealed = u.transaction_sealed, sends = u.sends, checks = u.checks,
		 expires_us = u.expires_us, resend_us = u.resend_us, ended_us = u.ended_us, updated_us = u.updated_us
		FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::bytea[], $6::text[], $7::bigint[], $8::bigint[],
			$9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bytea[])
			u (status, channel, generation, custom_code, transaction_sealed, sends, checks, expires_us,
			resend_us, ended_us, updated_us, bucket, id)
		WHERE v.bucket = u.bucket AND v.id = u.id`,
}

var putContact = &Hot{
	Kinds: []Kind{Int, Bytes, Bytes, Bytes, Bytes, Int, Int},
	SQLite: `INSERT INTO recipient_state (bucket, tenant, blind_index, sends, wrong, proven_us, touched_us)
		VALUES {rows} ON CONFLICT (bucket, tenant, blind_index) DO UPDATE
		SET sends = excluded.sends, wrong = excluded.wrong, proven_us = excluded.proven_us, touched_us = excluded.touched_us`,
	Postgres: `UPDATE recipient_state r SET sends = u.sends, wrong = u.wrong, proven_us = u.proven_us, touched_us = u.touched_us
		FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bigint[], $7::bigint[])
			u (bucket, tenant, blind_index, sends, wrong, proven_us, touched_us)
		WHERE r.bucket = u.bucket AND r.tenant = u.tenant AND r.blind_index = u.blind_index`,
}

var putOpen = &Hot{
	Kinds: []Kind{Int, Bytes, Bytes, Bytes, Text, Bytes, Int},
	SQLite: `INSERT INTO open_verification (bucket, tenant, blind_index, service, purpose, id, ends_us)
		VALUES {rows}
		ON CONFLICT (bucket, tenant, blind_index, service, purpose) DO UPDATE SET id = excluded.id, ends_us = excluded.ends_us`,
	Postgres: `INSERT INTO open_verification (bucket, tenant, blind_index, service, purpose, id, ends_us)
		SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[], $6::bytea[], $7::bigint[])
		ON CONFLICT (bucket, tenant, blind_index, service, purpose) DO UPDATE SET id = excluded.id, ends_us = excluded.ends_us`,
}

// dropOpen takes the place away only from the verification that held it.
var dropOpen = &Hot{
	Kinds: []Kind{Int, Bytes, Bytes, Bytes, Text, Bytes},
	SQLite: `DELETE FROM open_verification
		WHERE bucket = ? AND tenant = ? AND blind_index = ? AND service = ? AND purpose = ? AND id = ?`,
	Postgres: `DELETE FROM open_verification o
		USING unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::text[], $6::bytea[])
			u (bucket, tenant, blind_index, service, purpose, id)
		WHERE o.bucket = u.bucket AND o.tenant = u.tenant AND o.blind_index = u.blind_index AND o.service = u.service
			AND o.purpose = u.purpose AND o.id = u.id`,
}

const deliveryColumns = `d.verification_id, d.n, d.send, d.provider, d.channel, d.state, d.error, d.reference, d.echoes,
	d.latency_us, d.price_amount, d.price_currency, d.segments, d.created_us, d.updated_us`

const insertDeliveryColumns = `INSERT INTO delivery (bucket, verification_id, n, tenant, send, provider, channel, state, error,
	reference, echoes, latency_us, price_amount, price_currency, segments, created_us, updated_us)`

const replaceDelivery = ` DO UPDATE SET state = excluded.state, error = excluded.error,
	reference = excluded.reference, latency_us = excluded.latency_us, price_amount = excluded.price_amount,
	price_currency = excluded.price_currency, updated_us = excluded.updated_us`

const deliveriesOfArrays = ` SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bigint[], $4::bytea[], $5::bigint[],
	$6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::boolean[], $12::bigint[], $13::text[], $14::text[],
	$15::bigint[], $16::bigint[], $17::bigint[])`

var putDelivery = &Hot{
	Kinds:    []Kind{Int, Bytes, Int, Bytes, Int, Text, Text, Text, Text, Text, Bool, Int, Text, Text, Int, Int, Int},
	SQLite:   insertDeliveryColumns + ` VALUES {rows} ON CONFLICT (verification_id, n)` + replaceDelivery,
	Postgres: insertDeliveryColumns + deliveriesOfArrays + ` ON CONFLICT (bucket, verification_id, n)` + replaceDelivery,
}

// insertDelivery fails when the number is taken: by somebody who has taken the send over.
var insertDelivery = &Hot{
	Kinds:    putDelivery.Kinds,
	SQLite:   insertDeliveryColumns + ` VALUES {rows}`,
	Postgres: insertDeliveryColumns + deliveriesOfArrays,
}

const insertReferenceColumns = `INSERT INTO provider_reference (bucket, provider, reference, tenant, verification_id, n, created_us)`

var putReference = &Hot{
	Kinds: []Kind{Int, Text, Text, Bytes, Bytes, Int, Int},
	SQLite: insertReferenceColumns + ` VALUES {rows}
		ON CONFLICT (bucket, provider, reference) DO NOTHING`,
	Postgres: insertReferenceColumns + ` SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bytea[], $5::bytea[],
		$6::bigint[], $7::bigint[]) ON CONFLICT (bucket, provider, reference) DO NOTHING`,
}

const insertJobColumns = `INSERT INTO job (bucket, id, kind, tenant, object, n, payload, due_us, attempt, lease_owner, claim_us)`

var insertJob = &Hot{
	Kinds:  []Kind{Int, Bytes, Text, Bytes, Bytes, Int, Bytes, Int, Int, Bytes, Int},
	SQLite: insertJobColumns + ` VALUES {rows}`,
	Postgres: insertJobColumns + ` SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::text[], $4::bytea[], $5::bytea[],
		$6::bigint[], $7::bytea[], $8::bigint[], $9::bigint[], $10::bytea[], $11::bigint[])`,
}

var deleteJob = &Hot{
	Kinds:  []Kind{Int, Bytes},
	SQLite: `DELETE FROM job WHERE bucket = ? AND id = ?`,
	Postgres: `DELETE FROM job j USING unnest($1::bigint[], $2::bytea[]) u (bucket, id)
		WHERE j.bucket = u.bucket AND j.id = u.id`,
}

const insertEventColumns = `INSERT INTO event (bucket, id, tenant, type, object, at_us, actor, request_id, subject, subject_salt,
	subject_digest, data)`

var insertEvent = &Hot{
	Kinds:  []Kind{Int, Bytes, Bytes, Text, Bytes, Int, Text, Text, Bytes, Bytes, Bytes, Text},
	SQLite: insertEventColumns + ` VALUES {rows}`,
	Postgres: insertEventColumns + ` SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::text[], $5::bytea[],
		$6::bigint[], $7::text[], $8::text[], $9::bytea[], $10::bytea[], $11::bytea[], $12::text[])`,
}

var insertPending = &Hot{
	Kinds:  []Kind{Int, Bytes, Bytes},
	SQLite: `INSERT INTO audit_pending (bucket, batch, entries) VALUES {rows}`,
	Postgres: `INSERT INTO audit_pending (bucket, batch, entries)
		SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[])`,
}

var putMeter = &Hot{
	Kinds: []Kind{Int, Bytes, Int},
	SQLite: `INSERT INTO client_meter (bucket, meter_key, state_us) VALUES {rows}
		ON CONFLICT (bucket, meter_key) DO UPDATE SET state_us = excluded.state_us`,
	Postgres: `UPDATE client_meter m SET state_us = u.state_us
		FROM unnest($1::bigint[], $2::bytea[], $3::bigint[]) u (bucket, meter_key, state_us)
		WHERE m.bucket = u.bucket AND m.meter_key = u.meter_key`,
}

var putAnswer = &Hot{
	Kinds: []Kind{Int, Bytes, Bytes, Bytes, Int},
	SQLite: `INSERT INTO idempotency (bucket, answer_key, body, answer, at_us) VALUES {rows}
		ON CONFLICT (bucket, answer_key) DO UPDATE SET body = excluded.body, answer = excluded.answer, at_us = excluded.at_us`,
	Postgres: `UPDATE idempotency a SET body = u.body, answer = u.answer, at_us = u.at_us
		FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bigint[]) u (bucket, answer_key, body, answer, at_us)
		WHERE a.bucket = u.bucket AND a.answer_key = u.answer_key`,
}

// putToken makes a batch write something that would write nothing, so that a change of nothing takes as long as a change;
// and where a commit may get no answer, it leaves a mark by which the batch can be found again.
var putToken = &Hot{
	Kinds: []Kind{Bytes, Bytes, Int},
	SQLite: `INSERT INTO commit_token (owner, token, at_us) VALUES {rows}
		ON CONFLICT (owner) DO UPDATE SET token = excluded.token, at_us = excluded.at_us`,
	Postgres: `INSERT INTO commit_token (owner, token, at_us) SELECT * FROM unnest($1::bytea[], $2::bytea[], $3::bigint[])
		ON CONFLICT (owner) DO UPDATE SET token = excluded.token, at_us = excluded.at_us`,
}
