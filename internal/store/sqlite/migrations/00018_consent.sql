-- +goose Up

-- The texts of a firm's consent by their versions, for good: what a customer agreed to can be read for as long as anybody asks.
CREATE TABLE consent_text (
    tenant     BLOB NOT NULL,
    version    TEXT NOT NULL,
    document   TEXT NOT NULL,
    created_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, version)
) STRICT, WITHOUT ROWID;
