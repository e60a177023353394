-- +goose Up

-- What a known person can prove again. The key of each table starts with the tenant; a row is found by its id, a list by
-- whose it is.
CREATE TABLE entity (
    tenant     bytea NOT NULL,
    id         bytea NOT NULL,
    service    bytea NOT NULL,
    identity   text NOT NULL,
    created_us bigint NOT NULL,
    updated_us bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX entity_identity ON entity (tenant, service, identity);
CREATE INDEX entity_service ON entity (tenant, service, id);

CREATE TABLE factor (
    tenant       bytea NOT NULL,
    id           bytea NOT NULL,
    entity       bytea NOT NULL,
    service      bytea NOT NULL,
    identity     text NOT NULL,
    type         text NOT NULL,
    name         text NOT NULL,
    metadata     text NOT NULL,
    algorithm    text NOT NULL,
    step_seconds bigint NOT NULL,
    digits       bigint NOT NULL,
    skew         bigint NOT NULL,
    secret       bytea NOT NULL,
    status       text NOT NULL,
    last_step    bigint NOT NULL,
    drift        bigint NOT NULL,
    seen_step    bigint NOT NULL,
    seen_offset  bigint NOT NULL,
    wrong        bigint NOT NULL,
    wait_us      bigint NOT NULL,
    created_us   bigint NOT NULL,
    expires_us   bigint NOT NULL,
    verified_us  bigint NOT NULL,
    updated_us   bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX factor_entity ON factor (tenant, entity, id);
CREATE INDEX factor_unverified ON factor (expires_us) WHERE status = 'unverified';

CREATE TABLE challenge (
    tenant     bytea NOT NULL,
    id         bytea NOT NULL,
    entity     bytea NOT NULL,
    factor     bytea NOT NULL,
    service    bytea NOT NULL,
    identity   text NOT NULL,
    state      text NOT NULL,
    wrong      bigint NOT NULL,
    note       text NOT NULL,
    created_us bigint NOT NULL,
    expires_us bigint NOT NULL,
    ended_us   bigint NOT NULL,
    updated_us bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX challenge_entity ON challenge (tenant, entity, id);
CREATE INDEX challenge_factor ON challenge (tenant, factor, id);
CREATE INDEX challenge_expires ON challenge (expires_us);
