-- +goose Up

-- What was sent of an invitation beside codes: its links, reminders, word of a correction. Whom it went to is masked, and is found for
-- erasure by a keyed hash. invitation, n and channel name a message towards providers. failed: it failed, expired or is unknown, which
-- few do.
CREATE TABLE invitation_message (
    tenant        BLOB NOT NULL,
    id            BLOB NOT NULL,
    invitation    BLOB NOT NULL,
    n             INTEGER NOT NULL,
    channel       TEXT NOT NULL,
    kind          TEXT NOT NULL,
    masked        TEXT NOT NULL,
    contact_index BLOB,
    provider      TEXT NOT NULL,
    state         TEXT NOT NULL,
    failed        INTEGER NOT NULL,
    error         TEXT NOT NULL,
    created_us    INTEGER NOT NULL,
    updated_us    INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX invitation_message_name ON invitation_message (invitation, n, channel);
CREATE INDEX invitation_message_failed ON invitation_message (tenant, id) WHERE failed;
CREATE INDEX invitation_message_contact ON invitation_message (tenant, contact_index) WHERE contact_index IS NOT NULL;

-- The links of now of what is there. One by e-mail has another last byte in its id than one by SMS, so that both have a place.
INSERT INTO invitation_message (tenant, id, invitation, n, channel, kind, masked, contact_index, provider, state, failed, error, created_us, updated_us)
SELECT c.tenant, unhex(substr(hex(c.id), 1, 30) || CASE c.channel WHEN 'email' THEN '01' ELSE '00' END), c.id, c.n, c.channel, 'invitation',
    coalesce(CASE c.channel WHEN 'email' THEN c.email ELSE c.mobile END, ''), CASE c.channel WHEN 'email' THEN c.email_index ELSE c.phone_index END,
    c.provider, c.state, c.state IN ('failed', 'expired', 'unknown'), c.error, c.at_us, c.at_us
FROM (SELECT i.tenant, i.id, i.email_index, i.phone_index, i.body ->> '$.link.n' AS n, i.body ->> '$.masked.email' AS email,
    i.body ->> '$.masked.mobile' AS mobile, x.value ->> '$.channel' AS channel, coalesce(x.value ->> '$.provider', '') AS provider,
    x.value ->> '$.state' AS state, coalesce(x.value ->> '$.error', '') AS error,
    CAST(unixepoch(x.value ->> '$.at', 'subsec') * 1000000 AS INTEGER) AS at_us
    FROM invitation i, json_each(i.body, '$.link.carried') x) c;
