-- +goose Up

-- The tries of a delivery before its last one, oldest first, as JSON; empty: none. Most deliveries have one try, and write nothing here.
ALTER TABLE webhook_delivery ADD COLUMN earlier TEXT NOT NULL DEFAULT '';
