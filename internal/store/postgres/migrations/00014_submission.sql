-- +goose Up

-- The keyed hash of the last submission of a sign-in that was wrong, so that it is not counted twice by a second click.
ALTER TABLE operator_session ADD COLUMN refused bytea NOT NULL DEFAULT ''::bytea;
