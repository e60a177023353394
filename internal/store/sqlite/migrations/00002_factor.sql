-- +goose Up

-- What a known person can prove again. The key of each table starts with the tenant; a row is found by its id, a list by
-- whose it is.
CREATE TABLE entity (
    tenant     BLOB NOT NULL,
    id         BLOB NOT NULL,
    service    BLOB NOT NULL,
    identity   TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX entity_identity ON entity (tenant, service, identity);
CREATE INDEX entity_service ON entity (tenant, service, id);

CREATE TABLE factor (
    tenant       BLOB NOT NULL,
    id           BLOB NOT NULL,
    entity       BLOB NOT NULL,
    service      BLOB NOT NULL,
    identity     TEXT NOT NULL,
    type         TEXT NOT NULL,
    name         TEXT NOT NULL,
    metadata     TEXT NOT NULL,
    algorithm    TEXT NOT NULL,
    step_seconds INTEGER NOT NULL,
    digits       INTEGER NOT NULL,
    skew         INTEGER NOT NULL,
    secret       BLOB NOT NULL,
    status       TEXT NOT NULL,
    last_step    INTEGER NOT NULL,
    drift        INTEGER NOT NULL,
    seen_step    INTEGER NOT NULL,
    seen_offset  INTEGER NOT NULL,
    wrong        INTEGER NOT NULL,
    wait_us      INTEGER NOT NULL,
    created_us   INTEGER NOT NULL,
    expires_us   INTEGER NOT NULL,
    verified_us  INTEGER NOT NULL,
    updated_us   INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX factor_entity ON factor (tenant, entity, id);
CREATE INDEX factor_unverified ON factor (expires_us) WHERE status = 'unverified';

CREATE TABLE challenge (
    tenant     BLOB NOT NULL,
    id         BLOB NOT NULL,
    entity     BLOB NOT NULL,
    factor     BLOB NOT NULL,
    service    BLOB NOT NULL,
    identity   TEXT NOT NULL,
    state      TEXT NOT NULL,
    wrong      INTEGER NOT NULL,
    note       TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    ended_us   INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX challenge_entity ON challenge (tenant, entity, id);
CREATE INDEX challenge_factor ON challenge (tenant, factor, id);
CREATE INDEX challenge_expires ON challenge (expires_us);
