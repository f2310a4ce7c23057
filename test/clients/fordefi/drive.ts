// Drives a client that was generated from the /openapi.json of a running
// "countersign demo", by a published generator and without a hand edit. All it
// knows besides is the credentials file:
//
//   node drive.js CREDENTIALS off|on
//
// Each check prints one line, "ok <what>"; the first that fails ends the run with
// exit code 1. The compiler is strict, so what is read here is also what the
// document promises: the union of users is told apart by user_type alone.
import assert from "node:assert/strict";
import fs from "node:fs";
import * as sdk from "./client/sdk.gen";
import { createClient, type Client } from "./client/client";
import type { User } from "./client/types.gen";

const [, , file, mode] = process.argv;
const credentials = JSON.parse(fs.readFileSync(file!, "utf8"));
const approvals = mode === "on";
const { baseUrl, token, writerToken } = credentials.fordefi;
const person = (name: string): string => credentials.people[name].id;

const connect = (auth: string): Client => createClient({ baseUrl, auth: () => auth });
const reader = connect(token);
const writer = connect(writerToken);

const users = (query: NonNullable<Parameters<typeof sdk.listUsersApiV1UsersGet>[0]>["query"]) =>
  must(sdk.listUsersApiV1UsersGet({ client: reader, query }));
const groups = (query: NonNullable<Parameters<typeof sdk.listUserGroupsApiV1UserGroupsGet>[0]>["query"]) =>
  must(sdk.listUserGroupsApiV1UserGroupsGet({ client: reader, query }));

async function check(what: string, fn: () => Promise<void>) {
  try {
    await fn();
  } catch (e) {
    console.log(`FAILED ${what}`);
    console.log(e instanceof Error ? e.stack : JSON.stringify(e));
    process.exit(1);
  }
  console.log(`ok ${what}`);
}

type Answer<D, E> = { data?: D; error?: E; response: Response };

// must returns the data of an answer that succeeded.
async function must<D, E>(call: Promise<Answer<D, E>>): Promise<NonNullable<D>> {
  const { data, error, response } = await call;
  assert.ok(response.ok && data !== undefined && data !== null, `${response.status} ${JSON.stringify(error)}`);
  return data as NonNullable<D>;
}

// fails returns the error of an answer, which has the status wanted.
async function fails<D, E>(status: number, call: Promise<Answer<D, E>>): Promise<NonNullable<E>> {
  const { error, response } = await call;
  assert.equal(response.status, status, JSON.stringify(error));
  assert.equal((error as { request_id?: string }).request_id, response.headers.get("x-request-id"));
  return error as NonNullable<E>;
}

const names = (list: User[]) => list.map((u) => u.name);
const isSorted = (list: string[]) => assert.deepEqual(list, [...list].sort());

async function lists() {
  await check("lists users; their types are told apart", async () => {
    const { total, page, size, users: list } = await users({});
    assert.deepEqual([total, page, size], [list.length, 1, 50]);
    for (const u of list) {
      switch (u.user_type) {
        case "person":
          assert.match(u.email, /@northwind\.example$/);
          assert.deepEqual(u.acknowledged_banners, []);
          break;
        case "api_user":
          assert.equal(u.allowed_ip_settings?.allow_type, "allow_all");
          assert.ok(u.role === "trader" || u.role === "viewer");
          break;
        default:
          assert.fail(`the demo has no ${u.user_type}`);
      }
    }
  });
  await check("filters by type, role, state, name, email and id, alone and together", async () => {
    const ada = person("ada");
    assert.deepEqual(names((await users({ names: ["ADA lovelace"] })).users), ["Ada Lovelace"]);
    assert.deepEqual(names((await users({ emails: ["Grace@Northwind.example", "nobody@x.example"] })).users), ["Grace Hopper"]);
    assert.equal((await users({ types: ["person"] })).total, 4);
    assert.equal((await users({ types: ["person"], roles: ["admin"], states: ["active"] })).total, 3);
    assert.equal((await users({ types: ["api_signer", "system"] })).total, 0);
    assert.deepEqual(names((await users({ user_ids: [ada, person("vera")], exclude_user_ids: [ada] })).users), ["Vera Rubin"]);
    assert.equal((await users({ external_ids: ["x"] })).total, 0);
    const everybody = (await users({ include_deleted: true, skip_count: true })).total;
    assert.equal((await users({ states: ["onboarding", "pending_approval", "deleted"] })).total + (await users({ states: ["active"] })).total, everybody);
  });
  await check("orders by several keys", async () => {
    const { users: list } = await users({ sort_by: ["type_desc", "name_asc"] });
    const people = list.filter((u) => u.user_type === "person");
    assert.deepEqual(list.slice(0, people.length), people);
    isSorted(people.map((u) => u.name ?? ""));
    isSorted((await users({ sort_by: ["created_asc"] })).users.map((u) => u.created_at));
  });
  await check("pages to the end, and past it", async () => {
    const { total } = await users({ size: 0 });
    const seen = new Set<string>();
    for (let page = 1; ; page++) {
      const { users: list } = await users({ page, size: 3 });
      list.forEach((u) => seen.add(u.id));
      if (list.length < 3) break;
    }
    assert.equal(seen.size, total);
    assert.deepEqual((await users({ page: 99, size: 400 })).users, []);
  });
}

async function members() {
  await check("finds groups, and their members by the groups", async () => {
    const { user_groups: found } = await groups({ search: "treas" });
    assert.deepEqual(found.map((g) => g.name), ["Treasury"]);
    const treasury = await must(sdk.getUserGroupApiV1UserGroupsIdGet({ client: reader, path: { id: found[0]!.id } }));
    assert.deepEqual([treasury.users_count, treasury.state, treasury.modified_by.user_type], [1, "active", "person"]);
    const inside = (await users({ group_ids: [treasury.id], states_on_groups: ["active"] })).users;
    assert.deepEqual(names(inside), ["Linus Pauling"]);
    assert.ok(!names((await users({ group_ids__not: [treasury.id] })).users).includes("Linus Pauling"));
    assert.equal((await groups({ user_ids: [inside[0]!.id], sort_by: ["name_asc"] })).total, 1);
    const waiting = await users({ group_ids: [treasury.id], states_on_groups: ["pending_addition"] });
    const added = treasury.proposed_change?.added_users ?? [];
    assert.deepEqual([names(waiting.users), added.map((u) => u.name)], approvals ? [["Vera Rubin"], ["Vera Rubin"]] : [[], []]);
    const vera = waiting.users[0];
    if (vera?.user_type === "person") {
      assert.deepEqual(vera.pending_addition_to_user_groups?.map((g) => [g.id, g.users_count]), [[treasury.id, 1]]);
    }
  });
}

async function single() {
  await check("reads one user, in both generations", async () => {
    const path = { id: person("ada") };
    const ada = await must(sdk.getUserApiV1UsersIdGet({ client: reader, path }));
    assert.deepEqual([ada.id, ada.user_type, ada.state], [path.id, "person", "active"]);
    const old = await must(sdk.getUserApiV1UsersIdGet({ client: reader, path, headers: { "countersign-fordefi-profile": "seed" } }));
    assert.ok(old.user_type === "person" && old.acknowledged_banners === undefined && old.welcome_message_acknowledged_at);
  });
  await check("is told what is wrong: 401, 404 and 422", async () => {
    const id = "00000000-0000-4000-8000-000000000000";
    const missing = await fails(404, sdk.getUserApiV1UsersIdGet({ client: reader, path: { id } }));
    assert.ok("resource" in missing && missing.resource === "user" && missing.title === "Not found");
    const wrong = await fails(422, sdk.listUsersApiV1UsersGet({ client: reader, query: { page: 0, size: 401, types: ["end_user" as "person"] } }));
    const { detail } = wrong;
    assert.ok(Array.isArray(detail));
    assert.deepEqual(
      detail.map((d) => [d.loc.join("."), d.type]).sort(),
      [["query.page", "greater_than_equal"], ["query.size", "less_than_equal"], ["query.types.0", "enum"]],
    );
    const nobody = await fails(401, sdk.listUsersApiV1UsersGet({ client: connect("nonsense") }));
    assert.equal(typeof nobody.detail, "string");
  });
}

async function endUsers() {
  await check("creates an end user, who reaches his own data only, and takes him back", async () => {
    const created = await must(sdk.createEndUserApiV1EndUsersPost({ client: writer, body: { external_id: "customer-1" } }));
    assert.deepEqual([created.external_id, created.export_allowed], ["customer-1", false]);
    const taken = await fails(409, sdk.createEndUserApiV1EndUsersPost({ client: writer, body: { external_id: "customer-1" } }));
    assert.equal(typeof taken.detail, "string");
    const issued = await must(
      sdk.createAuthTokenApiV1AuthorizationTokensPost({ client: writer, body: { user_type: "end_user", user_id: created.id, expiration: 60 } }),
    );
    const himself = connect(issued.access_token);
    assert.equal((await must(sdk.getCurrentEndUserApiV1EndUsersCurrentGet({ client: himself }))).id, created.id);
    await fails(403, sdk.listUsersApiV1UsersGet({ client: himself }));
    await fails(404, sdk.getUserApiV1UsersIdGet({ client: reader, path: { id: created.id } }));

    const listed = await must(sdk.listEndUsersApiV1EndUsersGet({ client: writer, query: { external_ids: ["customer-1"], include_count: true } }));
    assert.deepEqual([listed.total, listed.end_users.map((u) => u.id)], [1, [created.id]]);
    assert.equal((await must(sdk.listEndUsersApiV1EndUsersGet({ client: writer }))).total, undefined);
    const tokens = await must(sdk.listAuthTokensApiV1AuthorizationTokensGet({ client: writer, query: { user_ids: [created.id] } }));
    assert.deepEqual(tokens.auth_tokens.map((t) => t.id), [issued.id]);

    const ended = await sdk.deleteAuthTokenApiV1AuthorizationTokensIdDelete({ client: writer, path: { id: issued.id } });
    assert.equal(ended.response.status, 204);
    await fails(401, sdk.getCurrentEndUserApiV1EndUsersCurrentGet({ client: himself }));
  });
}

async function log() {
  await check("reads the audit log, as rows and as CSV", async () => {
    const rows = await must(sdk.listAuditLogApiV1AuditLogGet({ client: writer, query: { category: ["user_management"], size: 5 } }));
    assert.ok(rows.total > 5 && rows.audit_log_records.length === 5);
    assert.ok(rows.audit_log_records.every((r) => r.category === "user_management" && r.created_by.user_type !== undefined));
    const csv = await must(sdk.exportAuditLogApiV1AuditLogExportGet({ client: writer, parseAs: "text" }));
    assert.ok(csv.split("\n").length > rows.total);
    await fails(403, sdk.listAuditLogApiV1AuditLogGet({ client: reader }));
  });
}

(async () => {
  await lists();
  await members();
  await single();
  await endUsers();
  await log();
})();
