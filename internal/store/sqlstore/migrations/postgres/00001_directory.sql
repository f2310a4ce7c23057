-- +goose Up
-- The twin of migrations/sqlite/00001_directory.sql: same numbers, same tables,
-- same names; only types and storage clauses differ. A test compares the two
-- schemas column by column.
--
-- Every text column says collate "C": it then sorts and compares by bytes, as
-- SQLite does, whatever locale the database was made with.
--
-- Conventions: times are microseconds since 1970 UTC, 0 is unknown; truths are
-- 0 or 1; lists and documents are JSON text; text without a value is ''. "rev"
-- is the log position of a row's last write, so that a follower can read what
-- moved. Removed rows stay, as tombstones. Nothing but audit_heads refers to
-- organizations: no row is written before its organization's head was locked.

create table organizations (
	organization_id text collate "C" not null,
	number          text collate "C" not null,
	name            text collate "C" not null,
	sealed_at       bigint           not null,
	policy          text collate "C" not null,
	created_at      bigint           not null,
	rev             bigint           not null,
	policy_version  bigint           not null,
	constraint organizations_pk primary key (organization_id)
);
create unique index organizations_number on organizations (number);

-- The head of an organization's log, and the lock of all its writers. Each
-- transaction updates it twice, so its pages keep room for new row versions.
create table audit_heads (
	organization_id    text collate "C" not null,
	size               bigint           not null,
	last_time          bigint           not null,
	frontier           bytea            not null,
	user_numbers       bigint           not null default 0,
	group_numbers      bigint           not null default 0,
	membership_numbers bigint           not null default 0,
	constraint audit_heads_pk primary key (organization_id),
	constraint audit_heads_organization foreign key (organization_id) references organizations (organization_id),
	constraint audit_heads_frontier check (length(frontier) % 32 = 0)
) with (fillfactor = 50);

create table catalogue_permissions (
	organization_id text collate "C" not null,
	permission      text collate "C" not null,
	description     text collate "C" not null,
	removed         bigint           not null,
	rev             bigint           not null,
	constraint catalogue_permissions_pk primary key (organization_id, permission)
);
create index catalogue_permissions_rev on catalogue_permissions (organization_id, rev, permission);

create table users (
	organization_id       text collate "C" not null,
	id                    text collate "C" not null,
	number                bigint           not null,
	type                  text collate "C" not null,
	role                  text collate "C" not null,
	state                 text collate "C" not null,
	name                  text collate "C" not null,
	email                 text collate "C" not null,
	email_key             text collate "C" not null,
	external_id           text collate "C" not null,
	permissions           text collate "C" not null,
	responsible_person_id text collate "C" not null,
	allowed_ips           text collate "C" not null,
	invited_by            text collate "C" not null,
	device_reset_by       text collate "C" not null,
	created_at            bigint           not null,
	modified_at           bigint           not null,
	last_keep_alive_at    bigint           not null,
	last_active_at        bigint           not null,
	rev                   bigint           not null,
	attributes_version    bigint           not null,
	role_version          bigint           not null,
	state_version         bigint           not null,
	permissions_version   bigint           not null,
	constraint users_pk primary key (organization_id, id)
);
create index users_rev on users (organization_id, rev, id);
-- For DeploymentTx.LocateUser, which does not know the organization yet.
create index users_id on users (id);
create index users_deleted on users (organization_id, id) where state = 'deleted';
create unique index users_number on users (organization_id, number) where number <> 0;
create unique index users_living_email on users (organization_id, email_key)
	where state <> 'deleted' and email_key <> '';
create unique index users_living_external_id on users (organization_id, external_id)
	where state <> 'deleted' and external_id <> '';

create table groups (
	organization_id          text collate "C" not null,
	id                       text collate "C" not null,
	number                   bigint           not null,
	name                     text collate "C" not null,
	name_key                 text collate "C" not null,
	description              text collate "C" not null,
	permissions              text collate "C" not null,
	external_sync_identifier text collate "C" not null,
	provenance               text collate "C" not null,
	invitability             text collate "C" not null,
	member_viewability       text collate "C" not null,
	state                    text collate "C" not null,
	created_by               text collate "C" not null,
	modified_by              text collate "C" not null,
	created_at               bigint           not null,
	modified_at              bigint           not null,
	rev                      bigint           not null,
	attributes_version       bigint           not null,
	permissions_version      bigint           not null,
	state_version            bigint           not null,
	members_version          bigint           not null default 0,
	constraint groups_pk primary key (organization_id, id)
);
create index groups_rev on groups (organization_id, rev, id);
create index groups_deleted on groups (organization_id, id) where state = 'deleted';
create unique index groups_number on groups (organization_id, number) where number <> 0;
create unique index groups_living_name on groups (organization_id, name_key) where state <> 'deleted';

create table memberships (
	organization_id text collate "C" not null,
	id              text collate "C" not null,
	number          bigint           not null,
	user_id         text collate "C" not null,
	group_id        text collate "C" not null,
	role            text collate "C" not null,
	create_accounts bigint           not null,
	edit_accounts   bigint           not null,
	run_reports     bigint           not null,
	instant_login   bigint           not null,
	starts_at       bigint           not null,
	expires_at      bigint           not null,
	state           text collate "C" not null,
	created_at      bigint           not null,
	modified_at     bigint           not null,
	rev             bigint           not null,
	constraint memberships_pk primary key (organization_id, id)
);
create index memberships_rev on memberships (organization_id, rev, id);
create unique index memberships_number on memberships (organization_id, number) where number <> 0;
-- Living and removed memberships have an index each, so that every row stands
-- in one of them and a hundred removals do not slow down a lookup.
create unique index memberships_living_pair on memberships (organization_id, user_id, group_id)
	where state <> 'removed';
create index memberships_removed_pair on memberships (organization_id, user_id, group_id, number)
	where state = 'removed';
create index memberships_living_group on memberships (organization_id, group_id, id) where state <> 'removed';

create table credentials (
	organization_id text collate "C" not null,
	id              text collate "C" not null,
	user_id         text collate "C" not null,
	type            text collate "C" not null,
	state           text collate "C" not null,
	label           text collate "C" not null,
	secret_hash     bytea,
	public_key      text collate "C" not null,
	client_id       text collate "C" not null,
	requested_by    text collate "C" not null,
	created_at      bigint           not null,
	modified_at     bigint           not null,
	expires_at      bigint           not null,
	rev             bigint           not null,
	constraint credentials_pk primary key (organization_id, id)
);
create index credentials_rev on credentials (organization_id, rev, id);
create index credentials_user on credentials (organization_id, user_id, id);
-- Secrets and client ids are what a caller is found by before his organization
-- is known, so they are unique in the whole deployment.
create unique index credentials_secret on credentials (secret_hash) where secret_hash is not null;
create unique index credentials_client on credentials (client_id) where client_id <> '';

create table change_requests (
	organization_id  text collate "C" not null,
	id               text collate "C" not null,
	state            text collate "C" not null,
	open             bigint           not null,
	requester        text collate "C" not null,
	requester_person text collate "C" not null,
	digest           text collate "C" not null,
	payload          bytea            not null,
	openings         text collate "C" not null,
	created_at       bigint           not null,
	expires_at       bigint           not null,
	closed_at        bigint           not null,
	closed_by        text collate "C" not null,
	closed_because   text collate "C" not null,
	replaced_by      text collate "C" not null,
	winner_id        text collate "C" not null,
	applied_position bigint           not null,
	rev              bigint           not null,
	constraint change_requests_pk primary key (organization_id, id)
);
create index change_requests_rev on change_requests (organization_id, rev, id);
create index change_requests_state on change_requests (organization_id, state, id);
-- A few hundred rows among millions: what is open, by when it expires.
create index change_requests_open on change_requests (organization_id, expires_at, id) where open = 1;

create table approvals (
	organization_id text collate "C" not null,
	change_id       text collate "C" not null,
	position        bigint           not null,
	person          text collate "C" not null,
	credential      text collate "C" not null,
	decision        text collate "C" not null,
	digest          text collate "C" not null,
	comment         text collate "C" not null,
	given_at        bigint           not null,
	statement       text collate "C" not null,
	signature       text collate "C" not null,
	constraint approvals_pk primary key (organization_id, change_id, position),
	constraint approvals_change foreign key (organization_id, change_id)
		references change_requests (organization_id, id)
);

-- What open change requests rely on; closed ones have no rows here.
create table change_facts (
	organization_id text collate "C" not null,
	change_id       text collate "C" not null,
	fact            text collate "C" not null,
	version         bigint           not null,
	constraint change_facts_pk primary key (organization_id, change_id, fact),
	constraint change_facts_change foreign key (organization_id, change_id)
		references change_requests (organization_id, id)
);
create index change_facts_fact on change_facts (organization_id, fact, change_id);

create table audit_entries (
	organization_id text collate "C" not null,
	leaf_index      bigint           not null,
	recorded_at     bigint           not null,
	kind            text collate "C" not null,
	leaf            bytea            not null,
	openings        text collate "C" not null,
	constraint audit_entries_pk primary key (organization_id, leaf_index)
);

create table audit_hashes (
	organization_id text collate "C" not null,
	hash_index      bigint           not null,
	hash            bytea            not null,
	constraint audit_hashes_pk primary key (organization_id, hash_index),
	constraint audit_hashes_length check (length(hash) = 32)
);

create table audit_facts (
	organization_id text collate "C" not null,
	fact            text collate "C" not null,
	position        bigint           not null,
	constraint audit_facts_pk primary key (organization_id, fact, position)
);

create table audit_blobs (
	organization_id text collate "C" not null,
	digest          text collate "C" not null,
	body            bytea            not null,
	constraint audit_blobs_pk primary key (organization_id, digest)
);

-- Positions whose entries have not been announced yet.
create table outbox (
	organization_id text collate "C" not null,
	position        bigint           not null,
	recorded_at     bigint           not null,
	constraint outbox_pk primary key (organization_id, position)
);

create table idempotency_records (
	organization_id text collate "C" not null,
	principal       text collate "C" not null,
	route           text collate "C" not null,
	idempotency_key text collate "C" not null,
	fingerprint     bytea            not null,
	status          bigint           not null,
	header          text collate "C" not null,
	body            bytea            not null,
	created_at      bigint           not null,
	constraint idempotency_records_pk primary key (organization_id, principal, route, idempotency_key)
);
create index idempotency_records_created on idempotency_records (organization_id, created_at);
