-- +goose Up

-- Where a tenant's servers get events.
CREATE TABLE webhook_endpoint (
    tenant            bytea NOT NULL,
    id                bytea NOT NULL,
    url               text NOT NULL,
    description       text NOT NULL,
    events            text NOT NULL,
    enabled           boolean NOT NULL,
    off               text NOT NULL,
    secret            bytea NOT NULL,
    previous          bytea,
    previous_until_us bigint NOT NULL,
    since_us          bigint NOT NULL,
    created_us        bigint NOT NULL,
    updated_us        bigint NOT NULL,
    version           bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Events on their way to endpoints, and what came of it: the log that the tenant reads. It is cut by time as events are.
CREATE TABLE webhook_delivery (
    id         bytea NOT NULL,
    bucket     integer NOT NULL,
    tenant     bytea NOT NULL,
    endpoint   bytea NOT NULL,
    event      bytea NOT NULL,
    type       text NOT NULL,
    state      text NOT NULL,
    tries      bigint NOT NULL,
    due_us     bigint NOT NULL,
    status     bigint NOT NULL,
    error      text NOT NULL,
    latency_us bigint NOT NULL,
    answer     text NOT NULL,
    created_us bigint NOT NULL,
    updated_us bigint NOT NULL,
    PRIMARY KEY (bucket, id)
) PARTITION BY RANGE (id);
CREATE INDEX webhook_delivery_endpoint ON webhook_delivery (tenant, endpoint, id);
CREATE INDEX webhook_delivery_dead ON webhook_delivery (tenant, endpoint, id) WHERE state = 'dead';

-- The index in the log of the next event to look at.
CREATE TABLE webhook_position (
    one      bigint PRIMARY KEY CHECK (one = 1),
    position bigint NOT NULL
);
INSERT INTO webhook_position (one, position) SELECT 1, size FROM audit_head WHERE one = 1;
