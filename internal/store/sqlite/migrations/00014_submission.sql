-- +goose Up

-- What came of the last form that was sent with the token of a session, by a keyed hash, and when: it may come twice, by a second click.
ALTER TABLE operator_session ADD COLUMN answered BLOB NOT NULL DEFAULT x'';
ALTER TABLE operator_session ADD COLUMN answered_us INTEGER NOT NULL DEFAULT 0;
