-- +goose Up

-- Tenants whose messages are never sent. Servers of before know no sandbox: they are replaced before one is made.
ALTER TABLE tenant ADD COLUMN sandbox boolean NOT NULL DEFAULT false;
