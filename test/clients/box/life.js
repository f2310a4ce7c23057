// The life of groups, users and memberships as the newer client sees it.
"use strict";
const { assert, approvals, ccg, check, credentials, decide, dev, developerToken, fails, native, v10, waiting, V10 } = require("./lib");

const unique = () => `${Date.now()}${Math.random()}`.replace(".", "");
const addUser = (client, name = "Una User") => client.users.createUser({ name, login: `u${unique()}@northwind.example` });
const join = (client, user, group, more) => client.memberships.createGroupMembership({ user: { id: user }, group: { id: group }, ...more });

// story is the test that the client's own repository runs against its server.
async function story(how, client) {
  await check(V10, `${how}: user, group, membership from beginning to end`, async () => {
    const user = await addUser(client);
    const ofUser = await client.memberships.getUserMemberships(user.id);
    assert.equal(ofUser.totalCount, 0);
    assert.deepEqual(ofUser.entries, []);
    const group = await client.groups.createGroup({ name: `Group ${unique()}` });
    assert.equal((await client.memberships.getGroupMemberships(group.id)).totalCount, 0);
    const made = await join(client, user.id, group.id);
    assert.equal(made.user.id, user.id);
    assert.equal(made.group.id, group.id);
    assert.equal(made.role, "member");
    assert.equal((await client.memberships.getGroupMembershipById(made.id)).id, made.id);
    assert.equal((await client.memberships.getUserMemberships(user.id)).entries[0].id, made.id);
    assert.equal((await client.memberships.updateGroupMembershipById(made.id, { requestBody: { role: "admin" } })).role, "admin");
    await client.memberships.deleteGroupMembershipById(made.id);
    const gone = await fails(() => client.memberships.getGroupMembershipById(made.id));
    assert.equal(gone.status, 404);
    assert.equal(gone.body.code, "not_found");
    const twice = await fails(() => client.memberships.deleteGroupMembershipById(made.id));
    assert.equal(twice.status, 404);
    await client.groups.deleteGroupById(group.id);
    await client.users.deleteUserById(user.id, { queryParams: { force: true, notify: false } });
    assert.equal((await fails(() => client.users.getUserById(user.id))).status, 404);
  });
}

async function permissionsOfGroupAdmins(client) {
  await check(V10, "configurable_permissions: absent, null, empty and partial, read back by rawData", async () => {
    const [user, group] = [await addUser(client), await client.groups.createGroup({ name: `Admins ${unique()}` })];
    const all = { can_create_accounts: true, can_edit_accounts: true, can_run_reports: true, can_instant_login: true };
    const shown = (m) => m.rawData.configurable_permissions;
    const made = await join(client, user.id, group.id, { role: "admin" });
    assert.deepEqual(shown(made), all);
    const put = async (configurablePermissions) => shown(await client.memberships.updateGroupMembershipById(made.id, { requestBody: { configurablePermissions } }));
    const off = Object.fromEntries(Object.keys(all).map((k) => [k, false]));
    assert.deepEqual(await put(null), off);
    assert.deepEqual(await put({ can_run_reports: false }), { ...all, can_run_reports: false });
    assert.deepEqual(shown(await client.memberships.updateGroupMembershipById(made.id, {})), { ...all, can_run_reports: false });
    assert.deepEqual(await put({}), all);
    await client.groups.deleteGroupById(group.id);
    assert.equal((await fails(() => client.memberships.getGroupMembershipById(made.id))).status, 404);
  });
}

async function refusals(client) {
  const [user, group] = [await addUser(client), await client.groups.createGroup({ name: `Taken ${unique()}` })];
  const made = await join(client, user.id, group.id);
  const refused = (what, call, status, code) => check(V10, `${what}: ${status} ${code}`, async () => {
    const e = await fails(call);
    assert.equal(e.status, status);
    assert.equal(e.body.code, code);
    assert.equal(e.body.type, "error");
    assert.equal(e.body.status, status);
    assert.ok(e.body.request_id);
  });
  await refused("a second membership of the pair", () => join(client, user.id, group.id), 409, "conflict");
  await refused("a group name that is taken", () => client.groups.createGroup({ name: group.name.toUpperCase() }), 409, "conflict");
  await refused("a login that is taken", () => client.users.createUser({ name: "Una", login: user.login }), 409, "user_login_already_used");
  await refused("an unknown user in a membership", () => join(client, "99999999", group.id), 404, "not_found");
  await refused("an unknown role", () => join(client, user.id, group.id, { role: "banana" }), 400, "bad_request");
  await refused("a user without login", () => client.users.createUser({ name: "Una" }), 400, "bad_request");
  const offset = (n) => client.memberships.getGroupMemberships(group.id, { queryParams: { offset: n } });
  await check(V10, "offset 10000 is answered", async () => assert.equal((await offset(10000)).totalCount, 1));
  await refused("offset 10001", () => offset(10001), 400, "bad_request");
  await refused("an unknown group", () => client.groups.getGroupById("99999999"), 404, "not_found");
  await check(V10, "a role without rights: 403 access_denied_insufficient_permissions", async () => {
    const vera = v10(dev(credentials.people.vera.token));
    const e = await fails(() => vera.memberships.deleteGroupMembershipById(made.id));
    assert.equal(e.status, 403);
    const post = await fails(() => vera.groups.createGroup({ name: "No" }));
    assert.equal(post.body.code, "access_denied_insufficient_permissions");
  });
}

// paging walks past the thousand that one page holds: users are made in bulk by
// the directory's own API, which the client does not have.
async function paging(client) {
  const group = await client.groups.createGroup({ name: `Crowd ${unique()}` });
  const many = 1050;
  const [{ id: groupId }] = (await native("ada", "GET", `/groups?q=${encodeURIComponent(group.name)}`)).items;
  for (let n = 0; n < many; n += 50) {
    const operations = Array.from({ length: 50 }, (_, i) => ({
      kind: "user.create_api_user", name: `crowd ${n + i}`, role: "none", responsible_person_id: credentials.people.vera.id, group_ids: [groupId],
    }));
    await native("ada", "POST", "/changes", { operations, reason: "a crowd" });
  }
  await check(V10, `${many} memberships, by pages of 1000 and of 100, each once`, async () => {
    for (const [limit, used] of [[5000, 1000], [undefined, 100]]) {
      const ids = [];
      for (let offset = 0; ; ) {
        const page = await client.memberships.getGroupMemberships(group.id, { queryParams: { limit, offset } });
        assert.equal(page.limit, used);
        assert.equal(page.totalCount, many);
        ids.push(...page.entries.map((m) => m.id));
        offset += page.limit;
        if (offset >= page.totalCount) break;
      }
      assert.equal(new Set(ids).size, many);
      assert.equal(ids.length, many);
    }
  });
  await check(V10, "users by marker, each once", async () => {
    const ids = [];
    for (let marker; ; ) {
      const page = await client.users.getUsers({ usemarker: true, marker, limit: 400 });
      ids.push(...page.entries.map((u) => u.id));
      if (!page.nextMarker) break;
      marker = page.nextMarker;
    }
    assert.ok(ids.length > many);
    assert.equal(new Set(ids).size, ids.length);
  });
}

// approved lets a refused call be approved and returns what it asked for.
async function held(what, call, repeat = call) {
  let id;
  await check(V10, `${what}: 403 forbidden_by_policy with the change; a repeat names the same one`, async () => {
    const e = await fails(call);
    id = waiting(e);
    if (e.body) { // of a DELETE the client reads none
      assert.equal(e.body.code, "forbidden_by_policy");
      assert.ok(JSON.stringify(e.context).includes(id));
    }
    assert.equal(waiting(await fails(repeat)), id);
  });
  return id;
}

async function withApprovals(client) {
  const name = `Held ${unique()}`;
  const create = () => client.groups.createGroup({ name });
  const made = await held("creating a group", create);
  await check(V10, "approved, the group is there, and a repeat is a conflict", async () => {
    assert.equal((await client.groups.getGroups({ filterTerm: name })).totalCount, 0);
    await decide("grace", made, "approve");
    assert.equal((await fails(create)).status, 409);
  });
  const group = (await client.groups.getGroups({ filterTerm: name })).entries[0];
  const vera = (await client.users.getUsers({ filterTerm: credentials.people.vera.email })).entries[0];
  const added = await held("adding a member", () => join(client, vera.id, group.id));
  await check(V10, "approved, she is a member, and a repeat is a conflict", async () => {
    assert.equal((await client.memberships.getGroupMemberships(group.id)).totalCount, 0);
    await decide("grace", added, "approve");
    assert.equal((await fails(() => join(client, vera.id, group.id))).status, 409);
  });
  const membership = (await client.memberships.getGroupMemberships(group.id)).entries[0];
  const raise = () => client.memberships.updateGroupMembershipById(membership.id, { requestBody: { role: "admin" } });
  const raised = await held("making her an admin of the group", raise);
  await check(V10, "denied, she stays a member", async () => {
    await decide("grace", raised, "deny");
    assert.equal((await client.memberships.getGroupMembershipById(membership.id)).role, "member");
  });
  await check(V10, "asked again, it is another change; approved, she is one", async () => {
    const again = waiting(await fails(raise));
    assert.notEqual(again, raised);
    await decide("linus", again, "approve");
    assert.equal((await client.memberships.getGroupMembershipById(membership.id)).role, "admin");
  });
  const removed = await held("removing her", () => client.memberships.deleteGroupMembershipById(membership.id));
  await check(V10, "approved, the membership is gone: 404", async () => {
    assert.equal((await client.memberships.getGroupMembershipById(membership.id)).role, "admin");
    await decide("grace", removed, "approve");
    assert.equal((await fails(() => client.memberships.getGroupMembershipById(membership.id))).status, 404);
  });
  const user = { name: "Una User", login: `u${unique()}@northwind.example` };
  const invited = await held("creating a user", () => client.users.createUser(user));
  await check(V10, "approved, the user is there, and a repeat says that the login is used", async () => {
    await decide("grace", invited, "approve");
    assert.equal((await client.users.getUsers({ filterTerm: user.login })).totalCount, 1);
    assert.equal((await fails(() => client.users.createUser(user))).body.code, "user_login_already_used");
  });
  const dissolved = await held("deleting the group", () => client.groups.deleteGroupById(group.id));
  await check(V10, "approved, the group is gone: 404", async () => {
    await decide("grace", dissolved, "approve");
    assert.equal((await fails(() => client.groups.getGroupById(group.id))).status, 404);
  });
}

module.exports = async () => {
  const client = v10(ccg());
  if (approvals) {
    await withApprovals(client);
    return;
  }
  await story("client credentials", client);
  await story("developer token", v10(dev(developerToken)));
  await permissionsOfGroupAdmins(client);
  await refusals(client);
  await paging(client);
};
