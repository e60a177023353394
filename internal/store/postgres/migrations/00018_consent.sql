-- +goose Up

-- The texts of a firm's consent by their versions, for good: what a customer agreed to can be read for as long as anybody asks.
CREATE TABLE consent_text (
    tenant     bytea NOT NULL,
    version    text NOT NULL,
    document   text NOT NULL,
    created_us bigint NOT NULL,
    PRIMARY KEY (tenant, version)
);
