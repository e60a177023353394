-- +goose Up

-- A customer's way from a link to the hand-over. What a statement looks at has a column; the rest is one text. Contacts are sealed
-- in it, and found by keyed hashes. due_us is when the time of one is over that has not ended; 0: never.
CREATE TABLE invitation (
    tenant      BLOB NOT NULL,
    id          BLOB NOT NULL,
    status      TEXT NOT NULL,
    reference   TEXT NOT NULL,
    mobile_2fa  INTEGER NOT NULL,
    email_index BLOB,
    phone_index BLOB,
    due_us      INTEGER NOT NULL,
    created_us  INTEGER NOT NULL,
    updated_us  INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    body        TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX invitation_id ON invitation (id);
CREATE INDEX invitation_reference ON invitation (tenant, reference, id) WHERE reference <> '';
CREATE INDEX invitation_email ON invitation (tenant, email_index, id) WHERE email_index IS NOT NULL;
CREATE INDEX invitation_phone ON invitation (tenant, phone_index, id) WHERE phone_index IS NOT NULL;
CREATE INDEX invitation_due ON invitation (due_us) WHERE due_us > 0;

-- The link of now of each, by the keyed hash of its token.
CREATE TABLE invitation_link (
    hash       BLOB NOT NULL PRIMARY KEY,
    tenant     BLOB NOT NULL,
    invitation BLOB NOT NULL,
    n          INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which events are about an invitation, in the order in which they came about: its timeline. n is the version of the invitation
-- that the event has made, times 64, and its place among the events of that change.
CREATE TABLE invitation_event (
    invitation BLOB NOT NULL,
    n          INTEGER NOT NULL,
    event      BLOB NOT NULL,
    PRIMARY KEY (invitation, n)
) STRICT, WITHOUT ROWID;

-- What a tenant decided, a document of each kind.
CREATE TABLE tenant_setting (
    tenant     BLOB NOT NULL,
    kind       TEXT NOT NULL,
    document   TEXT NOT NULL,
    version    INTEGER NOT NULL,
    updated_us INTEGER NOT NULL,
    updated_by TEXT NOT NULL,
    PRIMARY KEY (tenant, kind)
) STRICT, WITHOUT ROWID;
