-- +goose Up
-- The twin of migrations/postgres/00007_emergencies.sql.
--
-- Since when an organization is frozen, 0 while it is not; and the acts that one
-- person did at once. How the request stands that asks others about such an act is
-- read from that request.
alter table organizations add column frozen_at integer not null default 0;
alter table organizations add column freeze_version integer not null default 0;

create table emergencies (
	organization_id text    not null,
	change_id       text    not null,
	kind            text    not null,
	person_id       text    not null,
	made_at         integer not null,
	ratification_id text    not null,
	position        integer not null,
	constraint emergencies_pk primary key (organization_id, change_id)
) strict, without rowid;

create index emergencies_person on emergencies (organization_id, person_id, made_at);

insert into sqlite_stat1 (tbl, idx, stat) values
	('emergencies', 'emergencies', '1000 1000 1'),
	('emergencies', 'emergencies_person', '1000 1000 100 1');
analyze sqlite_schema;
