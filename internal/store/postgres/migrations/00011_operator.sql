-- +goose Up

-- The people who sign in to the console. What a statement looks at has a column; the rest is one text. Address and name are sealed in
-- it; the address is found by a keyed hash, and is unique in the installation.
CREATE TABLE operator (
    tenant      bytea NOT NULL,
    id          bytea NOT NULL,
    email_index bytea NOT NULL,
    role        text NOT NULL,
    state       text NOT NULL,
    created_us  bigint NOT NULL,
    updated_us  bigint NOT NULL,
    version     bigint NOT NULL,
    body        text NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX operator_email ON operator (email_index);
CREATE UNIQUE INDEX operator_id ON operator (id);

-- Their browsers, by the keyed hash of the token of now.
CREATE TABLE operator_session (
    hash       bytea NOT NULL PRIMARY KEY,
    id         bytea NOT NULL,
    tenant     bytea NOT NULL,
    operator   bytea NOT NULL,
    stage      text NOT NULL,
    wrong      bigint NOT NULL,
    created_us bigint NOT NULL,
    seen_us    bigint NOT NULL,
    proved_us  bigint NOT NULL,
    expires_us bigint NOT NULL,
    client     bytea
);
CREATE INDEX operator_session_operator ON operator_session (tenant, operator, id);

-- Links at whose end a password is chosen: the set-up, invitations to a team, resets. A new one takes the place of the one before.
CREATE TABLE operator_token (
    kind       text NOT NULL,
    tenant     bytea NOT NULL,
    subject    bytea NOT NULL,
    id         bytea NOT NULL,
    hash       bytea NOT NULL,
    created_us bigint NOT NULL,
    expires_us bigint NOT NULL,
    body       text NOT NULL,
    PRIMARY KEY (kind, tenant, subject)
);
CREATE UNIQUE INDEX operator_token_hash ON operator_token (hash);
CREATE INDEX operator_token_id ON operator_token (tenant, id);

-- Failures in a row, by the keyed hash of whose they are.
CREATE TABLE operator_wait (
    key        bytea NOT NULL PRIMARY KEY,
    failed     bigint NOT NULL,
    until_us   bigint NOT NULL,
    updated_us bigint NOT NULL
);
