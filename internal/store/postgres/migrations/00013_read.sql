-- +goose Up

-- What operators read, kept by following the log, so that no change pays for it. How many events of a kind a tenant had in an hour:
-- kinds are the types of events, and a few that lie in their data. An hour in which a kind is missing has none to look for.
CREATE TABLE tally (
    tenant  bytea NOT NULL,
    hour_us bigint NOT NULL,
    kind    text NOT NULL,
    n       bigint NOT NULL,
    PRIMARY KEY (tenant, hour_us, kind)
);
CREATE INDEX tally_kind ON tally (tenant, kind, hour_us);
CREATE INDEX tally_hour ON tally (hour_us);

-- Deliveries that failed, expired or are unknown, or were so once: few among very many, which have no index by state.
CREATE TABLE message_failure (
    tenant          bytea NOT NULL,
    verification_id bytea NOT NULL,
    n               bigint NOT NULL,
    PRIMARY KEY (tenant, verification_id, n)
);
CREATE INDEX message_failure_verification ON message_failure (verification_id);

-- The index in the log of the next event to count, -1: not begun; the hour from which on all is counted, 0: always; and when the last
-- counted one happened.
CREATE TABLE tally_position (
    one      bigint PRIMARY KEY CHECK (one = 1),
    position bigint NOT NULL,
    since_us bigint NOT NULL,
    at_us    bigint NOT NULL
);
INSERT INTO tally_position (one, position, since_us, at_us) VALUES (1, -1, 0, 0);

-- Jobs that were given up stay in the table of what is due.
CREATE INDEX job_dead ON job (tenant, id) WHERE dead;

-- Lists of invitations by what they are filtered by.
CREATE INDEX invitation_status ON invitation (tenant, status, id);
CREATE INDEX invitation_mobile ON invitation (tenant, mobile_2fa, id);
CREATE INDEX invitation_status_mobile ON invitation (tenant, status, mobile_2fa, id);
