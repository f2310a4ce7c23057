-- +goose Up
-- The twin of migrations/sqlite/00007_emergencies.sql.
--
-- Since when an organization is frozen, 0 while it is not; and the acts that one
-- person did at once. How the request stands that asks others about such an act is
-- read from that request.
alter table organizations add column frozen_at bigint not null default 0;
alter table organizations add column freeze_version bigint not null default 0;

create table emergencies (
	organization_id text collate "C" not null,
	change_id       text collate "C" not null,
	kind            text collate "C" not null,
	person_id       text collate "C" not null,
	made_at         bigint           not null,
	ratification_id text collate "C" not null,
	position        bigint           not null,
	constraint emergencies_pk primary key (organization_id, change_id)
);

create index emergencies_person on emergencies (organization_id, person_id, made_at);
