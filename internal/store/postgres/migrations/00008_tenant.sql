-- +goose Up

-- Tenants whose messages are never sent. Servers of before know no sandbox: they are replaced before one is made.
ALTER TABLE tenant ADD COLUMN sandbox boolean NOT NULL DEFAULT false;

-- When a tenant was suspended; 0: it is not. Servers of before take no notice.
ALTER TABLE tenant ADD COLUMN suspended_us bigint NOT NULL DEFAULT 0;
