-- +goose Up

-- The people who sign in to the console. What a statement looks at has a column; the rest is one text. Address and name are sealed in
-- it; the address is found by a keyed hash, and is unique in the installation.
CREATE TABLE operator (
    tenant      BLOB NOT NULL,
    id          BLOB NOT NULL,
    email_index BLOB NOT NULL,
    role        TEXT NOT NULL,
    state       TEXT NOT NULL,
    created_us  INTEGER NOT NULL,
    updated_us  INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX operator_email ON operator (email_index);
CREATE UNIQUE INDEX operator_id ON operator (id);

-- Their browsers, by the keyed hash of the token of now.
CREATE TABLE operator_session (
    hash       BLOB NOT NULL PRIMARY KEY,
    id         BLOB NOT NULL,
    tenant     BLOB NOT NULL,
    operator   BLOB NOT NULL,
    stage      TEXT NOT NULL,
    wrong      INTEGER NOT NULL,
    created_us INTEGER NOT NULL,
    seen_us    INTEGER NOT NULL,
    proved_us  INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    client     BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX operator_session_operator ON operator_session (tenant, operator, id);

-- Links at whose end a password is chosen: the set-up, invitations to a team, resets. A new one takes the place of the one before.
CREATE TABLE operator_token (
    kind       TEXT NOT NULL,
    tenant     BLOB NOT NULL,
    subject    BLOB NOT NULL,
    id         BLOB NOT NULL,
    hash       BLOB NOT NULL,
    created_us INTEGER NOT NULL,
    expires_us INTEGER NOT NULL,
    body       TEXT NOT NULL,
    PRIMARY KEY (kind, tenant, subject)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX operator_token_hash ON operator_token (hash);
CREATE INDEX operator_token_id ON operator_token (tenant, id);

-- Failures in a row, by the keyed hash of whose they are.
CREATE TABLE operator_wait (
    key        BLOB NOT NULL PRIMARY KEY,
    failed     INTEGER NOT NULL,
    until_us   INTEGER NOT NULL,
    updated_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
