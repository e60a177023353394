-- +goose Up

-- What came of the last form that was sent with the token of a session, by a keyed hash, and when: it may come twice, by a second click.
ALTER TABLE operator_session ADD COLUMN answered bytea NOT NULL DEFAULT ''::bytea;
ALTER TABLE operator_session ADD COLUMN answered_us bigint NOT NULL DEFAULT 0;
