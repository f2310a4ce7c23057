-- +goose Up
-- The twin of migrations/postgres/00002_imports.sql.
--
-- The batches of imports that were applied. What an import is stands in the
-- change request that opened it, whose id it has.

create table imported_batches (
	organization_id text    not null,
	import_id       text    not null,
	batch           integer not null,
	change_id       text    not null,
	position        integer not null,
	rows            integer not null,
	skipped         text    not null,
	constraint imported_batches_pk primary key (organization_id, import_id, batch)
) strict;

insert into sqlite_stat1 (tbl, idx, stat) values
	('imported_batches', 'sqlite_autoindex_imported_batches_1', '100000 100000 1000 1');
analyze sqlite_schema;
