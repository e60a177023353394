-- +goose Up

-- The limits that a tenant set on starts with a service. Not in the profile: a program that does not know them writes that as
-- a whole, and would lose them.
ALTER TABLE service ADD COLUMN rate_limits TEXT NOT NULL DEFAULT '[]';
