import assert from "node:assert/strict";
import { test } from "node:test";
import { dev, isRecent, refused, service, services } from "./server.js";

// hooked is a service, and what makes a webhook of it.
async function hooked(t) {
  const { sid } = await service(t);
  const { webhooks } = services(sid);
  const create = (more) => webhooks.create({ friendlyName: "app", eventTypes: ["factor.verified", "challenge.approved"], webhookUrl: "https://example.com/hook", ...more });
  return { sid, webhooks, create };
}

test("a webhook is made, with all that it was given", async (t) => {
  const { sid, create } = await hooked(t);
  const w = await create({ status: "disabled", versionParam: "v2" });
  assert.match(w.sid, /^YW[0-9a-f]{32}$/);
  assert.deepEqual([w.friendlyName, w.webhookUrl, w.webhookMethod, w.status, w.version], ["app", "https://example.com/hook", "POST", "disabled", "v2"]);
  assert.deepEqual([...w.eventTypes].sort(), ["challenge.approved", "factor.verified"]);
  assert.deepEqual([w.serviceSid, w.accountSid], [sid, dev.twilio.account_sid]);
  isRecent(w.dateCreated);
  isRecent(w.dateUpdated);
  assert.ok(w.url.endsWith("/Webhooks/" + w.sid), w.url);
});

test("a webhook is enabled unless it is told otherwise, and may have all events", async (t) => {
  const { create } = await hooked(t);
  const w = await create({ eventTypes: ["*"] });
  assert.deepEqual([w.status, w.eventTypes], ["enabled", ["*"]]);
});

test("an update of a webhook leaves the rest alone", async (t) => {
  const { webhooks, create } = await hooked(t);
  const w = await create();
  const changed = await webhooks(w.sid).update({ status: "disabled" });
  assert.deepEqual([changed.status, changed.friendlyName, changed.webhookUrl], ["disabled", "app", "https://example.com/hook"]);
  assert.deepEqual([...changed.eventTypes].sort(), ["challenge.approved", "factor.verified"]);
  const again = await webhooks(w.sid).update({ friendlyName: "site", eventTypes: ["factor.deleted"], webhookUrl: "https://example.com/other" });
  assert.deepEqual([again.status, again.friendlyName, again.eventTypes, again.webhookUrl], ["disabled", "site", ["factor.deleted"], "https://example.com/other"]);
  assert.equal((await webhooks(w.sid).fetch()).friendlyName, "site");
  const old = await webhooks(w.sid).update({ eventTypes: ["*"], versionParam: "v1" });
  assert.deepEqual([old.eventTypes, old.version, old.friendlyName], [["*"], "v1", "site"]);
});

test("webhooks are listed and removed", async (t) => {
  const { webhooks, create } = await hooked(t);
  const made = [];
  for (let i = 0; i < 3; i++) made.push((await create({ friendlyName: "app " + i })).sid);
  assert.deepEqual((await webhooks.list({ pageSize: 2 })).map((w) => w.sid).sort(), [...made].sort());
  assert.equal(await webhooks(made[0]).remove(), true);
  await refused(webhooks(made[0]).fetch(), 404, 20404);
  assert.equal((await webhooks.list()).length, 2);
});

test("a webhook of another service is not there", async (t) => {
  const { create } = await hooked(t);
  const other = await hooked(t);
  const w = await create();
  await refused(other.webhooks(w.sid).fetch(), 404, 20404);
  assert.deepEqual(await other.webhooks.list(), []);
});

test("a webhook that can't be taken is refused", async (t) => {
  const { create } = await hooked(t);
  for (const bad of [{ eventTypes: ["verification.approved"] }, { webhookUrl: "not a URL" }, { status: "perhaps" }, { versionParam: "v3" }]) {
    await assert.rejects(create(bad), (err) => err.constructor.name === "RestException" && err.status === 400, JSON.stringify(bad));
  }
});
