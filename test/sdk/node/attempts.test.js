import assert from "node:assert/strict";
import { test } from "node:test";
import { client, code, dev, isRecent, message, numbers, refused, service, services } from "./server.js";

const number = numbers(8);
const attempts = client.verify.v2.verificationAttempts;
const summary = (filter) => client.verify.v2.verificationAttemptsSummary().fetch(filter);

// sent is a service with a verification of so many sends. Nothing may ask for attempts more than a hundred times in a minute.
async function sent(t, sends = 1) {
  const { sid } = await service(t);
  const to = number();
  let v;
  for (let i = 0; i < sends; i++) v = await services(sid).verifications.create({ to, channel: i % 2 ? "call" : "sms" });
  await message(to, sends);
  return { sid, to, v, sids: v.sendCodeAttempts.map((a) => a.attempt_sid) };
}

test("an attempt is a send, by the SID that the verification gave it", async (t) => {
  const { sid, to, v, sids } = await sent(t);
  const a = await attempts(sids[0]).fetch();
  assert.deepEqual([a.sid, a.verificationSid, a.serviceSid, a.accountSid], [sids[0], v.sid, sid, dev.twilio.account_sid]);
  assert.deepEqual([a.channel, a.conversionStatus], ["sms", "unconverted"]);
  assert.equal(a.channelData.to, to);
  assert.equal(a.channelData.country, "GB");
  assert.ok(a.price === null || typeof a.price === "object");
  isRecent(a.dateCreated);
  isRecent(a.dateUpdated);
  assert.ok(a.url.endsWith("/v2/Attempts/" + sids[0]), a.url);
});

test("the attempts of a verification are listed over pages, each once", async (t) => {
  const { v, sids } = await sent(t, 5);
  const all = (await attempts.list({ verificationSid: v.sid, pageSize: 2 })).map((a) => a.sid);
  assert.deepEqual([...all].sort(), [...sids].sort());
  assert.equal((await attempts.list({ verificationSid: v.sid, limit: 3, pageSize: 2 })).length, 3);
});

test("attempts are found by service, number, channel and country", async (t) => {
  const { sid, to, sids } = await sent(t, 2);
  const found = async (filter) => (await attempts.list(filter)).map((a) => a.sid).sort();
  assert.deepEqual(await found({ verifyServiceSid: sid }), [...sids].sort());
  assert.deepEqual(await found({ "channelData.to": to }), [...sids].sort());
  assert.deepEqual(await found({ verifyServiceSid: sid, channel: "call" }), [sids[1]]);
  assert.deepEqual(await found({ verifyServiceSid: sid, channel: "email" }), []);
  assert.deepEqual(await found({ verifyServiceSid: sid, country: "GB" }), [...sids].sort());
  assert.deepEqual(await found({ verifyServiceSid: sid, country: "FR" }), []);
});

test("attempts are found by when they were made", async (t) => {
  const { sid, sids } = await sent(t);
  const at = (minutes) => new Date(Date.now() + minutes * 60_000);
  const found = async (filter) => (await attempts.list({ verifyServiceSid: sid, ...filter })).map((a) => a.sid);
  assert.deepEqual(await found({ dateCreatedAfter: at(-5), dateCreatedBefore: at(5) }), sids);
  assert.deepEqual(await found({ dateCreatedAfter: at(5) }), []);
  assert.deepEqual(await found({ dateCreatedBefore: at(-5) }), []);
});

test("a check converts the latest attempt", async (t) => {
  const { sid, to, v, sids } = await sent(t, 2);
  await services(sid).verificationChecks.create({ to, code: await code(to) });
  const found = async (status) => (await attempts.list({ verificationSid: v.sid, status })).map((a) => a.sid);
  assert.deepEqual(await found("converted"), [sids[1]]);
  assert.deepEqual(await found("unconverted"), [sids[0]]);
  assert.deepEqual(await found("CONVERTED"), [sids[1]]);
  assert.equal((await attempts(sids[1]).fetch()).channelData.status, "confirmed");
});

test("an approval by its owner converts too", async (t) => {
  const { sid } = await service(t, { customCodeEnabled: true });
  const v = await services(sid).verifications.create({ to: number(), channel: "sms", customCode: "246810" });
  await services(sid).verifications(v.sid).update({ status: "approved" });
  assert.equal((await attempts(v.sendCodeAttempts[0].attempt_sid).fetch()).conversionStatus, "converted");
});

test("the summary counts sends, and its rate is a text", async (t) => {
  const { sid, to } = await sent(t, 3);
  await services(sid).verificationChecks.create({ to, code: await code(to) });
  const s = await summary({ verifyServiceSid: sid });
  assert.deepEqual([s.totalAttempts, s.totalConverted, s.totalUnconverted], [3, 1, 2]);
  assert.equal(typeof s.conversionRatePercentage, "string");
  assert.ok(Math.abs(Number(s.conversionRatePercentage) - 100 / 3) < 0.01, s.conversionRatePercentage);
  const calls = await summary({ verifyServiceSid: sid, channel: "call" });
  assert.deepEqual([calls.totalAttempts, calls.totalConverted], [1, 0]);
});

test("the summary of nothing is zero", async (t) => {
  const { sid } = await service(t);
  const s = await summary({ verifyServiceSid: sid });
  assert.deepEqual([s.totalAttempts, s.totalConverted, s.totalUnconverted, typeof s.conversionRatePercentage], [0, 0, 0, "string"]);
});

test("an attempt that is not there is 404", async () => {
  await refused(attempts("VL" + "0".repeat(32)).fetch(), 404, 20404);
});

test("one verification is fetched sixty times in a minute, and then refused for a while", async (t) => {
  const { sid, v } = await sent(t);
  const fetches = await Promise.allSettled(Array.from({ length: 61 }, () => services(sid).verifications(v.sid).fetch()));
  const late = fetches.filter((f) => f.status === "rejected");
  assert.equal(late.length, 1);
  assert.deepEqual([late[0].reason.status, late[0].reason.code], [429, 20429]);
});
