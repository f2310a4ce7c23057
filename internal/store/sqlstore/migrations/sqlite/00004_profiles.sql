-- +goose Up
-- The twin of migrations/postgres/00004_profiles.sql.
--
-- What other systems keep about a user: a JSON object of short texts.

alter table users add column profile text not null default '{}';
