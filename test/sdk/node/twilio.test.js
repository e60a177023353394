// Twilio's library for Node.js, as an application uses it: only the base URL is another. Run by node_test.go.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import twilio from "twilio";

const dev = JSON.parse(readFileSync(process.env.CREDENTIALS, "utf8"));

function newClient(token = dev.twilio.auth_token) {
  const client = twilio(dev.twilio.account_sid, token);
  client.verify.baseUrl = dev.twilio.base_url;
  return client;
}

const client = newClient();
const services = client.verify.v2.services;
let numbers = 0;

// number is one that no other test has.
const number = () => "+447700900" + String(++numbers).padStart(3, "0");

// code waits for the n-th message to a recipient, from 1.
async function code(to, n = 1) {
  for (let tries = 0; tries < 500; tries++) {
    const answer = await fetch(dev.base_url + "/dev/inbox?to=" + encodeURIComponent(to));
    const { messages } = await answer.json();
    if (messages.length >= n) return messages[messages.length - n];
    await new Promise((go) => setTimeout(go, 10));
  }
  assert.fail("message " + n + " did not come");
}

// wrong is a code of the same length that is not the right one.
const wrong = (right) => (right[0] === "0" ? "1" : "0") + right.slice(1);

// totp is the code that an authenticator shows for a Base32 secret, so many steps of 30 seconds from now (RFC 6238).
function totp(secret, steps = 0) {
  const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000) + steps));
  const mac = createHmac("sha1", key).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1e6).padStart(6, "0");
}

// refused holds a promise to one error of Twilio's.
const refused = (promise, status, errorCode) =>
  assert.rejects(promise, (err) => {
    assert.equal(err.constructor.name, "RestException");
    assert.equal(err.status, status);
    assert.equal(err.code, errorCode);
    assert.equal(err.moreInfo, "https://www.twilio.com/docs/errors/" + errorCode);
    assert.ok(err.message);
    return true;
  });

// service makes one, and has it removed after the test.
async function service(t, settings = {}) {
  const made = await services.create({ friendlyName: "Acme", ...settings });
  t.after(() => services(made.sid).remove()); // what create gives knows no way back to its resource
  return made;
}

test("a service is created, read, changed and removed", async (t) => {
  const made = await services.create({ friendlyName: "Shop", codeLength: 8, "totp.skew": 2, psd2Enabled: true });
  assert.match(made.sid, /^VA[0-9a-f]{32}$/);
  assert.equal(made.accountSid, dev.twilio.account_sid);
  assert.equal(made.codeLength, 8);
  assert.equal(made.totp.skew, 2);
  assert.equal(made.customCodeEnabled, false);
  assert.ok(made.dateCreated instanceof Date && !Number.isNaN(made.dateCreated.getTime()));
  const changed = await services(made.sid).update({ customCodeEnabled: true, ttsName: "Shop" });
  assert.deepEqual([changed.codeLength, changed.customCodeEnabled, changed.psd2Enabled, changed.ttsName], [8, true, true, "Shop"]);
  assert.equal((await services(made.sid).fetch()).friendlyName, "Shop");
  assert.equal(await services(made.sid).remove(), true);
  await refused(services(made.sid).fetch(), 404, 20404);
});

test("a list is read over many pages", async (t) => {
  const made = [];
  for (let i = 0; i < 5; i++) made.push((await service(t, { friendlyName: "Page " + i })).sid);
  const seen = (await services.list({ pageSize: 2 })).map((s) => s.sid);
  for (const sid of made) assert.equal(seen.filter((s) => s === sid).length, 1);
  assert.equal((await services.list({ limit: 3, pageSize: 2 })).length, 3);
  const first = await services.page({ pageSize: 2 });
  const back = await (await first.nextPage()).previousPage();
  assert.deepEqual(back.instances.map((s) => s.sid), first.instances.map((s) => s.sid));
});

test("a code by sms is checked", async (t) => {
  const { sid } = await service(t);
  const to = number();
  const v = await services(sid).verifications.create({ to, channel: "sms" });
  assert.deepEqual([v.to, v.channel, v.status, v.valid, v.serviceSid], [to, "sms", "pending", false, sid]);
  assert.equal(v.sendCodeAttempts.length, 1);
  assert.match(v.sendCodeAttempts[0].attempt_sid, /^VL[0-9a-f]{32}$/);
  assert.deepEqual(v.lookup, { carrier: null });
  const message = await code(to);
  assert.equal(message.body, "Your Acme verification code is: " + message.code);
  const miss = await services(sid).verificationChecks.create({ to, code: wrong(message.code) });
  assert.deepEqual([miss.status, miss.valid], ["pending", false]);
  assert.equal((await services(sid).verifications(v.sid).fetch()).status, "pending");
  assert.equal((await services(sid).verifications(to).fetch()).sid, v.sid);
  const hit = await services(sid).verificationChecks.create({ verificationSid: v.sid, code: message.code });
  assert.deepEqual([hit.sid, hit.status, hit.valid, hit.to], [v.sid, "approved", true, to]);
  await refused(services(sid).verifications(v.sid).fetch(), 404, 20404);
  await refused(services(sid).verificationChecks.create({ to, code: message.code }), 404, 20404);
});

test("a rate limit holds for its value", async (t) => {
  const { sid } = await service(t);
  const limits = services(sid).rateLimits;
  const made = await limits.create({ uniqueName: "end_user", description: "each" });
  assert.match(made.sid, /^RK[0-9a-f]{32}$/);
  assert.deepEqual([made.uniqueName, made.description, made.serviceSid], ["end_user", "each", sid]);
  assert.ok(made.dateCreated instanceof Date && made.links.buckets.endsWith("/Buckets"));
  for (let i = 1; i <= 3; i++) await limits(made.sid).buckets.create({ max: 9, interval: 60 * i });
  const buckets = await limits(made.sid).buckets.list({ pageSize: 2 });
  assert.equal(new Set(buckets.map((b) => b.sid)).size, 3);
  const tight = await limits(made.sid).buckets(buckets[0].sid).update({ max: 1 });
  assert.deepEqual([tight.max, tight.interval, tight.rateLimitSid], [1, buckets[0].interval, made.sid]);
  const create = (user) => services(sid).verifications.create({ to: number(), channel: "sms", rateLimits: { end_user: user } });
  await create("203.0.113.7");
  await refused(create("203.0.113.7"), 429, 20429);
  await create("203.0.113.8");
  await refused(limits.create({ uniqueName: "end_user" }), 400, 60208);
  assert.equal((await limits(made.sid).update({ description: "all" })).description, "all");
  assert.equal(await limits(made.sid).buckets(tight.sid).remove(), true);
  await create("203.0.113.7");
  assert.equal(await limits(made.sid).remove(), true);
  await refused(limits(made.sid).fetch(), 404, 20404);
});

test("a resend has the same code, and the sixth is refused", async (t) => {
  const { sid } = await service(t);
  const to = number();
  const first = await services(sid).verifications.create({ to, channel: "sms" });
  const second = await services(sid).verifications.create({ to, channel: "call" });
  assert.deepEqual([second.sid, second.channel, second.sendCodeAttempts.length], [first.sid, "call", 2]);
  assert.equal((await code(to, 2)).code, (await code(to, 1)).code);
  for (let i = 0; i < 3; i++) await services(sid).verifications.create({ to, channel: "sms" });
  await refused(services(sid).verifications.create({ to, channel: "sms" }), 429, 60203);
});

test("the sixth check is refused, with the right code too", async (t) => {
  const { sid } = await service(t);
  const to = number();
  await services(sid).verifications.create({ to, channel: "sms" });
  const right = (await code(to)).code;
  for (let i = 0; i < 5; i++) {
    const miss = await services(sid).verificationChecks.create({ to, code: wrong(right) });
    assert.deepEqual([miss.status, miss.valid], ["pending", false]);
  }
  await refused(services(sid).verificationChecks.create({ to, code: right }), 429, 60202);
  await refused(services(sid).verifications.create({ to, channel: "sms" }), 429, 60202);
});

test("a code by e-mail is checked", async (t) => {
  const { sid } = await service(t);
  const to = "node+tag@example.com";
  const v = await services(sid).verifications.create({ to, channel: "email" });
  assert.equal((await services(sid).verifications(to).fetch()).sid, v.sid);
  const hit = await services(sid).verificationChecks.create({ to, code: (await code(to)).code });
  assert.equal(hit.valid, true);
});

test("a custom code is approved by its owner, and canceled", async (t) => {
  const { sid } = await service(t, { customCodeEnabled: true });
  const to = number();
  const v = await services(sid).verifications.create({ to, channel: "sms", customCode: "246810" });
  assert.equal((await code(to)).code, "246810");
  const done = await services(sid).verifications(v.sid).update({ status: "approved" });
  assert.deepEqual([done.status, done.valid], ["approved", true]);
  const next = await services(sid).verifications.create({ to, channel: "sms", customCode: "135791" });
  const gone = await services(sid).verifications(to).update({ status: "canceled" });
  assert.deepEqual([gone.sid, gone.status], [next.sid, "canceled"]);
  await refused(services(sid).verifications(to).update({ status: "canceled" }), 404, 20404);
});

test("a payment is bound to amount and payee", async (t) => {
  const { sid } = await service(t, { psd2Enabled: true });
  const to = number();
  await refused(services(sid).verifications.create({ to, channel: "sms" }), 400, 60206);
  await refused(services(sid).verifications.create({ to, channel: "call", amount: "€39.99", payee: "Bob" }), 400, 60214);
  const v = await services(sid).verifications.create({ to, channel: "sms", amount: "€39.99", payee: "Bob" });
  assert.deepEqual([v.amount, v.payee], ["€39.99", "Bob"]);
  const message = await code(to);
  assert.match(message.body, /^€39\.99 to Bob\. /);
  const miss = await services(sid).verificationChecks.create({ to, code: message.code, amount: "€40.00", payee: "Bob" });
  assert.deepEqual([miss.status, miss.valid], ["pending", false]);
  const hit = await services(sid).verificationChecks.create({ to, code: message.code, amount: "€39.99", payee: "Bob" });
  assert.deepEqual([hit.valid, hit.amount, hit.payee], [true, "€39.99", "Bob"]);
});

test("an entity is created, read, listed and removed", async (t) => {
  const { sid } = await service(t);
  const { entities } = services(sid);
  const made = await entities.create({ identity: "ident-0001" });
  assert.match(made.sid, /^YE[0-9a-f]{32}$/);
  await refused(entities.create({ identity: "ident-0001" }), 409, 60301);
  await refused(entities.create({ identity: "short" }), 400, 60300);
  for (let i = 2; i < 6; i++) await entities.create({ identity: "ident-000" + i });
  assert.equal((await entities("ident-0001").fetch()).sid, made.sid);
  assert.equal(new Set((await entities.list({ pageSize: 2 })).map((e) => e.sid)).size, 5);
  assert.deepEqual(Object.keys(made.links).sort(), ["challenges", "factors", "new_factors"]);
  assert.equal(await entities("ident-0001").remove(), true);
  await refused(entities("ident-0001").fetch(), 404, 20404);
});

test("an authenticator is enrolled, verified and asked", async (t) => {
  const { sid } = await service(t, { "totp.issuer": "Acme Login" });
  const entity = services(sid).entities("ident-0001");
  const made = await entity.newFactors.create({ factorType: "totp", friendlyName: "Ann's phone", "config.skew": 2 });
  assert.match(made.sid, /^YF[0-9a-f]{32}$/);
  assert.deepEqual(made.config, { alg: "sha1", skew: 2, code_length: 6, time_step: 30 });
  const { secret, uri } = made.binding;
  assert.equal(uri, "otpauth://totp/Acme%20Login:Ann%27s%20phone?secret=" + secret + "&issuer=Acme%20Login&algorithm=SHA1&digits=6&period=30");
  await refused(entity.challenges.create({ factorSid: made.sid, authPayload: totp(secret) }), 403, 60318);
  const miss = await entity.factors(made.sid).update({ authPayload: wrong(totp(secret, -1)) });
  assert.equal(miss.status, "unverified");
  const hit = await entity.factors(made.sid).update({ authPayload: totp(secret, -1) });
  assert.deepEqual([hit.status, hit.entitySid], ["verified", (await entity.fetch()).sid]);
  assert.equal("binding" in (await entity.factors(made.sid).fetch()), false);
  assert.equal((await entity.factors(made.sid).update({ friendlyName: "tablet" })).friendlyName, "tablet");
  assert.deepEqual((await entity.factors.list()).map((f) => f.sid), [made.sid]);

  const asked = await entity.challenges.create({ factorSid: made.sid, hiddenDetails: { ip: "192.0.2.1" } });
  assert.deepEqual([asked.status, asked.factorType, asked.respondedReason], ["pending", "totp", "none"]);
  assert.deepEqual(asked.hiddenDetails, { ip: "192.0.2.1" });
  const late = await entity.challenges(asked.sid).update({ authPayload: wrong(totp(secret)) });
  assert.equal(late.status, "pending");
  const done = await entity.challenges(asked.sid).update({ authPayload: totp(secret) });
  assert.equal(done.status, "approved");
  assert.ok(done.dateResponded instanceof Date && !Number.isNaN(done.dateResponded.getTime()));
  await refused(entity.challenges(asked.sid).update({ authPayload: totp(secret) }), 403, 60322);
  const other = await entity.challenges.create({ factorSid: made.sid, authPayload: wrong(totp(secret)) });
  assert.equal(other.status, "pending");
  const list = async (filter) => (await entity.challenges.list({ factorSid: made.sid, pageSize: 1, ...filter })).map((c) => c.sid);
  assert.deepEqual((await list({})).sort(), [asked.sid, other.sid].sort());
  assert.deepEqual(await list({ order: "desc" }), (await list({ order: "asc" })).reverse());
  assert.deepEqual(await list({ status: "approved" }), [asked.sid]);
  assert.equal((await entity.challenges(other.sid).fetch()).status, "pending");
  assert.equal(await entity.factors(made.sid).remove(), true);
  await refused(entity.factors(made.sid).fetch(), 404, 20404);
});

test("the sixth code of an authenticator is refused, with the right one too", async (t) => {
  const { sid } = await service(t, { "totp.skew": 2 });
  const entity = services(sid).entities("ident-0001");
  const binding = { "binding.secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" };
  const made = await entity.newFactors.create({ factorType: "totp", friendlyName: "phone", ...binding });
  const { secret } = made.binding;
  assert.equal(secret, binding["binding.secret"]);
  for (let i = 0; i < 5; i++) await entity.factors(made.sid).update({ authPayload: wrong(totp(secret)) });
  await refused(entity.factors(made.sid).update({ authPayload: totp(secret) }), 429, 60310);
  const next = await entity.newFactors.create({ factorType: "totp", friendlyName: "phone" });
  await entity.factors(next.sid).update({ authPayload: totp(next.binding.secret, -1) });
  const asked = await entity.challenges.create({ factorSid: next.sid });
  for (let i = 0; i < 5; i++) await entity.challenges(asked.sid).update({ authPayload: wrong(totp(next.binding.secret)) });
  await refused(entity.challenges(asked.sid).update({ authPayload: totp(next.binding.secret) }), 429, 60308);
  await refused(entity.newFactors.create({ factorType: "push", friendlyName: "phone" }), 400, 60300);
});

test("webhooks of a service are made, listed, changed and removed", async (t) => {
  const { webhooks } = services((await service(t)).sid);
  const made = await webhooks.create({
    friendlyName: "mine",
    eventTypes: ["factor.created", "challenge.approved"],
    webhookUrl: "https://example.com/hook",
  });
  assert.match(made.sid, /^YW[0-9a-f]{32}$/);
  assert.deepEqual(made.eventTypes, ["factor.created", "challenge.approved"]);
  assert.equal(made.status + made.version + made.webhookMethod, "enabledv2POST");
  assert.ok(made.dateCreated instanceof Date);
  const changed = await webhooks(made.sid).update({ eventTypes: ["*"], status: "disabled", versionParam: "v1" });
  assert.deepEqual([changed.eventTypes, changed.status, changed.version], [["*"], "disabled", "v1"]);
  assert.equal((await webhooks(made.sid).fetch()).webhookUrl, "https://example.com/hook");
  assert.deepEqual((await webhooks.list()).map((w) => w.sid), [made.sid]);
  await refused(webhooks.create({ friendlyName: "x", eventTypes: ["sms"], webhookUrl: "https://example.com/" }), 400, 60200);
  assert.equal(await webhooks(made.sid).remove(), true);
  await refused(webhooks(made.sid).fetch(), 404, 20404);
});

test("errors are Twilio's", async (t) => {
  const { sid } = await service(t);
  const to = number();
  const create = (more) => services(sid).verifications.create({ to, channel: "sms", ...more });
  await refused(create({ to: "123" }), 400, 60200);
  await refused(create({ channel: "fax" }), 400, 60200);
  await refused(create({ locale: "tlh" }), 400, 60200);
  await refused(create({ customCode: "123456" }), 403, 60204);
  await refused(create({ channel: "call", appHash: "FA+9qCX9VSu" }), 400, 60602);
  await refused(services(sid).verificationChecks.create({ code: "123456" }), 400, 60221);
  await refused(services(sid).verificationChecks.create({ to, code: "123456" }), 404, 20404);
  await refused(services.create({ friendlyName: "Acme", codeLength: 3 }), 400, 60200);
  await refused(services.list({ pageSize: 1001 }), 400, 20007);
  await refused(services("VA" + "0".repeat(32)).fetch(), 404, 20404);
  await refused(services(sid).messagingConfigurations.list(), 404, 20404); // not there yet
  await refused(newClient("0".repeat(60)).verify.v2.services(sid).fetch(), 401, 20003);
});
