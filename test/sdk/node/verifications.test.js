import assert from "node:assert/strict";
import { test } from "node:test";
import { code, dev, inbox, isRecent, message, numbers, refused, service, services } from "./server.js";

const number = numbers(1);

// creating is a service and its create by sms, of which single parameters may be others.
async function creating(t, settings) {
  const { sid } = await service(t, settings);
  const to = number();
  return { sid, to, create: (more) => services(sid).verifications.create({ to, channel: "sms", ...more }) };
}

test("a verification by sms is pending and tells of its send", async (t) => {
  const { sid, to, create } = await creating(t);
  const v = await create();
  assert.match(v.sid, /^VE[0-9a-f]{32}$/);
  assert.deepEqual([v.to, v.channel, v.status, v.valid], [to, "sms", "pending", false]);
  assert.deepEqual([v.serviceSid, v.accountSid], [sid, dev.twilio.account_sid]);
  assert.deepEqual([v.amount, v.payee, v.sna], [null, null, null]);
  assert.deepEqual(v.lookup, { carrier: null });
  assert.equal(v.url, dev.twilio.base_url + "/v2/Services/" + sid + "/Verifications/" + v.sid);
  assert.equal(v.sendCodeAttempts.length, 1);
  assert.match(v.sendCodeAttempts[0].attempt_sid, /^VL[0-9a-f]{32}$/);
  assert.equal(v.sendCodeAttempts[0].channel, "sms");
  assert.match(v.sendCodeAttempts[0].time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
});

test("the dates of a verification are dates", async (t) => {
  const { create } = await creating(t);
  const v = await create();
  isRecent(v.dateCreated);
  isRecent(v.dateUpdated);
});

test("the text names the service, and its code is the only run of digits", async (t) => {
  const { to, create } = await creating(t, { friendlyName: "Acme Shop" });
  await create();
  const m = await message(to);
  assert.equal(m.body, "Your Acme Shop verification code is: " + m.code);
  assert.deepEqual(m.body.match(/\d+/g), [m.code]);
  assert.match(m.code, /^\d{6}$/);
});

test("the code is in no answer", async (t) => {
  const { sid, to, create } = await creating(t, { codeLength: 10 });
  const made = await create();
  const right = await code(to);
  const told = (v) => JSON.stringify(v.toJSON()).replace(/[A-Z]{2}[0-9a-f]{32}/g, ""); // SIDs may hold any digits
  for (const v of [made, await create(), await services(sid).verifications(made.sid).fetch()]) assert.ok(!told(v).includes(right));
});

test("a call speaks the code", async (t) => {
  const { to, create } = await creating(t);
  const v = await create({ channel: "call" });
  assert.deepEqual([v.channel, v.sendCodeAttempts[0].channel], ["call", "call"]);
  const m = await message(to);
  assert.equal(m.channel, "voice");
  assert.ok(m.body.replace(/\D/g, "").includes(m.code), m.body); // digit by digit
});

test("an e-mail goes to an address as it was given", async (t) => {
  const { sid, create } = await creating(t);
  const to = "node+verifications@example.com";
  const v = await create({ to, channel: "email" });
  assert.deepEqual([v.to, v.channel], [to, "email"]);
  assert.equal((await services(sid).verificationChecks.create({ to, code: await code(to) })).valid, true);
});

test("auto is an sms", async (t) => {
  const { create } = await creating(t);
  assert.equal((await create({ channel: "auto" })).channel, "sms");
});

test("a channel that is not there is refused", async (t) => {
  const { create } = await creating(t);
  await refused(create({ channel: "fax" }), 400, 60200, /Channel/);
  await refused(create({ channel: "rcs" }), 400, 60200, /Channel/);
  await refused(create({ channel: "sna" }), 400, 60223);
});

test("a recipient that can't be one of the channel is refused by the name To", async (t) => {
  const { create } = await creating(t);
  for (const to of ["123", "+1", "447700900001", "+999123456789", "not a number"]) await refused(create({ to }), 400, 60200, /`To`/);
  await refused(create({ to: "ann@example.com" }), 400, 60200, /`To`/);
  await refused(create({ to: "ann@example.com", channel: "call" }), 400, 60200, /`To`/);
  await refused(create({ channel: "email" }), 400, 60200, /`To`/);
});

test("a resend is the same verification with the same code and one more attempt", async (t) => {
  const { to, create } = await creating(t);
  const first = await create();
  const second = await create();
  assert.deepEqual([second.sid, second.status], [first.sid, "pending"]);
  assert.deepEqual(second.sendCodeAttempts[0], first.sendCodeAttempts[0]);
  assert.equal(new Set(second.sendCodeAttempts.map((a) => a.attempt_sid)).size, 2);
  assert.ok(second.sendCodeAttempts[0].time <= second.sendCodeAttempts[1].time);
  assert.equal((await message(to, 2)).code, (await message(to, 1)).code);
  assert.equal(second.dateCreated.getTime(), first.dateCreated.getTime());
});

test("the channel may change with a resend, and the answer tells the latest", async (t) => {
  const { sid, to, create } = await creating(t);
  await create();
  const v = await create({ channel: "call" });
  assert.deepEqual([v.channel, v.sendCodeAttempts.map((a) => a.channel)], ["call", ["sms", "call"]]);
  assert.equal((await services(sid).verifications(to).fetch()).channel, "call");
  assert.equal((await message(to, 2)).code, (await message(to, 1)).code);
});

test("the sixth send is refused whatever its channel, and sends nothing", async (t) => {
  const { sid, to, create } = await creating(t);
  for (let i = 0; i < 5; i++) await create({ channel: i % 2 ? "call" : "sms" });
  await message(to, 5);
  await refused(create(), 429, 60203);
  await refused(create({ channel: "call" }), 429, 60203);
  assert.equal((await services(sid).verifications(to).fetch()).sendCodeAttempts.length, 5);
  assert.equal((await inbox(to)).length, 5);
});

test("creates at the same moment are one verification of five sends at most", async (t) => {
  const { to, create } = await creating(t);
  const answers = await Promise.allSettled(Array.from({ length: 8 }, () => create()));
  const made = answers.filter((a) => a.status === "fulfilled").map((a) => a.value.sid);
  assert.ok(made.length >= 1 && made.length <= 5, String(made.length));
  assert.equal(new Set(made).size, 1);
  for (const { reason } of answers.filter((a) => a.status === "rejected")) {
    assert.equal(reason.status, 429);
    assert.ok([60203, 60212].includes(reason.code), String(reason.code));
  }
  await message(to, made.length);
  assert.equal(new Set((await inbox(to)).map((m) => m.code)).size, 1);
});

test("two creates at the same moment are one verification", async (t) => {
  const { create } = await creating(t);
  const [one, two] = await Promise.all([create(), create()]);
  assert.equal(one.sid, two.sid);
});

test("a verification of another service is another one", async (t) => {
  const { to, create } = await creating(t);
  const other = await service(t);
  const one = await create();
  const two = await services(other.sid).verifications.create({ to, channel: "sms" });
  assert.notEqual(one.sid, two.sid);
});

test("a custom code is sent, and must be allowed and of 4 to 10 characters", async (t) => {
  const { sid, to, create } = await creating(t);
  await refused(create({ customCode: "246810" }), 403, 60204);
  await services(sid).update({ customCodeEnabled: true });
  await refused(create({ customCode: "123" }), 400, 60200, /CustomCode/);
  await refused(create({ customCode: "12345678901" }), 400, 60200, /CustomCode/);
  await create({ customCode: "246810" });
  assert.equal(await code(to), "246810");
});

test("another custom code for an open verification sends the first again", async (t) => {
  const { to, create } = await creating(t, { customCodeEnabled: true });
  const one = await create({ customCode: "246810" });
  const two = await create({ customCode: "135791" });
  assert.equal(one.sid, two.sid);
  assert.equal((await message(to, 2)).code, "246810");
});

test("a code has as many digits as the service says", async (t) => {
  for (const codeLength of [4, 10]) {
    const { sid, to, create } = await creating(t, { codeLength });
    await create();
    const right = await code(to);
    assert.match(right, new RegExp("^\\d{" + codeLength + "}$"));
    assert.equal((await services(sid).verificationChecks.create({ to, code: right })).valid, true);
  }
});

test("a locale must be one of Twilio's, and is refused by its name", async (t) => {
  const { create } = await creating(t);
  await refused(create({ locale: "tlh" }), 400, 60200, /locale/i);
  await assert.rejects(create({ locale: "tlh" }), (err) => !/\bto\b/i.test(err.message)); // an application tells it from a bad number by that
  await create({ locale: "en-GB" });
  await create({ locale: "de" });
});

test("tags are taken up to ten, as texts of up to 128 characters", async (t) => {
  const { create } = await creating(t);
  await create({ tags: JSON.stringify({ campaign: "spring", plan: "x".repeat(128) }) });
  const many = Object.fromEntries(Array.from({ length: 11 }, (_, i) => ["tag" + i, "x"]));
  await refused(create({ tags: JSON.stringify(many) }), 400, 60200, /Tags/);
  await refused(create({ tags: JSON.stringify({ tag: "x".repeat(129) }) }), 400, 60200, /Tags.* 128 /);
  await refused(create({ tags: JSON.stringify({ ["x".repeat(65)]: "spring" }) }), 400, 60200, /Tags.* 64 .* 128 /);
  await refused(create({ tags: "spring" }), 400, 60200, /Tags/);
});

test("the address of the device is taken as IPv4 or IPv6", async (t) => {
  const { create } = await creating(t);
  await create({ deviceIp: "192.0.2.1" });
  await create({ deviceIp: "2001:db8::1" });
  await refused(create({ deviceIp: "192.0.2" }), 400, 60200, /DeviceIp/);
});

test("an empty object of rate limits limits nothing", async (t) => {
  const { create } = await creating(t);
  assert.equal((await create({ rateLimits: {} })).status, "pending");
});

test("parameters that mean nothing here are passed over", async (t) => {
  const { create } = await creating(t);
  const v = await create({ sendDigits: "1234", riskCheck: "disable", enableSnaClientToken: true, channelConfiguration: { from: "a@example.com" }, customMessage: "hello" });
  assert.equal(v.status, "pending");
});
