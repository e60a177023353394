-- +goose Up

-- A file of invitations on its way. finished_us is 0 until each of its accepted rows was made or failed.
CREATE TABLE invitation_import (
    tenant      bytea NOT NULL,
    id          bytea NOT NULL,
    row_count   bigint NOT NULL,
    accepted    bigint NOT NULL,
    created     bigint NOT NULL,
    failed      bigint NOT NULL,
    actor       text NOT NULL,
    request_id  text NOT NULL,
    created_us  bigint NOT NULL,
    finished_us bigint NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Its rows. What one asks for is sealed until it is made, and gone with that; invitation is which it becomes, named beforehand.
CREATE TABLE invitation_import_row (
    tenant     bytea NOT NULL,
    import     bytea NOT NULL,
    n          bigint NOT NULL,
    state      text NOT NULL,
    invitation bytea,
    sealed     bytea,
    label      bytea NOT NULL,
    field      text NOT NULL,
    code       text NOT NULL,
    detail     text NOT NULL,
    PRIMARY KEY (tenant, import, n)
);
