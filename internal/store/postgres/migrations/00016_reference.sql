-- +goose Up

-- One reference may be of very many invitations, such as that of a campaign. What else their list is filtered by stands in the index, so
-- that no row is read that is not shown.
DROP INDEX invitation_reference;
CREATE INDEX invitation_reference ON invitation (tenant, reference, id, status, mobile_2fa) WHERE reference <> '';
