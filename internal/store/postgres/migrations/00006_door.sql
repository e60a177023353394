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

-- Services that are gone, for as long as something may hang on them. Those of before this table left theirs behind.
CREATE TABLE removed_service (
    tenant     bytea NOT NULL,
    id         bytea NOT NULL,
    removed_us bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);
INSERT INTO removed_service (tenant, id, removed_us)
    SELECT DISTINCT e.tenant, e.service, 0 FROM entity e
    WHERE NOT EXISTS (SELECT 1 FROM service s WHERE s.tenant = e.tenant AND s.id = e.service);
