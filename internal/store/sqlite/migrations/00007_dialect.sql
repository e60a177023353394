-- +goose Up

-- An endpoint has a dialect (empty: the native one), may be about one service alone (null: about all), may get one try of
-- each delivery, and keeps settings of the edge that made it. What is there is native, and so is what a version of the
-- program makes that knows none of it.
ALTER TABLE webhook_endpoint ADD COLUMN dialect TEXT NOT NULL DEFAULT '';
ALTER TABLE webhook_endpoint ADD COLUMN service BLOB;
ALTER TABLE webhook_endpoint ADD COLUMN once INTEGER NOT NULL DEFAULT 0;
ALTER TABLE webhook_endpoint ADD COLUMN settings TEXT NOT NULL DEFAULT '';

-- The words that one endpoint of a tenant has to itself in its dialect.
CREATE TABLE webhook_topic (
    tenant   BLOB NOT NULL,
    dialect  TEXT NOT NULL,
    topic    TEXT NOT NULL,
    endpoint BLOB NOT NULL,
    PRIMARY KEY (tenant, dialect, topic)
) STRICT, WITHOUT ROWID;
