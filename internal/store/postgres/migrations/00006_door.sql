-- +goose Up

-- Numbers that a tenant answers for, by their keyed hash: the number itself is not kept.
CREATE TABLE safe_number (
    tenant      bytea NOT NULL,
    number_hash bytea NOT NULL,
    id          bytea NOT NULL,
    created_us  bigint NOT NULL,
    PRIMARY KEY (tenant, number_hash)
);

-- How many factors an entity got lately, and how many challenges a factor: an end of a window and a count in one number.
ALTER TABLE entity ADD COLUMN enrolled bigint NOT NULL DEFAULT 0;
ALTER TABLE factor ADD COLUMN asked_hour bigint NOT NULL DEFAULT 0;
ALTER TABLE factor ADD COLUMN asked_day bigint NOT NULL DEFAULT 0;
