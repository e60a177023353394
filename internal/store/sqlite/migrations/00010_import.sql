-- +goose Up

-- A file of invitations on its way. finished_us is 0 until each of its accepted rows was made or failed.
CREATE TABLE invitation_import (
    tenant      BLOB NOT NULL,
    id          BLOB NOT NULL,
    row_count   INTEGER NOT NULL,
    accepted    INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    failed      INTEGER NOT NULL,
    actor       TEXT NOT NULL,
    request_id  TEXT NOT NULL,
    created_us  INTEGER NOT NULL,
    finished_us INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

-- Its rows. What one asks for is sealed until it is made, and gone with that; invitation is which it becomes, named beforehand.
CREATE TABLE invitation_import_row (
    tenant     BLOB NOT NULL,
    import     BLOB NOT NULL,
    n          INTEGER NOT NULL,
    state      TEXT NOT NULL,
    invitation BLOB,
    sealed     BLOB,
    label      BLOB NOT NULL,
    field      TEXT NOT NULL,
    code       TEXT NOT NULL,
    detail     TEXT NOT NULL,
    PRIMARY KEY (tenant, import, n)
) STRICT, WITHOUT ROWID;
