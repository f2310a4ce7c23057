// Drives the published Fireblocks clients, unmodified, against a running
// "countersign demo". All it knows is the credentials file:
//
//   node drive.js CREDENTIALS off|on
//
// Each check prints one line, "ok <client>: <what>"; the first that fails ends
// the run with exit code 1 and says what was seen. What has to be approved is
// approved by a person of the demo through the native API, as in real life.
"use strict";
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { Fireblocks } = require("@fireblocks/ts-sdk");
const { FireblocksSDK } = require("fireblocks-sdk");

const credentials = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const approvals = process.argv[3] === "on";
const { apiKey, basePath, secretKeyFile } = credentials.fireblocks;
const secretKey = fs.readFileSync(secretKeyFile, "utf8");
const person = (name) => credentials.people[name].id;

const version = (name) => JSON.parse(fs.readFileSync(path.join(__dirname, "node_modules", name, "package.json"), "utf8")).version;
const TS = `@fireblocks/ts-sdk ${version("@fireblocks/ts-sdk")}`;
const LEGACY = `fireblocks-sdk ${version("fireblocks-sdk")}`;

const ts = new Fireblocks({ apiKey, secretKey, basePath });
const groups = ts.userGroupsBeta;
// The legacy client wants the host only: its paths begin with /v1.
const legacy = new FireblocksSDK(secretKey, apiKey, basePath.replace(/\/v1$/, ""));

async function check(client, what, fn) {
  try {
    await fn();
  } catch (e) {
    console.log(`FAILED ${client}: ${what}`);
    console.log(e instanceof assert.AssertionError ? e.message : describe(e));
    process.exit(1);
  }
  console.log(`ok ${client}: ${what}`);
}

const describe = (e) => `${e.stack || e.message} ${JSON.stringify((e.response && (e.response.data || e.response.statusCode)) || null)}`;

// fails runs a call and returns its error as the ts-sdk shows it: no instance of
// Error, but a message, a status and the body.
async function fails(call) {
  let answer;
  try {
    answer = await call();
  } catch (e) {
    return { message: e.message, status: e.response && e.response.statusCode, data: e.response && e.response.data, headers: (e.response && e.response.headers) || {} };
  }
  assert.fail(`the call succeeded: ${answer.statusCode} ${JSON.stringify(answer.data)}`);
}

const isRequestId = (headers) => assert.match(headers["x-request-id"], /^[0-9a-f-]{36}$/);

// native calls the directory's own API as a person.
async function native(who, method, at, body) {
  const answer = await fetch(credentials.directory.baseUrl + at, {
    method,
    headers: { Authorization: `Bearer ${credentials.people[who].token}`, ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${who} ${method} ${at}: ${answer.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

async function decide(who, change, decision) {
  const { digest } = await native(who, "GET", `/changes/${change}`);
  return native(who, "POST", `/changes/${change}/approvals`, { decision, digest });
}

const waiting = (answer) => answer.headers["countersign-change-request"];

async function waitingFor(groupId) {
  const open = await native("grace", "GET", `/changes?state=pending&group_id=${groupId}`);
  assert.equal(open.total, 1);
  return open.items[0].id;
}

const make = (groupName, memberIds, idempotencyKey) => groups.createUserGroup({ userGroupCreateRequest: { groupName, memberIds }, idempotencyKey });
const change = (groupId, userGroupUpdateRequest, idempotencyKey) => groups.updateUserGroup({ groupId, userGroupUpdateRequest, idempotencyKey });
const show = async (groupId) => (await groups.getUserGroup({ groupId })).data;
const listed = async (groupId) => (await groups.getUserGroups()).data.find((g) => g.id === groupId);

async function lifeWithoutApprovals() {
  let id;
  await check(TS, "create: 201, ACTIVE, X-Request-ID", async () => {
    const made = await make("Trésorerie 🏦", [person("ada"), apiKey]);
    id = made.data.id;
    assert.equal(made.statusCode, 201);
    assert.deepEqual(made.data, { id, name: "Trésorerie 🏦", memberIds: [person("ada"), apiKey], status: "ACTIVE" });
    isRequestId(made.headers);
  });
  await check(TS, "get and list show it", async () => {
    const got = await groups.getUserGroup({ groupId: id });
    assert.equal(got.statusCode, 200);
    assert.equal(got.data.name, "Trésorerie 🏦");
    assert.deepEqual(await listed(id), got.data);
  });
  await check(TS, "update of name and members: 200", async () => {
    const renamed = await change(id, { groupName: "Treasury 2" });
    assert.equal(renamed.statusCode, 200);
    assert.deepEqual(renamed.data, { id, name: "Treasury 2", memberIds: [person("ada"), apiKey], status: "ACTIVE" });
    const moved = await change(id, { memberIds: [person("grace")] });
    assert.deepEqual(moved.data.memberIds, [person("grace")]);
    assert.deepEqual(await show(id), moved.data);
    assert.deepEqual((await change(id, {})).data, moved.data);
  });
  await check(TS, "a VIEWER as a member: 400, code 1002", async () => {
    const e = await fails(() => change(id, { memberIds: [person("vera")] }));
    assert.equal(e.status, 400);
    assert.equal(e.data.code, 1002);
    assert.match(e.message, /VIEWER/);
  });
  await check(TS, "a name that is taken: 409", async () => {
    const e = await fails(() => make("treasury 2", []));
    assert.equal(e.status, 409);
    assert.match(e.message, /groupName/);
  });
  await check(TS, "delete: 204, data is empty", async () => {
    const gone = await groups.deleteUserGroup({ groupId: id });
    assert.equal(gone.statusCode, 204);
    assert.equal(gone.data, "");
    isRequestId(gone.headers);
  });
  await check(TS, "get after delete: 404 with the message", async () => {
    const e = await fails(() => groups.getUserGroup({ groupId: id }));
    assert.equal(e.status, 404);
    assert.equal(e.message, "There is no user group with this id.");
    assert.equal(e.data.error.type, "NOT_FOUND");
    isRequestId(e.headers);
  });
}

async function neighbours() {
  await check(TS, "users, console users, API users", async () => {
    const users = (await ts.users.getUsers()).data;
    const console_ = (await ts.consoleUser.getConsoleUsers()).data.users;
    const accounts = (await ts.apiUser.getApiUsers()).data.users;
    assert.equal(users.length, console_.length + accounts.length);
    const role = (list, id) => list.find((u) => u.id === id).role;
    assert.equal(role(users, person("ada")), "OWNER");
    assert.equal(role(console_, person("grace")), "ADMIN");
    assert.equal(role(console_, person("vera")), "VIEWER");
    assert.equal(role(accounts, apiKey), "NON_SIGNING_ADMIN");
  });
  await check(TS, "console user create: 200, empty; found by listing", async () => {
    const made = await ts.consoleUser.createConsoleUser({
      createConsoleUser: { firstName: "Ivo", lastName: "Jansen", role: "EDITOR", email: "ivo@northwind.example" },
    });
    assert.equal(made.statusCode, 200);
    assert.equal(made.data, "");
    const ivo = (await ts.consoleUser.getConsoleUsers()).data.users.find((u) => u.email === "ivo@northwind.example");
    assert.equal(ivo.status, "PENDING_ACTIVATION");
    assert.equal(ivo.enabled, false);
  });
  await check(TS, "API user create with a CSR: 200, empty", async () => {
    const csrPem = fs.readFileSync(path.join(__dirname, "request.csr.pem"), "utf8");
    const made = await ts.apiUser.createApiUser({ createAPIUser: { name: "ci", role: "EDITOR", csrPem } });
    assert.equal(made.statusCode, 200);
    const ci = (await ts.apiUser.getApiUsers()).data.users.find((u) => u.name === "ci");
    assert.equal(ci.role, "EDITOR");
    assert.equal(ci.status, approvals ? "PENDING_ACTIVATION" : "READY");
  });
  await check(TS, "API user create without arguments: 400, names the field", async () => {
    const e = await fails(() => ts.apiUser.createApiUser());
    assert.equal(e.status, 400);
    assert.match(e.message, /^name:/);
  });
  await check(TS, "reset device: 200, empty", async () => {
    const done = await ts.resetDevice.resetDevice({ id: person("linus") });
    assert.equal(done.statusCode, 200);
  });
  await check(TS, "whitelist, workspace", async () => {
    assert.deepEqual((await ts.whitelistIpAddresses.getWhitelistIpAddresses({ userId: apiKey })).data, { userId: apiKey, whitelistedIps: null });
    assert.deepEqual((await ts.workspace.getWorkspace()).data, credentials.organization);
  });
  await check(TS, "audit logs: the events of this run, with a cursor", async () => {
    const log = (await ts.auditLogs.getAuditLogs({ timePeriod: "DAY" })).data;
    assert.ok(log.total >= log.data.length);
    const events = log.data.filter((e) => e.subject === "User group").map((e) => e.event);
    assert.ok(events.includes(approvals ? "Created" : "Approved and created"), events.join());
    assert.ok(events.includes(approvals ? "Changes rejected" : "Edited"), events.join());
    assert.ok(events.includes("Deleted"), events.join());
  });
}

async function idempotency() {
  const key = "replay-" + Date.now();
  await check(TS, "idempotent replay: same status and body, fresh X-Request-ID", async () => {
    const first = await make("Replayed", [person("grace")], key);
    const again = await make("Replayed", [person("grace")], key);
    assert.equal(again.statusCode, first.statusCode);
    assert.deepEqual(again.data, first.data);
    assert.notEqual(again.headers["x-request-id"], first.headers["x-request-id"]);
    assert.equal((await groups.getUserGroups()).data.filter((g) => g.name === "Replayed").length, 1);
  });
  await check(TS, "same key, other body or path: 422", async () => {
    assert.equal((await fails(() => make("Other", [], key))).status, 422);
    const id = (await groups.getUserGroups()).data.find((g) => g.name === "Replayed").id;
    assert.equal((await fails(() => change(id, { groupName: "x" }, key))).status, 422);
  });
  await check(TS, "keys: 41 characters and non-ASCII 400, empty is none", async () => {
    assert.equal((await fails(() => make("Long", [], "k".repeat(41)))).status, 400);
    assert.equal((await fails(() => make("Accent", [], "clé"))).status, 400);
    assert.equal((await make("Keyless 1", [], "")).statusCode, 201);
    assert.equal((await make("Keyless 2", [], "")).statusCode, 201);
  });
}

async function oddRequests() {
  await check(TS, "an id that needs escapes: 404", async () => {
    const e = await fails(() => groups.getUserGroup({ groupId: "a/b c%d" }));
    assert.equal(e.status, 404);
  });
  await check(TS, "basePath with a slash at its end: 200", async () => {
    const slashed = new Fireblocks({ apiKey, secretKey, basePath: basePath + "/" });
    assert.equal((await slashed.userGroupsBeta.getUserGroups()).statusCode, 200);
  });
  await check(TS, "another key: 401, code -1, the published text", async () => {
    const { privateKey } = crypto.generateKeyPairSync("rsa", { modulusLength: 2048, privateKeyEncoding: { type: "pkcs8", format: "pem" }, publicKeyEncoding: { type: "spki", format: "pem" } });
    const stranger = new Fireblocks({ apiKey, secretKey: privateKey, basePath });
    const e = await fails(() => stranger.userGroupsBeta.getUserGroups());
    assert.equal(e.status, 401);
    assert.equal(e.data.code, -1);
    assert.equal(e.message, "invalid signature");
  });
  await check(TS, "an API key that is none: 401, code -7", async () => {
    const stranger = new Fireblocks({ apiKey: person("ada"), secretKey, basePath });
    const e = await fails(() => stranger.userGroupsBeta.getUserGroups());
    assert.equal(e.status, 401);
    assert.equal(e.data.code, -7);
  });
  await check(TS, "an unserved path below /v1: 404, no redirect", async () => {
    assert.equal((await fails(() => ts.vaults.getPagedVaultAccounts({}))).status, 404);
  });
}

async function legacyLife() {
  let id;
  await check(LEGACY, approvals ? "create: PENDING_APPROVAL, approved: ACTIVE" : "create: ACTIVE", async () => {
    const made = await legacy.createUserGroup("Legacy", [person("ada")]);
    id = made.id;
    assert.deepEqual(made, { id, name: "Legacy", memberIds: [person("ada")], status: approvals ? "PENDING_APPROVAL" : "ACTIVE" });
    if (approvals) await decide("grace", await waitingFor(id), "approve");
    assert.equal((await legacy.getUserGroup(id)).status, "ACTIVE");
  });
  await check(LEGACY, "list, users, console users", async () => {
    assert.ok((await legacy.getUserGroups()).some((g) => g.id === id));
    assert.ok((await legacy.getUsers()).some((u) => u.id === person("vera") && u.role === "VIEWER"));
    assert.ok((await legacy.getConsoleUsers()).users.some((u) => u.id === person("grace") && u.role === "ADMIN"));
  });
  await check(LEGACY, "update of the name alone keeps the members", async () => {
    const updated = await legacy.updateUserGroup(id, "Legacy 2");
    assert.deepEqual([updated.name, updated.memberIds], ["Legacy 2", [person("ada")]]);
    if (approvals) await decide("grace", await waitingFor(id), "approve");
    assert.equal((await legacy.getUserGroup(id)).name, "Legacy 2");
  });
  await check(LEGACY, "an error shows message and code", async () => {
    const e = await legacy.getUserGroup("01890a5d-ac96-774b-bcce-b302099a8057").then(() => null, (e) => e);
    assert.equal(e.response.status, 404);
    assert.equal(e.response.data.message, "There is no user group with this id.");
    assert.equal(e.response.data.code, 1004);
  });
  await check(LEGACY, approvals ? "delete: approved, then 404" : "delete: then 404", async () => {
    await legacy.deleteUserGroup(id);
    if (approvals) await decide("grace", await waitingFor(id), "approve");
    const e = await legacy.getUserGroup(id).then(() => null, (e) => e);
    assert.equal(e.response.status, 404);
  });
}

// shortenLives lets requests end after the shortest time there is: a policy
// change, which two others approve.
async function shortenLives() {
  const policy = await native("ada", "GET", "/policy");
  policy.default.expires_after_seconds = 60;
  for (const rule of policy.rules) rule.requirement.expires_after_seconds = 60;
  const asked = await native("ada", "PUT", "/policy", policy);
  await decide("grace", asked.id, "approve");
  await decide("linus", asked.id, "approve");
}

async function lifeWithApprovals() {
  let id;
  let made;
  const key = "approved-" + Date.now();
  await check(TS, "create: 201, PENDING_APPROVAL in answer, get and list", async () => {
    made = await make("Treasury desk", [person("ada")], key);
    id = made.data.id;
    assert.equal(made.statusCode, 201);
    assert.deepEqual(made.data, { id, name: "Treasury desk", memberIds: [person("ada")], status: "PENDING_APPROVAL" });
    assert.deepEqual(await show(id), made.data);
    assert.deepEqual(await listed(id), made.data);
  });
  await check(TS, "update and delete of a pending group: 409, code 1013", async () => {
    for (const call of [() => change(id, { groupName: "x" }), () => groups.deleteUserGroup({ groupId: id })]) {
      const e = await fails(call);
      assert.equal(e.status, 409);
      assert.equal(e.data.code, 1013);
      assert.equal(e.data.changeRequestId, waiting(made));
    }
  });
  await check(TS, "an administrator approves: ACTIVE", async () => {
    await decide("grace", waiting(made), "approve");
    assert.deepEqual(await show(id), { ...made.data, status: "ACTIVE" });
  });
  await check(TS, "replay after approval: the first answer", async () => {
    const again = await make("Treasury desk", [person("ada")], key);
    assert.equal(again.statusCode, 201);
    assert.deepEqual(again.data, made.data);
    assert.equal(waiting(again), waiting(made));
  });
  await check(TS, "denied creation: 404, not listed", async () => {
    const doomed = await make("Doomed", []);
    await decide("grace", waiting(doomed), "deny");
    assert.equal((await fails(() => groups.getUserGroup({ groupId: doomed.data.id }))).status, 404);
    assert.equal(await listed(doomed.data.id), undefined);
  });
  await check(TS, "update: answers the proposal, get shows what is in force", async () => {
    const asked = await change(id, { groupName: "Renamed", memberIds: [person("grace")] });
    assert.equal(asked.statusCode, 200);
    assert.deepEqual(asked.data, { id, name: "Renamed", memberIds: [person("grace")], status: "PENDING_APPROVAL" });
    assert.deepEqual(await show(id), { id, name: "Treasury desk", memberIds: [person("ada")], status: "PENDING_APPROVAL" });
    await decide("linus", waiting(asked), "deny");
  });
  await check(TS, "denied update: the old values, ACTIVE", async () => {
    assert.deepEqual(await show(id), { id, name: "Treasury desk", memberIds: [person("ada")], status: "ACTIVE" });
  });
  await check(TS, "approved update: the new values, ACTIVE", async () => {
    const asked = await change(id, { groupName: "Renamed" });
    await decide("grace", waiting(asked), "approve");
    assert.deepEqual(await show(id), { id, name: "Renamed", memberIds: [person("ada")], status: "ACTIVE" });
  });
  await check(TS, "delete: 204, PENDING_APPROVAL; approved: 404", async () => {
    const asked = await groups.deleteUserGroup({ groupId: id });
    assert.equal(asked.statusCode, 204);
    assert.equal(asked.data, "");
    assert.equal((await show(id)).status, "PENDING_APPROVAL");
    await decide("grace", waiting(asked), "approve");
    assert.equal((await fails(() => groups.getUserGroup({ groupId: id }))).status, 404);
  });
}

async function expiry() {
  let expiring;
  await check(TS, "a creation that nobody decides", async () => {
    await shortenLives();
    expiring = await make("Too late", []);
    assert.equal((await show(expiring.data.id)).status, "PENDING_APPROVAL");
  });
  const end = Date.parse((await native("ada", "GET", `/changes/${waiting(expiring)}`)).expires_at);
  return async () => {
    await new Promise((done) => setTimeout(done, Math.max(0, end - Date.now()) + 50));
    await check(TS, "expired: 404, not listed", async () => {
      assert.equal((await fails(() => groups.getUserGroup({ groupId: expiring.data.id }))).status, 404);
      assert.equal(await listed(expiring.data.id), undefined);
    });
  };
}

(async () => {
  if (approvals) {
    const expires = await expiry();
    await lifeWithApprovals();
    await idempotency();
    await legacyLife();
    await neighbours();
    await oddRequests();
    await expires();
  } else {
    await lifeWithoutApprovals();
    await idempotency();
    await legacyLife();
    await neighbours();
    await oddRequests();
  }
})().catch((e) => {
  console.log(describe(e));
  process.exit(1);
});
