-- +goose Up

-- A customer's way from a link to the hand-over. What a statement looks at has a column; the rest is one text. Contacts are sealed
-- in it, and found by keyed hashes. due_us is when the time of one is over that has not ended; 0: never.
CREATE TABLE invitation (
    tenant      bytea NOT NULL,
    id          bytea NOT NULL,
    status      text NOT NULL,
    reference   text NOT NULL,
    mobile_2fa  boolean NOT NULL,
    email_index bytea,
    phone_index bytea,
    due_us      bigint NOT NULL,
    created_us  bigint NOT NULL,
    updated_us  bigint NOT NULL,
    version     bigint NOT NULL,
    body        text NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX invitation_id ON invitation (id);
CREATE INDEX invitation_reference ON invitation (tenant, reference, id) WHERE reference <> '';
CREATE INDEX invitation_email ON invitation (tenant, email_index, id) WHERE email_index IS NOT NULL;
CREATE INDEX invitation_phone ON invitation (tenant, phone_index, id) WHERE phone_index IS NOT NULL;
CREATE INDEX invitation_due ON invitation (due_us) WHERE due_us > 0;

-- The link of now of each, by the keyed hash of its token.
CREATE TABLE invitation_link (
    hash       bytea NOT NULL PRIMARY KEY,
    tenant     bytea NOT NULL,
    invitation bytea NOT NULL,
    n          bigint NOT NULL
);

-- Which events are about an invitation, in the order in which they came about: its timeline. n is the version of the invitation
-- that the event has made, times 64, and its place among the events of that change.
CREATE TABLE invitation_event (
    invitation bytea NOT NULL,
    n          bigint NOT NULL,
    event      bytea NOT NULL,
    PRIMARY KEY (invitation, n)
);

-- What a tenant decided, a document of each kind.
CREATE TABLE tenant_setting (
    tenant     bytea NOT NULL,
    kind       text NOT NULL,
    document   text NOT NULL,
    version    bigint NOT NULL,
    updated_us bigint NOT NULL,
    updated_by text NOT NULL,
    PRIMARY KEY (tenant, kind)
);
