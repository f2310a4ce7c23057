// How the newer client gets its tokens: client credentials of the enterprise and
// of a user, a signed grant, a person's code, a developer token; and how they end.
"use strict";
const crypto = require("node:crypto");
const {
  assert, box, ccg, check, clientId, clientSecret, credentials, dev, developerToken, enrolKey, enterpriseId, fails, form, oauth2Url, patient, v10, V10,
} = require("./lib");

const me = async (client, ...fields) => (await client.users.getUserMe(fields.length ? { fields } : {}));
const numberOf = async (client, name) => {
  const { entries } = await client.users.getUsers({ filterTerm: credentials.people[name].email });
  assert.equal(entries.length, 1);
  return entries[0].id;
};

async function clientCredentials() {
  const enterprise = v10(ccg());
  let account;
  await check(V10, "client credentials of the enterprise: users/me is the service account, its enterprise is box_subject_id", async () => {
    const seen = await me(enterprise, "enterprise");
    account = seen.id;
    assert.equal(seen.enterprise.id, enterpriseId);
  });
  await check(V10, "a developer token: the same account", async () => assert.equal((await me(v10(dev(developerToken)))).id, account));
  await check(V10, "client credentials of a user: users/me is that user", async () => {
    const vera = await numberOf(enterprise, "vera");
    assert.equal((await me(v10(ccg().withUserSubject(vera)))).id, vera);
    assert.equal((await me(v10(ccg({ userId: vera })))).id, vera); // both given: the user wins
    assert.equal((await me(enterprise.withAsUserHeader(vera))).id, vera);
  });
  await check(V10, "a user's token sees and may do what both may: vera, a viewer, creates no group", async () => {
    const vera = v10(ccg().withUserSubject(await numberOf(enterprise, "vera")));
    const e = await fails(() => vera.groups.createGroup({ name: "Vera's" }));
    assert.equal(e.status, 403);
    assert.equal(e.body.code, "access_denied_insufficient_permissions");
  });
  await check(V10, "50 first calls at once: 50 tokens, all work", async () => {
    const client = v10(ccg());
    const seen = await Promise.all(Array.from({ length: 50 }, () => me(client)));
    assert.ok(seen.every((u) => u.id === account));
  });
  await check(V10, "wrong secret: 400 invalid_client; wrong enterprise: 400 invalid_grant", async () => {
    const secret = await fails(() => me(v10(ccg({ clientSecret: "wrong" }))));
    assert.equal(secret.status, 400);
    assert.equal(secret.body.error, "invalid_client");
    const other = await fails(() => me(v10(ccg({ enterpriseId: "100000000000" }))));
    assert.equal(other.body.error, "invalid_grant");
  });
  await check(V10, "revoked: the token is expired for whoever kept it", async () => {
    const auth = ccg();
    const client = v10(auth);
    const { accessToken } = await auth.retrieveToken(client.networkSession);
    assert.equal((await me(v10(dev(accessToken)))).id, account);
    await auth.revokeToken(client.networkSession);
    assert.match((await fails(() => me(patient(dev(accessToken))))).message, /expired/);
  });
  await check(V10, "a token that expired is replaced by the client itself", async () => {
    const auth = ccg();
    const client = patient(auth);
    const { accessToken } = await auth.retrieveToken(client.networkSession);
    const revoked = await form(`${oauth2Url}/revoke`, { client_id: clientId, client_secret: clientSecret, token: accessToken });
    assert.equal(revoked.status, 200);
    assert.equal((await me(client)).id, account);
  });
  await check(V10, "downscoping: 400 unsupported_grant_type", async () => {
    const client = v10(ccg());
    const e = await fails(() => client.auth.downscopeToken(["manage_groups"], undefined, undefined, client.networkSession));
    assert.equal(e.status, 400);
    assert.equal(e.body.error, "unsupported_grant_type");
  });
  return account;
}

async function signedGrants(account) {
  const privateKey = await enrolKey("sesame");
  const jwt = (config) => new box.BoxJwtAuth({
    config: new box.JwtConfig({ clientId, clientSecret, jwtKeyId: "any", privateKey, privateKeyPassphrase: "sesame", enterpriseId, ...config }),
  });
  for (const algorithm of ["RS256", "RS384", "RS512"]) {
    await check(V10, `JWT grant, ${algorithm}: the service account`, async () => assert.equal((await me(v10(jwt({ algorithm })))).id, account));
  }
  await check(V10, "JWT grant of a user: that user", async () => {
    const client = v10(jwt());
    const vera = await numberOf(client, "vera");
    assert.equal((await me(v10(jwt().withUserSubject(vera)))).id, vera);
  });
  await check(V10, "JWT grant of a key nobody registered: 400 invalid_grant", async () => {
    const stranger = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey
      .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "sesame" });
    const e = await fails(() => me(v10(jwt({ privateKey: stranger }))));
    assert.equal(e.status, 400);
    assert.equal(e.body.error, "invalid_grant");
  });
}

async function codes() {
  const oauth = () => new box.BoxOAuth({ config: new box.OAuthConfig({ clientId, clientSecret }) });
  const code = async () => {
    const answer = await form(`${oauth2Url}/authorize`, { response_type: "code", client_id: clientId }, credentials.people.grace.token);
    assert.equal(answer.status, 200);
    return answer.body.code;
  };
  await check(V10, "a person's code: the client acts for her, and refreshes", async () => {
    const auth = oauth();
    const client = v10(auth);
    await auth.getTokensAuthorizationCodeGrant(await code(), client.networkSession);
    assert.equal((await me(client)).login, credentials.people.grace.email);
    const first = await auth.tokenStorage.get();
    await auth.refreshToken(client.networkSession);
    const second = await auth.tokenStorage.get();
    assert.notEqual(first.refreshToken, second.refreshToken);
    assert.equal((await me(client)).login, credentials.people.grace.email);
    await auth.revokeToken(client.networkSession);
    assert.match((await fails(() => me(patient(dev(second.accessToken))))).message, /expired/);
  });
  await check(V10, "a code works once: 400 invalid_grant", async () => {
    const used = await code();
    await oauth().getTokensAuthorizationCodeGrant(used, v10(oauth()).networkSession);
    const e = await fails(() => oauth().getTokensAuthorizationCodeGrant(used, v10(oauth()).networkSession));
    assert.equal(e.status, 400);
    assert.equal(e.body.error, "invalid_grant");
  });
  await check(V10, "the authorize URL: no page, no redirect", async () => {
    const url = new URL(oauth().getAuthorizeUrl({ redirectUri: "https://app.example/back", state: "s" }));
    const answer = await fetch(`${oauth2Url}/authorize${url.search}`, { redirect: "manual" });
    assert.equal(answer.status, 403);
    assert.equal((await answer.json()).error, "access_denied");
  });
}

module.exports = async () => {
  const account = await clientCredentials();
  await signedGrants(account);
  await codes();
};
