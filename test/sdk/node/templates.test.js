import assert from "node:assert/strict";
import { test } from "node:test";
import { client, dev, message, numbers, refused, service, services } from "./server.js";

const number = numbers(10);
const templates = client.verify.v2.templates;

test("the built-in template is listed, with its languages", async () => {
  const all = await templates.list();
  assert.ok(all.length >= 1);
  for (const one of all) {
    assert.match(one.sid, /^HJ[0-9a-f]{32}$/);
    assert.equal(one.accountSid, dev.twilio.account_sid);
    assert.ok(one.friendlyName);
    assert.ok(one.channels.includes("sms"), String(one.channels));
    const { en } = one.translations;
    assert.equal(en.locale, "en");
    assert.equal(typeof en.is_default_translation, "boolean");
    assert.match(en.text, /code/);
    assert.match(en.date_created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.match(en.date_updated, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  }
});

test("templates are found by their name", async () => {
  const [first] = await templates.list({ limit: 1 });
  const found = await templates.list({ friendlyName: first.friendlyName });
  assert.ok(found.length >= 1 && found.every((x) => x.friendlyName === first.friendlyName));
  assert.deepEqual(await templates.list({ friendlyName: "no such template" }), []);
});

test("a template can be the words of a message", async (t) => {
  const { sid } = await service(t);
  const [first] = await templates.list({ limit: 1 });
  const to = number();
  const v = await services(sid).verifications.create({ to, channel: "sms", templateSid: first.sid });
  assert.equal(v.status, "pending");
  const m = await message(to);
  assert.ok(m.body.includes(m.code) && m.body.includes("Acme"), m.body);
});

test("a template can be the default of a service", async (t) => {
  const [first] = await templates.list({ limit: 1 });
  const { sid, defaultTemplateSid } = await service(t, { defaultTemplateSid: first.sid });
  assert.equal(defaultTemplateSid, first.sid);
  const to = number();
  await services(sid).verifications.create({ to, channel: "sms" });
  const m = await message(to);
  assert.ok(m.body.includes(m.code), m.body);
});

test("a template that is not there is refused, and so is one by e-mail", async (t) => {
  const { sid } = await service(t);
  const create = (more) => services(sid).verifications.create({ to: number(), channel: "sms", ...more });
  await refused(create({ templateSid: "HJ" + "0".repeat(32) }), 400, 60228);
  const [first] = await templates.list({ limit: 1 });
  await refused(create({ to: "node+templates@example.com", channel: "email", templateSid: first.sid }), 400, 60408);
});
