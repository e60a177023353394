-- +goose Up

-- Invitations of which nobody knows whether their link left: few among very many.
ALTER TABLE invitation ADD COLUMN link_unknown INTEGER NOT NULL DEFAULT 0;
CREATE INDEX invitation_unknown ON invitation (tenant, id) WHERE link_unknown;
