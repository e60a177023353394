-- +goose Up

-- Numbers that a tenant answers for, by their keyed hash: the number itself is not kept.
CREATE TABLE safe_number (
    tenant      BLOB NOT NULL,
    number_hash BLOB NOT NULL,
    id          BLOB NOT NULL,
    created_us  INTEGER NOT NULL,
    PRIMARY KEY (tenant, number_hash)
) STRICT, WITHOUT ROWID;

-- How many factors an entity got lately, and how many challenges a factor: an end of a window and a count in one number.
ALTER TABLE entity ADD COLUMN enrolled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE factor ADD COLUMN asked_hour INTEGER NOT NULL DEFAULT 0;
ALTER TABLE factor ADD COLUMN asked_day INTEGER NOT NULL DEFAULT 0;
