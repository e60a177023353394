import assert from "node:assert/strict";
import { test } from "node:test";
import { enrolled, isRecent, refused, service, services, totp, wrong } from "./server.js";

// entity is one of a new service.
async function entity(t, settings) {
  const { sid } = await service(t, settings);
  return services(sid).entities("ident-0001");
}

const factor = (ann, more) => ann.newFactors.create({ factorType: "totp", friendlyName: "Ann's phone", ...more });

test("a new factor makes its entity, and shows its secret", async (t) => {
  const ann = await entity(t, { "totp.issuer": "Acme Login" });
  const made = await factor(ann);
  assert.match(made.sid, /^YF[0-9a-f]{32}$/);
  assert.deepEqual([made.status, made.factorType, made.friendlyName, made.identity], ["unverified", "totp", "Ann's phone", "ident-0001"]);
  assert.equal(made.entitySid, (await ann.fetch()).sid);
  assert.deepEqual(made.config, { alg: "sha1", skew: 1, code_length: 6, time_step: 30 });
  const { secret, uri } = made.binding;
  assert.match(secret, /^[A-Z2-7]{32}$/);
  assert.equal(uri, "otpauth://totp/Acme%20Login:Ann%27s%20phone?secret=" + secret + "&issuer=Acme%20Login&algorithm=SHA1&digits=6&period=30");
  isRecent(made.dateCreated);
});

test("the secret is shown on create, and never again", async (t) => {
  const ann = await entity(t);
  const made = await factor(ann);
  const { secret } = made.binding;
  const later = [
    await ann.factors(made.sid).fetch(), (await ann.factors.list())[0], await ann.factors(made.sid).update({ friendlyName: "tablet" }),
    await ann.factors(made.sid).update({ authPayload: totp(secret) }),
  ];
  for (const f of later) {
    assert.equal("binding" in f, false);
    assert.ok(!JSON.stringify(f.toJSON()).includes(secret));
  }
});

test("a factor takes a secret of the application's own", async (t) => {
  const ann = await entity(t);
  const secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
  const made = await factor(ann, { "binding.secret": secret });
  assert.equal(made.binding.secret, secret);
  assert.equal((await ann.factors(made.sid).update({ authPayload: totp(secret) })).status, "verified");
  await refused(factor(ann, { "binding.secret": "not base 32!" }), 400, 60300, /Binding\.Secret/);
});

test("a factor is verified by its first code, and a wrong one leaves it as it is", async (t) => {
  const ann = await entity(t);
  const made = await factor(ann);
  const { secret } = made.binding;
  assert.equal((await ann.factors(made.sid).update({ authPayload: wrong(totp(secret)) })).status, "unverified");
  assert.equal((await ann.factors(made.sid).fetch()).status, "unverified");
  assert.equal((await ann.factors(made.sid).update({ authPayload: totp(secret) })).status, "verified");
  assert.equal((await ann.factors(made.sid).fetch()).status, "verified");
});

test("after five wrong codes a factor takes none, not the right one either", async (t) => {
  const ann = await entity(t);
  const made = await factor(ann);
  const { secret } = made.binding;
  for (let i = 0; i < 5; i++) assert.equal((await ann.factors(made.sid).update({ authPayload: wrong(totp(secret)) })).status, "unverified");
  await refused(ann.factors(made.sid).update({ authPayload: totp(secret) }), 429, 60310);
  assert.equal((await ann.factors(made.sid).fetch()).status, "unverified");
});

test("the defaults of a factor are its service's", async (t) => {
  const ann = await entity(t, { "totp.timeStep": 60, "totp.codeLength": 8, "totp.skew": 2 });
  const made = await factor(ann);
  assert.deepEqual(made.config, { alg: "sha1", skew: 2, code_length: 8, time_step: 60 });
  assert.equal((await ann.factors(made.sid).update({ authPayload: totp(made.binding.secret, 0, { digits: 8, period: 60 }) })).status, "verified");
});

test("a factor makes its codes as its configuration says", async (t) => {
  const ann = await entity(t);
  for (const alg of ["sha1", "sha256", "sha512"]) {
    const made = await factor(ann, { "config.alg": alg, "config.codeLength": 7, "config.timeStep": 40, "config.skew": 0 });
    assert.deepEqual(made.config, { alg, skew: 0, code_length: 7, time_step: 40 });
    assert.ok(made.binding.uri.endsWith("&algorithm=" + alg.toUpperCase() + "&digits=7&period=40"), made.binding.uri);
    const now = () => totp(made.binding.secret, 0, { alg, digits: 7, period: 40 });
    let hit = await ann.factors(made.sid).update({ authPayload: now() });
    if (hit.status === "unverified") hit = await ann.factors(made.sid).update({ authPayload: now() }); // the step ended in between, and with no skew that counts
    assert.equal(hit.status, "verified");
  }
});

test("a configuration out of its bounds is refused by its name", async (t) => {
  const ann = await entity(t);
  for (const [name, value] of [["config.timeStep", 19], ["config.timeStep", 61], ["config.codeLength", 2], ["config.codeLength", 9], ["config.skew", 3], ["config.alg", "md5"]]) {
    await refused(factor(ann, { [name]: value }), 400, 60300, new RegExp(name.replace(".", "\\."), "i"));
  }
  await refused(factor(ann, { factorType: "push" }), 400, 60300, /FactorType/);
  await refused(factor(ann, { friendlyName: "x".repeat(65) }), 400, 60300, /FriendlyName/);
});

test("name and configuration of a factor can be changed", async (t) => {
  const ann = await entity(t);
  const { sid } = await enrolled(ann);
  const f = await ann.factors(sid).update({ friendlyName: "tablet", "config.skew": 2 });
  assert.deepEqual([f.friendlyName, f.config.skew, f.status], ["tablet", 2, "verified"]);
});

test("metadata of a factor comes back", async (t) => {
  const ann = await entity(t);
  const made = await factor(ann, { metadata: { os: "Android" } });
  assert.deepEqual((await ann.factors(made.sid).fetch()).metadata, { os: "Android" });
});

test("factors are listed over pages, and removed", async (t) => {
  const ann = await entity(t);
  const made = [];
  for (let i = 0; i < 5; i++) made.push((await factor(ann, { friendlyName: "phone " + i })).sid);
  made.sort(); // a SID begins with its time; what was made in one millisecond has no order
  assert.deepEqual((await ann.factors.list({ pageSize: 2 })).map((f) => f.sid), made);
  assert.equal(await ann.factors(made[0]).remove(), true);
  await refused(ann.factors(made[0]).fetch(), 404, 20404);
  assert.deepEqual((await ann.factors.list()).map((f) => f.sid), made.slice(1));
});
