-- +goose Up
-- The twin of migrations/sqlite/00006_approval_keys.sql.
--
-- A key with which approvals are signed is one person's, and enrolled once: a key
-- that was revoked does not come back.
create unique index credentials_approval_key on credentials (organization_id, public_key) where type = 'approval_key';
