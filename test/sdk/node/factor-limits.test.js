import assert from "node:assert/strict";
import { test } from "node:test";
import { refused, service, services, totp } from "./server.js";

// entity is one of a new service.
async function entity(t) {
  const { sid } = await service(t);
  return services(sid).entities("ident-0001");
}

const factor = (ann, more) => ann.newFactors.create({ factorType: "totp", friendlyName: "phone", ...more });

test("one secret is not in two factors of an entity", async (t) => {
  const ann = await entity(t);
  const other = await entity(t);
  const binding = { "binding.secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" };
  await factor(ann, binding);
  await refused(factor(ann, binding), 409, 60317);
  await factor(other, binding);
});

test("a factor with four digits is asked ten times a day", async (t) => {
  const ann = await entity(t);
  const made = await factor(ann, { "config.codeLength": 4 });
  await ann.factors(made.sid).update({ authPayload: totp(made.binding.secret, 0, { digits: 4 }) });
  for (let i = 0; i < 10; i++) await ann.challenges.create({ factorSid: made.sid });
  await refused(ann.challenges.create({ factorSid: made.sid }), 429, 60312);
});

test("an entity has a hundred new factors a day", async (t) => {
  const ann = await entity(t);
  for (let i = 0; i < 100; i++) {
    const { sid } = await factor(ann);
    await ann.factors(sid).remove();
  }
  await refused(factor(ann), 429, 60326);
});

test("an entity has a hundred factors at most", async (t) => {
  const ann = await entity(t);
  for (let i = 0; i < 100; i++) await factor(ann);
  await assert.rejects(factor(ann), (err) => [60315, 60326].includes(err.code), "the hundred of a day and those at a time are reached at once");
  assert.equal((await ann.factors.list({ pageSize: 30 })).length, 100);
});
