-- +goose Up

-- What was sent of an invitation beside codes: its links, reminders, word of a correction. Whom it went to is masked, and is found for
-- erasure by a keyed hash. invitation, n and channel name a message towards providers. failed: it failed, expired or is unknown, which
-- few do.
CREATE TABLE invitation_message (
    tenant        bytea NOT NULL,
    id            bytea NOT NULL,
    invitation    bytea NOT NULL,
    n             bigint NOT NULL,
    channel       text NOT NULL,
    kind          text NOT NULL,
    masked        text NOT NULL,
    contact_index bytea,
    provider      text NOT NULL,
    state         text NOT NULL,
    failed        boolean NOT NULL,
    error         text NOT NULL,
    created_us    bigint NOT NULL,
    updated_us    bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX invitation_message_name ON invitation_message (invitation, n, channel);
CREATE INDEX invitation_message_failed ON invitation_message (tenant, id) WHERE failed;
CREATE INDEX invitation_message_contact ON invitation_message (tenant, contact_index) WHERE contact_index IS NOT NULL;

-- The links of now of what is there. One by e-mail has another last byte in its id than one by SMS, so that both have a place.
INSERT INTO invitation_message (tenant, id, invitation, n, channel, kind, masked, contact_index, provider, state, failed, error, created_us, updated_us)
SELECT c.tenant, set_byte(c.id, 15, CASE c.channel WHEN 'email' THEN 1 ELSE 0 END), c.id, c.n, c.channel, 'invitation',
    coalesce(CASE c.channel WHEN 'email' THEN c.email ELSE c.mobile END, ''), CASE c.channel WHEN 'email' THEN c.email_index ELSE c.phone_index END,
    c.provider, c.state, c.state IN ('failed', 'expired', 'unknown'), c.error, c.at_us, c.at_us
FROM (SELECT i.tenant, i.id, i.email_index, i.phone_index, (i.doc -> 'link' ->> 'n')::bigint AS n, i.doc -> 'masked' ->> 'email' AS email,
    i.doc -> 'masked' ->> 'mobile' AS mobile, x ->> 'channel' AS channel, coalesce(x ->> 'provider', '') AS provider,
    x ->> 'state' AS state, coalesce(x ->> 'error', '') AS error, (extract(epoch FROM (x ->> 'at')::timestamptz) * 1000000)::bigint AS at_us
    FROM (SELECT b.*, replace(b.body, '\u0000', '\ufffd')::json AS doc FROM invitation b) i, -- a text of PostgreSQL has no NUL
    json_array_elements(coalesce(i.doc -> 'link' -> 'carried', '[]')) x) c;
