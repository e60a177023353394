-- +goose Up

-- Numbers that a tenant answers for, by their keyed hash: the number itself is not kept.
CREATE TABLE safe_number (
    tenant      bytea NOT NULL,
    number_hash bytea NOT NULL,
    id          bytea NOT NULL,
    created_us  bigint NOT NULL,
    PRIMARY KEY (tenant, number_hash)
);
