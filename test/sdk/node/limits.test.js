import assert from "node:assert/strict";
import { test } from "node:test";
import { dev, inbox, isRecent, message, numbers, refused, service, services } from "./server.js";

const number = numbers(7);

// limited is a service with one rate limit, and what goes with it.
async function limited(t, ...buckets) {
  const { sid } = await service(t);
  const limits = services(sid).rateLimits;
  const limit = await limits.create({ uniqueName: "end_user", description: "each user" });
  for (const [max, interval] of buckets) await limits(limit.sid).buckets.create({ max, interval });
  const create = (rateLimits, to = number()) => services(sid).verifications.create({ to, channel: "sms", rateLimits });
  return { sid, limits, limit, buckets: limits(limit.sid).buckets, create };
}

test("a rate limit is made, fetched, changed and removed", async (t) => {
  const { sid, limits, limit } = await limited(t);
  assert.match(limit.sid, /^RK[0-9a-f]{32}$/);
  assert.deepEqual([limit.uniqueName, limit.description, limit.serviceSid, limit.accountSid], ["end_user", "each user", sid, dev.twilio.account_sid]);
  assert.ok(limit.links.buckets.endsWith("/RateLimits/" + limit.sid + "/Buckets"), limit.links.buckets);
  isRecent(limit.dateCreated);
  isRecent(limit.dateUpdated);
  assert.equal((await limits(limit.sid).fetch()).uniqueName, "end_user");
  const changed = await limits(limit.sid).update({ description: "all users" });
  assert.deepEqual([changed.uniqueName, changed.description], ["end_user", "all users"]);
  assert.equal(await limits(limit.sid).remove(), true);
  await refused(limits(limit.sid).fetch(), 404, 20404);
  await refused(limits(limit.sid).remove(), 404, 20404);
});

test("the name of a rate limit is there once in a service, of letters, digits, dots, dashes and underscores", async (t) => {
  const { limits } = await limited(t);
  const other = await limited(t);
  assert.equal(other.limit.uniqueName, "end_user");
  await refused(limits.create({ uniqueName: "end_user" }), 400, 60208);
  for (const uniqueName of ["end user", "end/user", "ünder"]) await refused(limits.create({ uniqueName }), 400, 60209);
  assert.equal((await limits.create({ uniqueName: "A-b_c.9" })).uniqueName, "A-b_c.9");
  await assert.rejects(limits.create({ uniqueName: "" }), (err) => err.status === 400);
});

test("rate limits are listed over pages", async (t) => {
  const { limits } = await limited(t);
  for (let i = 0; i < 4; i++) await limits.create({ uniqueName: "limit_" + i });
  const all = (await limits.list({ pageSize: 2 })).map((l) => l.uniqueName);
  assert.deepEqual(all.sort(), ["end_user", "limit_0", "limit_1", "limit_2", "limit_3"]);
});

test("a bucket is made, fetched, changed and removed", async (t) => {
  const { sid, limit, buckets } = await limited(t);
  const b = await buckets.create({ max: 4, interval: 60 });
  assert.match(b.sid, /^BL[0-9a-f]{32}$/);
  assert.deepEqual([b.max, b.interval, b.rateLimitSid, b.serviceSid, b.accountSid], [4, 60, limit.sid, sid, dev.twilio.account_sid]);
  isRecent(b.dateCreated);
  assert.equal((await buckets(b.sid).fetch()).max, 4);
  const changed = await buckets(b.sid).update({ max: 5 });
  assert.deepEqual([changed.max, changed.interval], [5, 60]);
  assert.equal((await buckets(b.sid).update({ interval: 120 })).interval, 120);
  assert.equal(await buckets(b.sid).remove(), true);
  await refused(buckets(b.sid).fetch(), 404, 20404);
});

test("a bucket has positive numbers, and its interval once in a limit", async (t) => {
  const { buckets } = await limited(t, [4, 60]);
  await refused(buckets.create({ max: 9, interval: 60 }), 400, 60211);
  for (const [max, interval] of [[0, 30], [-1, 30], [4, 0], [4, -1], ["many", 30]]) await refused(buckets.create({ max, interval }), 400, 60200);
  await buckets.create({ max: 9, interval: 61 });
  assert.deepEqual((await buckets.list({ pageSize: 1 })).map((b) => b.interval).sort(), [60, 61]);
});

test("a full bucket refuses the create, and nothing is sent", async (t) => {
  const { sid, create } = await limited(t, [2, 600]);
  await create({ end_user: "192.0.2.1" });
  await create({ end_user: "192.0.2.1" });
  const to = number();
  await refused(create({ end_user: "192.0.2.1" }, to), 429, 20429);
  await refused(services(sid).verifications(to).fetch(), 404, 20404);
  assert.deepEqual(await inbox(to), []);
});

test("a bucket counts each value of its own", async (t) => {
  const { create } = await limited(t, [1, 600]);
  await create({ end_user: "ann" });
  await create({ end_user: "bob" });
  await refused(create({ end_user: "ann" }), 429, 20429);
});

test("a create that names no limit is free", async (t) => {
  const { create } = await limited(t, [1, 600]);
  await create({ end_user: "ann" });
  await create(undefined);
  await create({});
  await refused(create({ end_user: "ann" }), 429, 20429);
});

test("the tightest bucket wins", async (t) => {
  const { create } = await limited(t, [5, 600], [1, 3600]);
  await create({ end_user: "ann" });
  await refused(create({ end_user: "ann" }), 429, 20429);
});

test("a limit without buckets limits nothing", async (t) => {
  const { create } = await limited(t);
  for (let i = 0; i < 3; i++) await create({ end_user: "ann" });
});

test("a create that one limit refuses is not charged to another", async (t) => {
  const { limits, create } = await limited(t, [1, 600]);
  const other = await limits.create({ uniqueName: "network" });
  await limits(other.sid).buckets.create({ max: 1, interval: 600 });
  await create({ end_user: "ann" });
  await refused(create({ end_user: "ann", network: "192.0.2.0" }), 429, 20429);
  await create({ network: "192.0.2.0" });
  await refused(create({ network: "192.0.2.0" }), 429, 20429);
});

test("a resend is charged as a create is", async (t) => {
  const { create } = await limited(t, [2, 600]);
  const to = number();
  await create({ end_user: "ann" }, to);
  await create({ end_user: "ann" }, to);
  await message(to, 2);
  await refused(create({ end_user: "ann" }, to), 429, 20429);
});

test("creates at the same moment are not more than the bucket takes", async (t) => {
  const { create } = await limited(t, [3, 600]);
  const answers = await Promise.allSettled(Array.from({ length: 8 }, () => create({ end_user: "ann" })));
  assert.equal(answers.filter((a) => a.status === "fulfilled").length, 3);
  for (const { reason } of answers.filter((a) => a.status === "rejected")) assert.deepEqual([reason.status, reason.code], [429, 20429]);
});

test("a name that the service does not have is refused", async (t) => {
  const { create } = await limited(t, [1, 600]);
  await refused(create({ nobody: "ann" }), 400, 60200, /RateLimits/);
});
