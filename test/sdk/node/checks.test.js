import assert from "node:assert/strict";
import { test } from "node:test";
import { code, dev, isRecent, numbers, refused, service, services, wrong } from "./server.js";

const number = numbers(3);

// open is a verification whose code has come.
async function open(t, settings) {
  const { sid } = await service(t, settings);
  const to = number();
  const v = await services(sid).verifications.create({ to, channel: "sms" });
  const right = await code(to);
  return { sid, to, v, right, check: (more) => services(sid).verificationChecks.create(more) };
}

test("the right code is approved and valid, by To", async (t) => {
  const { sid, to, v, right, check } = await open(t);
  const hit = await check({ to, code: right });
  assert.deepEqual([hit.sid, hit.status, hit.valid], [v.sid, "approved", true]);
  assert.deepEqual([hit.to, hit.channel, hit.serviceSid, hit.accountSid], [to, "sms", sid, dev.twilio.account_sid]);
  assert.deepEqual([hit.amount, hit.payee], [null, null]);
  assert.equal(hit.dateCreated.getTime(), v.dateCreated.getTime());
  isRecent(hit.dateUpdated);
});

test("the right code is approved and valid, by VerificationSid", async (t) => {
  const { to, v, right, check } = await open(t);
  const hit = await check({ verificationSid: v.sid, code: right });
  assert.deepEqual([hit.sid, hit.status, hit.valid, hit.to], [v.sid, "approved", true, to]);
});

test("a wrong code is an answer: pending, and not valid", async (t) => {
  const { to, v, right, check } = await open(t);
  for (const by of [{ to }, { verificationSid: v.sid }]) {
    const miss = await check({ ...by, code: wrong(right) });
    assert.deepEqual([miss.sid, miss.status, miss.valid], [v.sid, "pending", false]);
  }
  assert.equal((await check({ to, code: right })).status, "approved");
});

test("a code is good once", async (t) => {
  const { to, v, right, check } = await open(t);
  await check({ to, code: right });
  await refused(check({ to, code: right }), 404, 20404);
  await refused(check({ verificationSid: v.sid, code: right }), 404, 20404);
});

test("of checks with the right code at the same moment one is approved", async (t) => {
  const { to, right, check } = await open(t);
  const answers = await Promise.allSettled(Array.from({ length: 5 }, () => check({ to, code: right })));
  assert.equal(answers.filter((a) => a.value?.valid).length, 1);
  for (const { reason } of answers.filter((a) => a.status === "rejected")) assert.ok([404, 429].includes(reason.status), String(reason.status));
});

test("a check needs To or VerificationSid", async (t) => {
  const { right, check } = await open(t);
  await refused(check({ code: right }), 400, 60221);
});

test("a check needs a code of 4 to 10 characters", async (t) => {
  const { to, check } = await open(t);
  for (const none of [{}, { code: "123" }, { code: "12345678901" }]) await refused(check({ to, ...none }), 400, 60200, /Code/);
});

test("a code that could never be right spends no check", async (t) => {
  const { to, right, check } = await open(t);
  for (let i = 0; i < 6; i++) assert.equal((await check({ to, code: "1234567" })).status, "pending");
  assert.equal((await check({ to, code: right })).valid, true);
});

test("the sixth check is refused, and the right code helps no more", async (t) => {
  const { sid, to, v, right, check } = await open(t);
  for (let i = 0; i < 5; i++) assert.deepEqual((await check({ to, code: wrong(right) })).status, "pending");
  await refused(check({ to, code: right }), 429, 60202);
  await refused(check({ verificationSid: v.sid, code: right }), 429, 60202);
  await refused(services(sid).verifications.create({ to, channel: "sms" }), 429, 60202);
});

test("a resend does not reset the count of checks", async (t) => {
  const { sid, to, right, check } = await open(t);
  for (let i = 0; i < 4; i++) await check({ to, code: wrong(right) });
  await services(sid).verifications.create({ to, channel: "sms" });
  await check({ to, code: wrong(right) });
  await refused(check({ to, code: right }), 429, 60202);
});

test("more than five checks do not get through by coming at once", async (t) => {
  const { to, right, check } = await open(t);
  const answers = await Promise.allSettled(Array.from({ length: 9 }, () => check({ to, code: wrong(right) })));
  assert.equal(answers.filter((a) => a.status === "fulfilled").length, 5);
  for (const { reason } of answers.filter((a) => a.status === "rejected")) assert.equal(reason.code, 60202);
});

test("a code of another service does not count", async (t) => {
  const { to, v, right, check } = await open(t);
  const other = await service(t);
  await refused(services(other.sid).verificationChecks.create({ to, code: right }), 404, 20404);
  await refused(services(other.sid).verificationChecks.create({ verificationSid: v.sid, code: right }), 404, 20404);
  assert.equal((await check({ to, code: right })).valid, true);
});

test("a check of what is not there is 404", async (t) => {
  const { right, check } = await open(t);
  await refused(check({ to: number(), code: right }), 404, 20404, /^The requested resource \/v2\/.* was not found$/);
  await refused(check({ verificationSid: "VE" + "0".repeat(32), code: right }), 404, 20404);
  await refused(check({ verificationSid: "VE1", code: right }), 404, 20404);
});
