-- +goose Up

CREATE TABLE meta (
    name  text PRIMARY KEY,
    value bytea NOT NULL
);

-- Tenants, their keys and service profiles. directory_version moves with every change to them.
CREATE TABLE tenant (
    id           bytea PRIMARY KEY,
    name         text NOT NULL,
    limits       text NOT NULL,
    test_numbers text NOT NULL,
    created_us   bigint NOT NULL,
    updated_us   bigint NOT NULL
);

CREATE TABLE api_key (
    id           bytea PRIMARY KEY,
    tenant       bytea NOT NULL,
    name         text NOT NULL,
    hash         bytea NOT NULL UNIQUE,
    scopes       text NOT NULL,
    created_us   bigint NOT NULL,
    expires_us   bigint NOT NULL,
    revoked_us   bigint NOT NULL,
    last_used_us bigint NOT NULL
);
CREATE INDEX api_key_tenant ON api_key (tenant, id);

CREATE TABLE service (
    tenant     bytea NOT NULL,
    id         bytea NOT NULL,
    name       text NOT NULL,
    is_default boolean NOT NULL,
    profile    text NOT NULL,
    created_us bigint NOT NULL,
    updated_us bigint NOT NULL,
    version    bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX service_name ON service (tenant, name);

CREATE TABLE directory_version (
    one     bigint PRIMARY KEY CHECK (one = 1),
    version bigint NOT NULL
);
INSERT INTO directory_version (one, version) VALUES (1, 1);

-- Verifications, deliveries and events are cut by time: an id begins with its milliseconds, so a range of ids is a range
-- of time. There is no default partition; partitions are made ahead by a job, and dropped when their time is over.
CREATE TABLE verification (
    id                 bytea NOT NULL,
    bucket             integer NOT NULL,
    tenant             bytea NOT NULL,
    blind_index        bytea NOT NULL,
    service            bytea NOT NULL,
    purpose            text NOT NULL,
    kind               bigint NOT NULL,
    recipient          bytea,
    masked             text NOT NULL,
    country            text NOT NULL,
    status             text NOT NULL,
    channel            text NOT NULL,
    code_key           bigint NOT NULL,
    code_length        bigint NOT NULL,
    generation         bigint NOT NULL,
    salt               bytea NOT NULL,
    custom_code        bytea,
    binding            bytea,
    transaction_sealed bytea,
    message_text       text NOT NULL,
    locale             text NOT NULL,
    external_id        text NOT NULL,
    metadata           text NOT NULL,
    decision           text NOT NULL,
    test_number        boolean NOT NULL,
    meters             text NOT NULL,
    sends              text NOT NULL,
    checks             bigint NOT NULL,
    max_checks         bigint NOT NULL,
    max_sends          bigint NOT NULL,
    created_us         bigint NOT NULL,
    expires_us         bigint NOT NULL,
    resend_us          bigint NOT NULL,
    ended_us           bigint NOT NULL,
    updated_us         bigint NOT NULL,
    PRIMARY KEY (bucket, id)
) PARTITION BY RANGE (id);
CREATE INDEX verification_tenant ON verification (tenant, id);
CREATE INDEX verification_external ON verification (tenant, external_id, id) WHERE external_id <> '';

CREATE TABLE delivery (
    verification_id bytea NOT NULL,
    n               bigint NOT NULL,
    bucket          integer NOT NULL,
    tenant          bytea NOT NULL,
    send            bigint NOT NULL,
    provider        text NOT NULL,
    channel         text NOT NULL,
    state           text NOT NULL,
    error           text NOT NULL,
    reference       text NOT NULL,
    echoes          boolean NOT NULL,
    latency_us      bigint NOT NULL,
    price_amount    text NOT NULL,
    price_currency  text NOT NULL,
    segments        bigint NOT NULL,
    created_us      bigint NOT NULL,
    updated_us      bigint NOT NULL,
    PRIMARY KEY (bucket, verification_id, n)
) PARTITION BY RANGE (verification_id);

-- The live rows: small tables whose size follows what is open now, never what has been.
CREATE TABLE open_verification (
    bucket      integer NOT NULL,
    tenant      bytea NOT NULL,
    blind_index bytea NOT NULL,
    service     bytea NOT NULL,
    purpose     text NOT NULL,
    id          bytea NOT NULL,
    ends_us     bigint NOT NULL,
    PRIMARY KEY (bucket, tenant, blind_index, service, purpose)
);

CREATE TABLE recipient_state (
    bucket      integer NOT NULL,
    tenant      bytea NOT NULL,
    blind_index bytea NOT NULL,
    sends       bytea,
    wrong       bytea,
    proven_us   bigint NOT NULL,
    touched_us  bigint NOT NULL,
    PRIMARY KEY (bucket, tenant, blind_index)
) WITH (fillfactor = 70);

CREATE TABLE client_meter (
    bucket    integer NOT NULL,
    meter_key bytea NOT NULL,
    state_us  bigint NOT NULL,
    PRIMARY KEY (bucket, meter_key)
);

CREATE TABLE idempotency (
    bucket     integer NOT NULL,
    answer_key bytea NOT NULL,
    body       bytea,
    answer     bytea,
    at_us      bigint NOT NULL,
    PRIMARY KEY (bucket, answer_key)
);

CREATE TABLE provider_reference (
    bucket          integer NOT NULL,
    provider        text NOT NULL,
    reference       text NOT NULL,
    tenant          bytea NOT NULL,
    verification_id bytea NOT NULL,
    n               bigint NOT NULL,
    created_us      bigint NOT NULL,
    PRIMARY KEY (bucket, provider, reference)
);

-- claim_us is when a job may next be taken: its due time, or the end of the lease that somebody holds.
CREATE TABLE job (
    id          bytea NOT NULL,
    bucket      integer NOT NULL,
    kind        text NOT NULL,
    tenant      bytea NOT NULL,
    object      bytea NOT NULL,
    n           bigint NOT NULL,
    payload     bytea,
    due_us      bigint NOT NULL,
    attempt     bigint NOT NULL,
    lease_owner bytea,
    claim_us    bigint NOT NULL,
    taken       boolean NOT NULL DEFAULT false,
    dead        boolean NOT NULL DEFAULT false,
    reason      text NOT NULL DEFAULT '',
    PRIMARY KEY (bucket, id)
);
CREATE INDEX job_claim ON job (claim_us) WHERE NOT dead;

CREATE TABLE node (
    id       bytea PRIMARY KEY,
    until_us bigint NOT NULL
);

CREATE TABLE lease (
    name     text PRIMARY KEY,
    owner    bytea NOT NULL,
    until_us bigint NOT NULL
);

CREATE TABLE commit_token (
    owner bytea PRIMARY KEY,
    token bytea NOT NULL,
    at_us bigint NOT NULL
);

-- What happened, and the log that proves it.
CREATE TABLE event (
    id             bytea NOT NULL,
    bucket         integer NOT NULL,
    tenant         bytea NOT NULL,
    type           text NOT NULL,
    object         bytea NOT NULL,
    at_us          bigint NOT NULL,
    actor          text NOT NULL,
    request_id     text NOT NULL,
    subject        bytea,
    subject_salt   bytea,
    subject_digest bytea,
    data           text NOT NULL,
    PRIMARY KEY (bucket, id)
) PARTITION BY RANGE (id);
CREATE INDEX event_id ON event (id);

-- What the sealer has not taken yet: one row for each commit, with id and hash of each of its events, 48 bytes each.
CREATE TABLE audit_pending (
    bucket    integer NOT NULL,
    batch     bytea NOT NULL,
    entries   bytea NOT NULL,
    PRIMARY KEY (bucket, batch)
);

-- The log: tiles of up to 256 entries of one level, level -1 holding event ids in log order, 0 and up hashes.
CREATE TABLE audit_tile (
    level bigint NOT NULL,
    n     bigint NOT NULL,
    data  bytea NOT NULL,
    PRIMARY KEY (level, n)
);

CREATE TABLE audit_head (
    one  bigint PRIMARY KEY CHECK (one = 1),
    size bigint NOT NULL,
    root bytea NOT NULL
);
INSERT INTO audit_head (one, size, root) VALUES (1, 0, decode(repeat('00', 32), 'hex'));

CREATE TABLE audit_checkpoint (
    size  bigint PRIMARY KEY,
    at_us bigint NOT NULL,
    note  bytea NOT NULL
);

CREATE TABLE audit_prune (
    before bytea PRIMARY KEY,
    at_us  bigint NOT NULL,
    note   bytea NOT NULL
);
