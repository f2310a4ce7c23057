-- +goose Up
-- The twin of migrations/sqlite/00002_imports.sql.
--
-- The batches of imports that were applied. What an import is stands in the
-- change request that opened it, whose id it has.

create table imported_batches (
	organization_id text collate "C" not null,
	import_id       text collate "C" not null,
	batch           bigint           not null,
	change_id       text collate "C" not null,
	position        bigint           not null,
	rows            bigint           not null,
	skipped         text collate "C" not null,
	constraint imported_batches_pk primary key (organization_id, import_id, batch)
);
