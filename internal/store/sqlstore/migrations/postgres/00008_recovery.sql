-- +goose Up
-- The twin of migrations/sqlite/00008_recovery.sql.
--
-- Who can let an organization in again that has locked itself out, with the log
-- position of its last write (0: nobody was ever named), and the last successful
-- drill of each rule.
alter table organizations add column recovery text collate "C" not null default '{}';
alter table organizations add column recovery_version bigint not null default 0;
alter table organizations add column drills text collate "C" not null default '{}';
