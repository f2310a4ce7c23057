// What the scripts of this folder share: the credentials, checks, and the
// directory's own API, through which people approve what the clients ask for.
"use strict";
const assert = require("node:assert/strict");
const crypto = require("node:crypto");
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const box = {
  ...require("box-node-sdk"), ...require("box-node-sdk/lib/networking/network"), ...require("box-node-sdk/lib/networking/baseUrls"),
  ...require("box-node-sdk/lib/networking/retries"),
};
const BoxSDK = require("box-node-sdk-v3");

const credentials = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const approvals = process.argv[3] === "on";
const { baseUrl, oauth2Url, clientId, clientSecret, enterpriseId, developerToken } = credentials.box;

const version = (name) => JSON.parse(fs.readFileSync(path.join(__dirname, "node_modules", name, "package.json"), "utf8")).version;
const V10 = `box-node-sdk ${version("box-node-sdk")}`;
const V3 = `box-node-sdk ${version("box-node-sdk-v3")}`;

async function check(client, what, fn) {
  try {
    await fn();
  } catch (e) {
    console.log(`FAILED ${client}: ${what}`);
    console.log(e instanceof assert.AssertionError ? `${e.message}\n${e.stack}` : describe(e));
    process.exit(1);
  }
  console.log(`ok ${client}: ${what}`);
}

const describe = (e) => `${e.stack || e.message} ${JSON.stringify((e.responseInfo && e.responseInfo.rawBody) || (e.response && e.response.body) || null)}`;

// v10 is a client that does not try again by itself, so that what is seen is
// what was answered.
function v10(auth) {
  const session = new box.NetworkSession({
    baseUrls: new box.BaseUrls({ baseUrl, uploadUrl: baseUrl, oauth2Url }),
    retryStrategy: new box.BoxRetryStrategy({ maxAttempts: 1 }),
  });
  return new box.BoxClient({ auth, networkSession: session });
}
// patient is one as its makers set it up: it tries again, and replaces tokens.
const patient = (auth) => new box.BoxClient({ auth }).withCustomBaseUrls({ baseUrl, uploadUrl: baseUrl, oauth2Url });
const ccg = (config) => new box.BoxCcgAuth({ config: new box.CcgConfig({ clientId, clientSecret, enterpriseId, ...config }) });
const dev = (token) => new box.BoxDeveloperTokenAuth({ token });

// The older client rejects plain http unless it is given an agent for it.
const sdk3 = (config) => new BoxSDK({
  clientID: clientId, clientSecret, apiRootURL: baseUrl, boxSubjectType: "enterprise", boxSubjectId: enterpriseId, enterpriseID: enterpriseId,
  request: { agentClass: http.Agent }, numMaxRetries: 0, ...config,
});

// fails runs a call of the newer client and returns its error, as the client shows it.
async function fails(call) {
  let answer;
  try {
    answer = await call();
  } catch (e) {
    const info = e.responseInfo || {};
    return { name: e.name, message: e.message, status: info.statusCode, body: info.body, context: info.contextInfo, headers: info.headers || {} };
  }
  assert.fail(`the call succeeded: ${JSON.stringify(answer && answer.rawData)}`);
}

// fails3 is fails for the older client.
async function fails3(call) {
  let answer;
  try {
    answer = await call();
  } catch (e) {
    const r = e.response || {};
    return { message: e.message, status: e.statusCode || r.statusCode, body: r.body, headers: r.headers || {}, expired: e.authExpired };
  }
  assert.fail(`the call succeeded: ${JSON.stringify(answer)}`);
}

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

// the id of the change that a refusal says is waiting.
function waiting(e) {
  assert.equal(e.status, 403);
  const id = e.headers["countersign-change-request"];
  assert.match(id, /^[0-9a-f-]{36}$/);
  return id;
}

// enrolKey gives the client's account a key to sign grants with: an administrator
// asks for it, and another approves it where that is needed. It returns the
// private half, encrypted, as clients want it.
async function enrolKey(passphrase) {
  const account = (await native("ada", "GET", "/users?q=box%20robot")).items[0].id;
  const { publicKey, privateKey } = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
  const made = await native("ada", "POST", "/credentials", {
    user_id: account, type: "signing_key", public_key: publicKey.export({ type: "spki", format: "pem" }),
  });
  if (approvals) await decide("grace", made.change ? made.change.id : made.id, "approve");
  return privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase });
}

// form sends a form, as a browser or a script would.
async function form(url, fields, token) {
  const answer = await fetch(url, {
    method: "POST", redirect: "manual", body: new URLSearchParams(fields),
    headers: token ? { Authorization: `Bearer ${token}` } : {},
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text ? JSON.parse(text) : null };
}

module.exports = {
  assert, approvals, box, ccg, check, clientId, clientSecret, credentials, decide, describe, dev, developerToken, enrolKey, enterpriseId,
  fails, fails3, form, native, oauth2Url, patient, sdk3, v10, waiting, V10, V3,
};
