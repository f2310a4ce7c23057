// The same, shorter, as the older major version of the client sees it.
"use strict";
const { assert, approvals, check, credentials, decide, developerToken, enrolKey, enterpriseId, fails3, sdk3, waiting, V3 } = require("./lib");

const unique = () => `${Date.now()}${Math.random()}`.replace(".", "");

async function life(how, client) {
  await check(V3, `${how}: user, group, membership from beginning to end`, async () => {
    const user = await client.enterprise.addUser(`v${unique()}@northwind.example`, "Vic User");
    const group = await client.groups.create(`Older ${unique()}`, { description: "made by the older client" });
    const made = await client.groups.addUser(group.id, user.id, { role: client.groups.userRoles.MEMBER });
    assert.equal(made.role, "member");
    assert.equal((await client.groups.getMembership(made.id)).user.id, user.id);
    assert.equal((await client.groups.updateMembership(made.id, { role: client.groups.userRoles.ADMIN })).role, "admin");
    assert.equal((await client.groups.getMemberships(group.id, { limit: 10 })).total_count, 1);
    assert.equal((await client.users.getGroupMemberships(user.id)).entries[0].id, made.id);
    assert.ok((await client.groups.getAll({ filter_term: group.name })).total_count >= 1);
    await client.groups.removeMembership(made.id);
    for (const call of [() => client.groups.getMembership(made.id), () => client.groups.removeMembership(made.id)]) {
      const e = await fails3(call);
      assert.equal(e.status, 404);
      assert.equal(e.body.code, "not_found");
    }
    const taken = await fails3(() => client.groups.create(group.name));
    assert.equal(taken.status, 409);
    assert.equal(taken.body.code, "conflict");
    await client.groups.delete(group.id);
    await client.users.delete(user.id, { force: true });
  });
}

async function held(client) {
  const name = `Older held ${unique()}`;
  let id;
  await check(V3, "creating a group: 403 forbidden_by_policy with the change; a repeat names the same one", async () => {
    const e = await fails3(() => client.groups.create(name));
    id = waiting(e);
    assert.equal(e.body.code, "forbidden_by_policy");
    assert.ok(JSON.stringify(e.body.context_info).includes(id));
    assert.equal(waiting(await fails3(() => client.groups.create(name))), id);
  });
  await check(V3, "approved, the group is there; deleting it waits too", async () => {
    await decide("grace", id, "approve");
    const group = (await client.groups.getAll({ filter_term: name })).entries[0];
    const e = await fails3(() => client.groups.delete(group.id));
    assert.equal(e.body.code, "forbidden_by_policy");
    await decide("grace", waiting(e), "approve");
    assert.equal((await fails3(() => client.groups.get(group.id))).status, 404);
  });
}

module.exports = async () => {
  const client = sdk3().getAnonymousClient();
  const developer = sdk3().getBasicClient(developerToken);
  await check(V3, "client credentials and a developer token: the same account", async () => {
    const me = await client.users.get("me");
    assert.equal((await developer.users.get("me")).id, me.id);
  });
  await check(V3, "JWT grant of the enterprise and of a user", async () => {
    const appAuth = { keyID: "any", privateKey: await enrolKey("sesame"), passphrase: "sesame" };
    const signing = sdk3({ appAuth });
    const me = await client.users.get("me");
    assert.equal((await signing.getAppAuthClient("enterprise", enterpriseId).users.get("me")).id, me.id);
    const { entries } = await client.enterprise.getUsers({ filter_term: credentials.people.vera.email });
    assert.equal((await signing.getAppAuthClient("user", entries[0].id).users.get("me")).id, entries[0].id);
  });
  await check(V3, "As-User: that user", async () => {
    const { entries } = await client.enterprise.getUsers({ filter_term: credentials.people.vera.email });
    const vera = sdk3().getBasicClient(developerToken);
    vera.asUser(entries[0].id);
    assert.equal((await vera.users.get("me")).login, credentials.people.vera.email);
  });
  await check(V3, "a token that does not work: expired, for the client", async () => {
    const e = await fails3(() => sdk3().getBasicClient("nonsense").users.get("me"));
    assert.ok(e.expired);
  });
  await check(V3, "wrong secret: refused without trying again", async () => {
    const e = await fails3(() => sdk3({ clientSecret: "wrong" }).getAnonymousClient().users.get("me"));
    assert.equal(e.status, 400);
    assert.equal(e.body.error, "invalid_client");
  });
  if (approvals) {
    await held(client);
    return;
  }
  await life("client credentials", client);
  await life("developer token", developer);
};
