-- +goose Up

-- Invitations as an ordinary table: a row of a table without rowids has room for a quarter of a page, and theirs, of almost two kilobytes, had a
-- page of its own each. Whatever a contact's list is filtered by stands in its indexes, so that no row is read that is not shown. Status and gate stand before the id:
-- a list by one of the two alone is put together from those of both.
CREATE TABLE invitation_wide (
    tenant       BLOB NOT NULL,
    id           BLOB NOT NULL,
    status       TEXT NOT NULL,
    reference    TEXT NOT NULL,
    mobile_2fa   INTEGER NOT NULL,
    email_index  BLOB,
    phone_index  BLOB,
    due_us       INTEGER NOT NULL,
    created_us   INTEGER NOT NULL,
    updated_us   INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    link_unknown INTEGER NOT NULL DEFAULT 0,
    body         TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
INSERT INTO invitation_wide (tenant, id, status, reference, mobile_2fa, email_index, phone_index, due_us, created_us, updated_us, version, link_unknown, body)
SELECT tenant, id, status, reference, mobile_2fa, email_index, phone_index, due_us, created_us, updated_us, version, link_unknown, body
FROM invitation ORDER BY tenant, id;
DROP TABLE invitation;
ALTER TABLE invitation_wide RENAME TO invitation;
CREATE UNIQUE INDEX invitation_id ON invitation (id);
CREATE INDEX invitation_reference ON invitation (tenant, reference, id) WHERE reference <> '';
CREATE INDEX invitation_reference_status ON invitation (tenant, reference, status, mobile_2fa, id) WHERE reference <> '';
CREATE INDEX invitation_email ON invitation (tenant, email_index, id, status, mobile_2fa, reference, link_unknown) WHERE email_index IS NOT NULL;
CREATE INDEX invitation_phone ON invitation (tenant, phone_index, id, status, mobile_2fa, reference, link_unknown) WHERE phone_index IS NOT NULL;
CREATE INDEX invitation_due ON invitation (due_us) WHERE due_us > 0;
CREATE INDEX invitation_status ON invitation (tenant, status, mobile_2fa, id);
CREATE INDEX invitation_unknown ON invitation (tenant, id) WHERE link_unknown;

-- The failures among messages, all of their list in the index.
DROP INDEX invitation_message_failed;
CREATE INDEX invitation_message_failed ON invitation_message (tenant, id, failed) WHERE failed;
