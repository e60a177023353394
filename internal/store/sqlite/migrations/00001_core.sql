-- +goose Up

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- Tenants, their keys and service profiles. directory_version moves with every change to them.
CREATE TABLE tenant (
    id           BLOB PRIMARY KEY,
    name         TEXT NOT NULL,
    limits       TEXT NOT NULL,
    test_numbers TEXT NOT NULL,
    created_us   INTEGER NOT NULL,
    updated_us   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    id           BLOB PRIMARY KEY,
    tenant       BLOB NOT NULL,
    name         TEXT NOT NULL,
    hash         BLOB NOT NULL UNIQUE,
    scopes       TEXT NOT NULL,
    created_us   INTEGER NOT NULL,
    expires_us   INTEGER NOT NULL,
    revoked_us   INTEGER NOT NULL,
    last_used_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX api_key_tenant ON api_key (tenant, id);

CREATE TABLE service (
    tenant     BLOB NOT NULL,
    id         BLOB NOT NULL,
    name       TEXT NOT NULL,
    is_default INTEGER NOT NULL,
    profile    TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX service_name ON service (tenant, name);

CREATE TABLE directory_version (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO directory_version (one, version) VALUES (1, 1);

-- A verification is found by its id, which begins with its time: the key grows at its right end only.
CREATE TABLE verification (
    id                 BLOB PRIMARY KEY,
    bucket             INTEGER NOT NULL,
    tenant             BLOB NOT NULL,
    blind_index        BLOB NOT NULL,
    service            BLOB NOT NULL,
    purpose            TEXT NOT NULL,
    kind               INTEGER NOT NULL,
    recipient          BLOB,
    masked             TEXT NOT NULL,
    country            TEXT NOT NULL,
    status             TEXT NOT NULL,
    channel            TEXT NOT NULL,
    code_key           INTEGER NOT NULL,
    code_length        INTEGER NOT NULL,
    generation         INTEGER NOT NULL,
    salt               BLOB NOT NULL,
    custom_code        BLOB,
    binding            BLOB,
    transaction_sealed BLOB,
    message_text       TEXT NOT NULL,
    locale             TEXT NOT NULL,
    external_id        TEXT NOT NULL,
    metadata           TEXT NOT NULL,
    decision           TEXT NOT NULL,
    test_number        INTEGER NOT NULL,
    meters             TEXT NOT NULL,
    sends              TEXT NOT NULL,
    checks             INTEGER NOT NULL,
    max_checks         INTEGER NOT NULL,
    max_sends          INTEGER NOT NULL,
    created_us         INTEGER NOT NULL,
    expires_us         INTEGER NOT NULL,
    resend_us          INTEGER NOT NULL,
    ended_us           INTEGER NOT NULL,
    updated_us         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- A tenant's list, and in it those of one recipient: an index by recipient would write a page for each verification.
CREATE INDEX verification_tenant ON verification (tenant, id, blind_index);
CREATE INDEX verification_external ON verification (tenant, external_id, id) WHERE external_id <> '';

CREATE TABLE delivery (
    verification_id BLOB NOT NULL,
    n               INTEGER NOT NULL,
    bucket          INTEGER NOT NULL,
    tenant          BLOB NOT NULL,
    send            INTEGER NOT NULL,
    provider        TEXT NOT NULL,
    channel         TEXT NOT NULL,
    state           TEXT NOT NULL,
    error           TEXT NOT NULL,
    reference       TEXT NOT NULL,
    echoes          INTEGER NOT NULL,
    latency_us      INTEGER NOT NULL,
    price_amount    TEXT NOT NULL,
    price_currency  TEXT NOT NULL,
    segments        INTEGER NOT NULL,
    created_us      INTEGER NOT NULL,
    updated_us      INTEGER NOT NULL,
    PRIMARY KEY (verification_id, n)
) STRICT, WITHOUT ROWID;

-- The live rows: small tables whose size follows what is open now, never what has been.
CREATE TABLE open_verification (
    bucket      INTEGER NOT NULL,
    tenant      BLOB NOT NULL,
    blind_index BLOB NOT NULL,
    service     BLOB NOT NULL,
    purpose     TEXT NOT NULL,
    id          BLOB NOT NULL,
    ends_us     INTEGER NOT NULL,
    PRIMARY KEY (bucket, tenant, blind_index, service, purpose)
) STRICT, WITHOUT ROWID;

CREATE TABLE recipient_state (
    bucket      INTEGER NOT NULL,
    tenant      BLOB NOT NULL,
    blind_index BLOB NOT NULL,
    sends       BLOB,
    wrong       BLOB,
    proven_us   INTEGER NOT NULL,
    touched_us  INTEGER NOT NULL,
    PRIMARY KEY (bucket, tenant, blind_index)
) STRICT, WITHOUT ROWID;

CREATE TABLE client_meter (
    bucket    INTEGER NOT NULL,
    meter_key BLOB NOT NULL,
    state_us  INTEGER NOT NULL,
    PRIMARY KEY (bucket, meter_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    bucket     INTEGER NOT NULL,
    answer_key BLOB NOT NULL,
    body       BLOB,
    answer     BLOB,
    at_us      INTEGER NOT NULL,
    PRIMARY KEY (bucket, answer_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE provider_reference (
    bucket          INTEGER NOT NULL,
    provider        TEXT NOT NULL,
    reference       TEXT NOT NULL,
    tenant          BLOB NOT NULL,
    verification_id BLOB NOT NULL,
    n               INTEGER NOT NULL,
    created_us      INTEGER NOT NULL,
    PRIMARY KEY (bucket, provider, reference)
) STRICT, WITHOUT ROWID;

-- claim_us is when a job may next be taken: its due time, or the end of the lease that somebody holds.
CREATE TABLE job (
    id          BLOB PRIMARY KEY,
    bucket      INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    tenant      BLOB NOT NULL,
    object      BLOB NOT NULL,
    n           INTEGER NOT NULL,
    payload     BLOB,
    due_us      INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    lease_owner BLOB,
    claim_us    INTEGER NOT NULL,
    taken       INTEGER NOT NULL DEFAULT 0,
    dead        INTEGER NOT NULL DEFAULT 0,
    reason      TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
CREATE INDEX job_claim ON job (claim_us) WHERE NOT dead;

CREATE TABLE node (
    id       BLOB PRIMARY KEY,
    until_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE lease (
    name     TEXT PRIMARY KEY,
    owner    BLOB NOT NULL,
    until_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE commit_token (
    owner BLOB PRIMARY KEY,
    token BLOB NOT NULL,
    at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened, and the log that proves it.
CREATE TABLE event (
    id             BLOB PRIMARY KEY,
    bucket         INTEGER NOT NULL,
    tenant         BLOB NOT NULL,
    type           TEXT NOT NULL,
    object         BLOB NOT NULL,
    at_us          INTEGER NOT NULL,
    actor          TEXT NOT NULL,
    request_id     TEXT NOT NULL,
    subject        BLOB,
    subject_salt   BLOB,
    subject_digest BLOB,
    data           TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What the sealer has not taken yet: one row for each commit, with id and hash of each of its events, 48 bytes each.
CREATE TABLE audit_pending (
    batch     BLOB PRIMARY KEY,
    bucket    INTEGER NOT NULL,
    entries   BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The log: tiles of up to 256 entries of one level, level -1 holding event ids in log order, 0 and up hashes.
CREATE TABLE audit_tile (
    level INTEGER NOT NULL,
    n     INTEGER NOT NULL,
    data  BLOB NOT NULL,
    PRIMARY KEY (level, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL,
    root BLOB NOT NULL
) STRICT;
INSERT INTO audit_head (one, size, root) VALUES (1, 0, zeroblob(32));

CREATE TABLE audit_checkpoint (
    size  INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL,
    note  BLOB NOT NULL
) STRICT;

CREATE TABLE audit_prune (
    before BLOB PRIMARY KEY,
    at_us  INTEGER NOT NULL,
    note   BLOB NOT NULL
) STRICT, WITHOUT ROWID;
