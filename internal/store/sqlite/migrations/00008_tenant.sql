-- +goose Up

-- Tenants whose messages are never sent. Servers of before know no sandbox: they are replaced before one is made.
ALTER TABLE tenant ADD COLUMN sandbox INTEGER NOT NULL DEFAULT 0;

-- When a tenant was suspended; 0: it is not. Servers of before take no notice.
ALTER TABLE tenant ADD COLUMN suspended_us INTEGER NOT NULL DEFAULT 0;
