-- +goose Up

-- The name that the message with a code gives of who sends it, where a customer's page asked for it; '': the service's.
ALTER TABLE verification ADD COLUMN sender text NOT NULL DEFAULT '';
