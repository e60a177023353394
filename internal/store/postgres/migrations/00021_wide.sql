-- +goose Up

-- Whatever a contact's list is filtered by stands in its indexes, so that no row is read that is not shown.
DROP INDEX invitation_email;
DROP INDEX invitation_phone;
CREATE INDEX invitation_email ON invitation (tenant, email_index, id, status, mobile_2fa, reference, link_unknown) WHERE email_index IS NOT NULL;
CREATE INDEX invitation_phone ON invitation (tenant, phone_index, id, status, mobile_2fa, reference, link_unknown) WHERE phone_index IS NOT NULL;

-- Status and gate stand before the id: a list by one of the two alone is put together from those of both.
DROP INDEX invitation_reference;
DROP INDEX invitation_status;
DROP INDEX invitation_mobile;
DROP INDEX invitation_status_mobile;
CREATE INDEX invitation_reference ON invitation (tenant, reference, id) WHERE reference <> '';
CREATE INDEX invitation_reference_status ON invitation (tenant, reference, status, mobile_2fa, id) WHERE reference <> '';
CREATE INDEX invitation_status ON invitation (tenant, status, mobile_2fa, id);

-- The failures among messages, all of their list in the index.
DROP INDEX invitation_message_failed;
CREATE INDEX invitation_message_failed ON invitation_message (tenant, id, failed) WHERE failed;
