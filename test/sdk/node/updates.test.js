import assert from "node:assert/strict";
import { test } from "node:test";
import { code, isRecent, message, numbers, refused, service, services, wrong } from "./server.js";

const number = numbers(4);

// open is a verification, and how to get at it.
async function open(t, settings, parameters) {
  const { sid } = await service(t, settings);
  const to = number();
  const create = (more) => services(sid).verifications.create({ to, channel: "sms", ...parameters, ...more });
  const v = await create();
  return { sid, to, v, create, by: (name) => services(sid).verifications(name), check: (code) => services(sid).verificationChecks.create({ to, code }) };
}

// closed holds a verification to be beyond any call.
async function closed({ to, v, by, check }, right) {
  for (const name of [v.sid, to]) {
    await refused(by(name).fetch(), 404, 20404);
    await refused(by(name).update({ status: "canceled" }), 404, 20404);
    await refused(by(name).update({ status: "approved" }), 404, 20404);
  }
  await refused(check(right), 404, 20404);
}

test("a verification is fetched by its SID and by its number", async (t) => {
  const { to, v, by } = await open(t);
  for (const name of [v.sid, to]) {
    const got = await by(name).fetch();
    assert.deepEqual([got.sid, got.to, got.status, got.valid, got.channel], [v.sid, to, "pending", false, "sms"]);
    assert.deepEqual(got.sendCodeAttempts, v.sendCodeAttempts);
    isRecent(got.dateCreated);
  }
});

test("a verification is fetched by its address", async (t) => {
  const to = "node+updates@example.com";
  const { v, by } = await open(t, {}, { to, channel: "email" });
  assert.equal((await by(to).fetch()).sid, v.sid);
});

test("a verification is canceled by its SID, and closed", async (t) => {
  const one = await open(t);
  const gone = await one.by(one.v.sid).update({ status: "canceled" });
  assert.deepEqual([gone.sid, gone.status, gone.valid], [one.v.sid, "canceled", false]);
  await closed(one, await code(one.to));
});

test("a verification is canceled by its number, and the answer has its SID", async (t) => {
  const { to, v, by } = await open(t);
  const gone = await by(to).update({ status: "canceled" });
  assert.deepEqual([gone.sid, gone.status], [v.sid, "canceled"]);
});

test("a custom code is approved by whoever made it, and closed", async (t) => {
  const one = await open(t, { customCodeEnabled: true }, { customCode: "246810" });
  const done = await one.by(one.v.sid).update({ status: "approved" });
  assert.deepEqual([done.sid, done.status, done.valid], [one.v.sid, "approved", true]);
  await closed(one, "246810");
});

test("a code that was made here is not approved without a check", async (t) => {
  const { v, by } = await open(t);
  await refused(by(v.sid).update({ status: "approved" }), 400, 60200, /Status/);
  assert.equal((await by(v.sid).fetch()).status, "pending");
});

test("a status that is neither canceled nor approved is refused", async (t) => {
  const { v, by } = await open(t);
  for (const status of ["pending", "Canceled", "expired"]) await refused(by(v.sid).update({ status }), 400, 60200, /Status/);
  assert.equal((await by(v.sid).fetch()).status, "pending");
});

test("an approved verification is closed", async (t) => {
  const one = await open(t);
  const right = await code(one.to);
  await one.check(right);
  await closed(one, right);
});

test("after the end a create makes another verification with another code and fresh counts", async (t) => {
  const { to, v, create, by, check } = await open(t, { codeLength: 10 });
  const first = await code(to);
  for (let i = 0; i < 4; i++) await check(wrong(first));
  await create();
  await by(v.sid).update({ status: "canceled" });
  const next = await create();
  assert.notEqual(next.sid, v.sid);
  assert.equal(next.sendCodeAttempts.length, 1);
  const second = (await message(to, 3)).code;
  assert.notEqual(second, first);
  for (let i = 0; i < 4; i++) assert.equal((await check(wrong(second))).status, "pending");
  assert.equal((await check(second)).valid, true);
});

test("after the fifth wrong check the status says so", async (t) => {
  const { to, by, check } = await open(t);
  const right = await code(to);
  for (let i = 0; i < 5; i++) await check(wrong(right));
  const got = await by(to).fetch();
  assert.deepEqual([got.status, got.valid], ["max_attempts_reached", false]);
});

test("a verification of another service is not there", async (t) => {
  const { to, v } = await open(t);
  const other = await service(t);
  for (const name of [v.sid, to]) {
    await refused(services(other.sid).verifications(name).fetch(), 404, 20404);
    await refused(services(other.sid).verifications(name).update({ status: "canceled" }), 404, 20404);
  }
});
