import assert from "node:assert/strict";
import { test } from "node:test";
import { dev, isRecent, refused, service, services } from "./server.js";

test("an entity is made and fetched", async (t) => {
  const { sid } = await service(t);
  const made = await services(sid).entities.create({ identity: "ident-0001" });
  assert.match(made.sid, /^YE[0-9a-f]{32}$/);
  assert.deepEqual([made.identity, made.serviceSid, made.accountSid], ["ident-0001", sid, dev.twilio.account_sid]);
  isRecent(made.dateCreated);
  isRecent(made.dateUpdated);
  assert.deepEqual(Object.keys(made.links).sort(), ["challenges", "factors", "new_factors"]);
  assert.equal((await services(sid).entities("ident-0001").fetch()).sid, made.sid);
});

test("an identity is there once in a service, and again in another", async (t) => {
  const { sid } = await service(t);
  const other = await service(t);
  const made = await services(sid).entities.create({ identity: "ident-0001" });
  await refused(services(sid).entities.create({ identity: "ident-0001" }), 409, 60301);
  assert.notEqual((await services(other.sid).entities.create({ identity: "ident-0001" })).sid, made.sid);
});

test("an identity has 8 to 64 letters, digits and hyphens", async (t) => {
  const { sid } = await service(t);
  for (const identity of ["short", "x".repeat(65), "ann@example.com", "with space"]) {
    await refused(services(sid).entities.create({ identity }), 400, 60300, /Identity/);
  }
  await services(sid).entities.create({ identity: "x".repeat(64) });
});

test("a removed entity is gone with its factors", async (t) => {
  const { sid } = await service(t);
  const entity = services(sid).entities("ident-0001");
  const factor = await entity.newFactors.create({ factorType: "totp", friendlyName: "phone" });
  assert.equal(await entity.remove(), true);
  await refused(entity.fetch(), 404, 20404);
  await refused(entity.factors(factor.sid).fetch(), 404, 20404);
  await refused(entity.remove(), 404, 20404);
  const again = await entity.newFactors.create({ factorType: "totp", friendlyName: "phone" });
  assert.deepEqual((await entity.factors.list()).map((f) => f.sid), [again.sid]);
});
