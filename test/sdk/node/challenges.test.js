import assert from "node:assert/strict";
import { test } from "node:test";
import { enrolled, isRecent, refused, service, services, totp, wrong } from "./server.js";

// asked is an entity with a verified factor.
async function asked(t) {
  const { sid } = await service(t);
  const entity = services(sid).entities("ident-0001");
  const factor = await enrolled(entity);
  return { sid, entity, factor, ask: (more) => entity.challenges.create({ factorSid: factor.sid, ...more }), code: (steps) => totp(factor.secret, steps) };
}

test("a challenge without a code waits for one", async (t) => {
  const { sid, entity, factor, ask } = await asked(t);
  const c = await ask();
  assert.match(c.sid, /^YC[0-9a-f]{32}$/);
  assert.deepEqual([c.status, c.factorSid, c.factorType, c.identity, c.serviceSid], ["pending", factor.sid, "totp", "ident-0001", sid]);
  assert.deepEqual([c.entitySid, c.respondedReason, c.dateResponded], [(await entity.fetch()).sid, "none", null]);
  isRecent(c.dateCreated);
  assert.equal(c.expirationDate - c.dateCreated, 300_000);
  assert.equal((await entity.challenges(c.sid).fetch()).status, "pending");
});

test("a challenge with the right code is approved at once", async (t) => {
  const { ask, code } = await asked(t);
  const c = await ask({ authPayload: code() });
  assert.equal(c.status, "approved");
  isRecent(c.dateResponded);
});

test("a challenge with a wrong code is pending", async (t) => {
  const { ask, code } = await asked(t);
  assert.equal((await ask({ authPayload: wrong(code()) })).status, "pending");
});

test("an answer with the right code approves, and one with a wrong code does not", async (t) => {
  const { entity, ask, code } = await asked(t);
  const c = await ask();
  assert.equal((await entity.challenges(c.sid).update({ authPayload: wrong(code()) })).status, "pending");
  const done = await entity.challenges(c.sid).update({ authPayload: code() });
  assert.deepEqual([done.sid, done.status], [c.sid, "approved"]);
  isRecent(done.dateResponded);
});

test("a challenge that is answered takes no other answer", async (t) => {
  const { entity, ask, code } = await asked(t);
  const c = await ask({ authPayload: code() });
  await refused(entity.challenges(c.sid).update({ authPayload: code() }), 403, 60322);
});

test("a code answers one challenge", async (t) => {
  const { ask, code } = await asked(t);
  const now = code();
  assert.equal((await ask({ authPayload: now })).status, "approved");
  assert.equal((await ask({ authPayload: now })).status, "pending");
});

test("after five wrong codes a challenge takes none, not the right one either", async (t) => {
  const { entity, ask, code } = await asked(t);
  const c = await ask();
  for (let i = 0; i < 5; i++) assert.equal((await entity.challenges(c.sid).update({ authPayload: wrong(code()) })).status, "pending");
  await refused(entity.challenges(c.sid).update({ authPayload: code() }), 429, 60308);
});

test("a factor that is not verified is not asked", async (t) => {
  const { entity } = await asked(t);
  const made = await entity.newFactors.create({ factorType: "totp", friendlyName: "tablet" });
  await refused(entity.challenges.create({ factorSid: made.sid }), 403, 60318);
  await refused(entity.challenges.create({ factorSid: made.sid, authPayload: totp(made.binding.secret) }), 403, 60318);
  assert.equal((await entity.factors(made.sid).fetch()).status, "unverified");
});

test("a challenge lasts as long as it is told, an hour at most", async (t) => {
  const { ask } = await asked(t);
  const at = (minutes) => new Date(Math.floor(Date.now() / 1000) * 1000 + minutes * 60_000);
  const end = at(30);
  assert.equal((await ask({ expirationDate: end })).expirationDate.getTime(), end.getTime());
  await refused(ask({ expirationDate: at(61) }), 400, 60306, /ExpirationDate/);
  await refused(ask({ expirationDate: at(-1) }), 400, 60306, /ExpirationDate/);
});

test("a challenge that is over takes no answer", async (t) => {
  const { entity, ask, code } = await asked(t);
  const c = await ask({ expirationDate: new Date(Date.now() + 2000) });
  while ((await entity.challenges(c.sid).fetch()).status === "pending") await new Promise((go) => setTimeout(go, 50));
  await refused(entity.challenges(c.sid).update({ authPayload: code() }), 403, 60323);
  assert.equal((await entity.challenges(c.sid).fetch()).status, "expired");
  assert.deepEqual((await entity.challenges.list({ status: "expired" })).map((x) => x.sid), [c.sid]);
});

test("details of a challenge come back", async (t) => {
  const { entity, ask } = await asked(t);
  const { sid } = await ask({ "details.message": "Log in?", "details.fields": [{ label: "place", value: "Kyoto" }, { label: "device", value: "laptop" }], hiddenDetails: { ip: "192.0.2.1" } });
  const c = await entity.challenges(sid).fetch();
  assert.equal(c.details.message, "Log in?");
  assert.deepEqual(c.details.fields, [{ label: "place", value: "Kyoto" }, { label: "device", value: "laptop" }]);
  assert.deepEqual(c.hiddenDetails, { ip: "192.0.2.1" });
});

test("a challenge parameter that can't be taken is refused by its name", async (t) => {
  const { entity, ask, code } = await asked(t);
  await refused(ask({ authPayload: "12" }), 400, 60306, /AuthPayload/);
  await refused(ask({ authPayload: "123456789" }), 400, 60306, /AuthPayload/);
  await refused(ask({ factorSid: "YF" + "0".repeat(32), authPayload: code() }), 404, 20404);
  const c = await ask();
  await refused(entity.challenges(c.sid).update({ authPayload: "letters" }), 400, 60306, /AuthPayload/);
});

test("challenges are listed by factor, by status, and in both orders", async (t) => {
  const { entity, factor, ask, code } = await asked(t);
  const other = await enrolled(entity);
  const listed = [];
  for (let i = 0; i < 4; i++) listed.push((await ask()).sid);
  const done = (await ask({ authPayload: code() })).sid;
  const elsewhere = (await entity.challenges.create({ factorSid: other.sid })).sid;
  const list = async (filter) => (await entity.challenges.list({ pageSize: 2, ...filter })).map((c) => c.sid);
  const oldestFirst = (...sids) => sids.sort(); // a SID begins with its time; what was made in one millisecond has no order
  assert.deepEqual(await list({}), oldestFirst(...listed, done, elsewhere));
  assert.deepEqual(await list({ factorSid: factor.sid }), oldestFirst(...listed, done));
  assert.deepEqual(await list({ factorSid: factor.sid, order: "desc" }), oldestFirst(...listed, done).reverse());
  assert.deepEqual(await list({ factorSid: other.sid, order: "asc" }), [elsewhere]);
  assert.deepEqual(await list({ status: "approved" }), [done]);
  assert.deepEqual(await list({ status: "pending", factorSid: factor.sid }), oldestFirst(...listed));
  assert.deepEqual(await list({ status: "denied" }), []);
  await refused(list({ status: "open" }), 400, 60306, /Status/);
});

test("the filters of a list are kept from page to page", async (t) => {
  const { entity, factor, ask } = await asked(t);
  for (let i = 0; i < 3; i++) await ask();
  const first = await entity.challenges.page({ factorSid: factor.sid, status: "pending", order: "desc", pageSize: 1 });
  const query = new URL(first.nextPageUrl).searchParams;
  assert.deepEqual([query.get("FactorSid"), query.get("Status"), query.get("Order"), query.get("PageSize")], [factor.sid, "pending", "desc", "1"]);
  const second = await first.nextPage();
  assert.deepEqual((await second.previousPage()).instances.map((c) => c.sid), first.instances.map((c) => c.sid));
});
