-- +goose Up
-- The twin of migrations/postgres/00005_delays.sql.
--
-- When a change request got the approvals it needs, and began to wait out a delay;
-- 0 of every other.
alter table change_requests add column scheduled_at integer not null default 0;
