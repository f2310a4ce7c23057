-- +goose Up
-- The twin of migrations/sqlite/00009_earlier_requests.sql.
--
-- What a held request asks for, hashed without the ids it was allotted, so that
-- approvers are told how often the same person asked for the same before; empty
-- where it was applied at once. It tells what the operations hold to whoever can
-- guess them: where openings are erased, it is emptied too.
alter table change_requests add column intent text collate "C" not null default '';
create index change_requests_intent on change_requests (organization_id, requester_person, intent, id) where intent <> '';

-- By which method an approval was signed; empty where only the server attests it.
alter table approvals add column method text collate "C" not null default '';
update approvals set method = 'ed25519' where signature <> '';
