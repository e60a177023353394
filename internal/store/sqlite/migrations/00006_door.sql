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

-- Services that are gone, for as long as something may hang on them. Those of before this table left theirs behind.
CREATE TABLE removed_service (
    tenant     BLOB NOT NULL,
    id         BLOB NOT NULL,
    removed_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
INSERT INTO removed_service (tenant, id, removed_us)
    SELECT DISTINCT e.tenant, e.service, 0 FROM entity e
    WHERE NOT EXISTS (SELECT 1 FROM service s WHERE s.tenant = e.tenant AND s.id = e.service);
