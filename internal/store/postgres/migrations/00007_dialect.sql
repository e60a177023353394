-- +goose Up

-- An endpoint has a dialect (empty: the native one), may be about one service alone (null: about all), may get one try of
-- each delivery, and keeps settings of the edge that made it. What is there is native, and so is what a version of the
-- program makes that knows none of it.
ALTER TABLE webhook_endpoint ADD COLUMN dialect text NOT NULL DEFAULT '';
ALTER TABLE webhook_endpoint ADD COLUMN service bytea;
ALTER TABLE webhook_endpoint ADD COLUMN once boolean NOT NULL DEFAULT false;
ALTER TABLE webhook_endpoint ADD COLUMN settings text NOT NULL DEFAULT '';

-- The words that one endpoint of a tenant has to itself in its dialect.
CREATE TABLE webhook_topic (
    tenant   bytea NOT NULL,
    dialect  text NOT NULL,
    topic    text NOT NULL,
    endpoint bytea NOT NULL,
    PRIMARY KEY (tenant, dialect, topic)
);
