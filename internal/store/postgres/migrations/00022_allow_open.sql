-- +goose Up

-- Whether a file invites people who have an open invitation once more.
ALTER TABLE invitation_import ADD COLUMN allow_open boolean NOT NULL DEFAULT FALSE;
