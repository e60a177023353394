import assert from "node:assert/strict";
import { test } from "node:test";
import { message, numbers, refused, service, services } from "./server.js";

const number = numbers(2);

// sent is the message of a create with a service of its own.
async function sent(t, settings, parameters) {
  const { sid } = await service(t, settings);
  const to = number();
  await services(sid).verifications.create({ to, channel: "sms", ...parameters });
  return { sid, to, ...(await message(to)) };
}

test("the warning not to share the code is there only when asked for, and changes nothing on calls", async (t) => {
  const warning = /share/i;
  assert.doesNotMatch((await sent(t)).body, warning);
  assert.match((await sent(t, { doNotShareWarningEnabled: true })).body, warning);
  const spoken = async (doNotShareWarningEnabled) => (await sent(t, { doNotShareWarningEnabled }, { channel: "call" })).body.replace(/[\d, .]|Acme/g, "");
  assert.equal(await spoken(true), await spoken(false));
});

test("a name of the application's own takes the place of the service's", async (t) => {
  const m = await sent(t, {}, { customFriendlyName: "Harbor Bank" });
  assert.equal(m.body, "Your Harbor Bank verification code is: " + m.code);
  const { sid } = await service(t);
  for (const customFriendlyName of ["x".repeat(33), "see http://example.com"]) {
    await refused(services(sid).verifications.create({ to: number(), channel: "sms", customFriendlyName }), 400, 60200, /CustomFriendlyName/);
  }
});

test("a text for Android begins with <#> and ends with the hash of the application", async (t) => {
  const m = await sent(t, {}, { appHash: "FA+9qCX9VSu" });
  assert.equal(m.body, "<#> Your Acme verification code is: " + m.code + " FA+9qCX9VSu");
  await refused(services(m.sid).verifications.create({ to: number(), channel: "call", appHash: "FA+9qCX9VSu" }), 400, 60602);
  await refused(services(m.sid).verifications.create({ to: number(), channel: "sms", appHash: "short" }), 400, 60200, /AppHash/);
});

test("a payment needs amount and payee, which may be any text, and no call", async (t) => {
  const { sid } = await service(t, { psd2Enabled: true });
  const create = (more) => services(sid).verifications.create({ to: number(), channel: "sms", ...more });
  await refused(create({}), 400, 60206);
  await refused(create({ amount: "€39.99" }), 400, 60206);
  await refused(create({ payee: "Bob" }), 400, 60206);
  await refused(create({ channel: "call", amount: "€39.99", payee: "Bob" }), 400, 60214);
  const v = await create({ amount: "about ten", payee: "Bob & Söhne" });
  assert.deepEqual([v.amount, v.payee], ["about ten", "Bob & Söhne"]);
});

test("the text of a payment names amount and payee", async (t) => {
  const m = await sent(t, { psd2Enabled: true }, { amount: "€39.99", payee: "Bob" });
  assert.ok(m.body.includes("€39.99") && m.body.includes("Bob"), m.body);
});

test("a payment is approved with its own amount and payee, and with no others", async (t) => {
  const m = await sent(t, { psd2Enabled: true }, { amount: "€39.99", payee: "Bob" });
  const check = (more) => services(m.sid).verificationChecks.create({ to: m.to, code: m.code, ...more });
  for (const other of [{ amount: "€40.00", payee: "Bob" }, { amount: "€39.99", payee: "Eve" }, {}]) {
    const miss = await check(other);
    assert.deepEqual([miss.status, miss.valid], ["pending", false]);
  }
  const hit = await check({ amount: "€39.99", payee: "Bob" });
  assert.deepEqual([hit.status, hit.valid, hit.amount, hit.payee], ["approved", true, "€39.99", "Bob"]);
});

test("without PSD2 amount and payee mean nothing", async (t) => {
  const m = await sent(t, {}, { amount: "€39.99", payee: "Bob" });
  assert.equal(m.body, "Your Acme verification code is: " + m.code);
});

test("with lookup the kind of line is told, and landlines are skipped when asked for", async (t) => {
  const { sid } = await service(t, { lookupEnabled: true });
  const v = await services(sid).verifications.create({ to: number(), channel: "sms" });
  assert.equal(v.lookup.carrier.type, "mobile");
  assert.equal(v.lookup.carrier.error_code, null);
  await services(sid).update({ skipSmsToLandlines: true });
  await refused(services(sid).verifications.create({ to: "+442079460999", channel: "sms" }), 403, 60205);
});
