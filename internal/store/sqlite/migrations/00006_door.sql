-- +goose Up

-- Numbers that a tenant answers for, by their keyed hash: the number itself is not kept.
CREATE TABLE safe_number (
    tenant      BLOB NOT NULL,
    number_hash BLOB NOT NULL,
    id          BLOB NOT NULL,
    created_us  INTEGER NOT NULL,
    PRIMARY KEY (tenant, number_hash)
) STRICT, WITHOUT ROWID;
