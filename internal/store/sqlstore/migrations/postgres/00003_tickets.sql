-- +goose Up
-- The twin of migrations/sqlite/00003_tickets.sql.
--
-- Short-lived tokens, codes and marks of what works only once. Not governed:
-- written without the lock of the organization, purged when expired.

create table tickets (
	organization_id text collate "C" not null,
	hash            bytea            not null,
	kind            text collate "C" not null,
	audience        text collate "C" not null,
	user_id         text collate "C" not null,
	subject_id      text collate "C" not null,
	credential_id   text collate "C" not null,
	consent_id      text collate "C" not null,
	scope           text collate "C" not null,
	family          bytea            not null,
	created_at      bigint           not null,
	expires_at      bigint           not null,
	used_at         bigint           not null,
	constraint tickets_pk primary key (organization_id, hash)
);
create index tickets_expiry on tickets (organization_id, expires_at);
create index tickets_living on tickets (organization_id, credential_id, kind, expires_at) where used_at = 0;
