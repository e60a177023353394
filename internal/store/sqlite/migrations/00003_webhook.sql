-- +goose Up

-- Where a tenant's servers get events.
CREATE TABLE webhook_endpoint (
    tenant            BLOB NOT NULL,
    id                BLOB NOT NULL,
    url               TEXT NOT NULL,
    description       TEXT NOT NULL,
    events            TEXT NOT NULL,
    enabled           INTEGER NOT NULL,
    off               TEXT NOT NULL,
    secret            BLOB NOT NULL,
    previous          BLOB,
    previous_until_us INTEGER NOT NULL,
    since_us          INTEGER NOT NULL,
    created_us        INTEGER NOT NULL,
    updated_us        INTEGER NOT NULL,
    version           INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- Events on their way to endpoints, and what came of it: the log that the tenant reads.
CREATE TABLE webhook_delivery (
    id         BLOB PRIMARY KEY,
    bucket     INTEGER NOT NULL,
    tenant     BLOB NOT NULL,
    endpoint   BLOB NOT NULL,
    event      BLOB NOT NULL,
    type       TEXT NOT NULL,
    state      TEXT NOT NULL,
    tries      INTEGER NOT NULL,
    due_us     INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    error      TEXT NOT NULL,
    latency_us INTEGER NOT NULL,
    answer     TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX webhook_delivery_endpoint ON webhook_delivery (tenant, endpoint, id);
CREATE INDEX webhook_delivery_dead ON webhook_delivery (tenant, endpoint, id) WHERE state = 'dead';

-- The index in the log of the next event to look at.
CREATE TABLE webhook_position (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    position INTEGER NOT NULL
) STRICT;
INSERT INTO webhook_position (one, position) SELECT 1, size FROM audit_head WHERE one = 1;
