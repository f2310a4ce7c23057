-- +goose Up
-- The twin of migrations/postgres/00003_tickets.sql.
--
-- Short-lived tokens, codes and marks of what works only once. Not governed:
-- written without the lock of the organization, purged when expired.

create table tickets (
	organization_id text    not null,
	hash            blob    not null,
	kind            text    not null,
	audience        text    not null,
	user_id         text    not null,
	subject_id      text    not null,
	credential_id   text    not null,
	consent_id      text    not null,
	scope           text    not null,
	family          blob    not null,
	created_at      integer not null,
	expires_at      integer not null,
	used_at         integer not null,
	constraint tickets_pk primary key (organization_id, hash)
) strict, without rowid;
create index tickets_expiry on tickets (organization_id, expires_at);
create index tickets_living on tickets (organization_id, credential_id, kind, expires_at) where used_at = 0;

insert into sqlite_stat1 (tbl, idx, stat) values
	('tickets', 'tickets', '100000 100000 1'),
	('tickets', 'tickets_expiry', '100000 100000 2'),
	('tickets', 'tickets_living', '50000 50000 5000 2500 2');
analyze sqlite_schema;
