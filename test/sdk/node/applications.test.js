// What well-known applications do with Verify, in the way they do it: some with the library, some with requests of their own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { code, dev, newClient, numbers, refused, service, services, wrong } from "./server.js";

const number = numbers(6);
const basic = "Basic " + Buffer.from(dev.twilio.account_sid + ":" + dev.twilio.auth_token).toString("base64");

// post sends a form without the library. Redirects are not followed: Go's library doesn't either.
async function post(path, form) {
  const answer = await fetch(dev.twilio.base_url + "/v2/Services/" + path, {
    method: "POST", redirect: "manual", headers: { Authorization: basic }, body: new URLSearchParams(form),
  });
  return { status: answer.status, type: answer.headers.get("content-type"), body: await answer.json() };
}

// get reads an absolute URL without the library.
async function get(url, headers = {}) {
  const answer = await fetch(url, { redirect: "manual", headers: { Authorization: basic, ...headers } });
  return { status: answer.status, body: await answer.json() };
}

test("Supabase Auth: a SID at the start, and both status and valid at the end", async (t) => {
  const { sid } = await service(t);
  const to = number();
  const start = await post(sid + "/Verifications", { To: to, Channel: "sms" });
  assert.equal(start.status, 201);
  assert.match(start.body.sid, /^VE/);
  const miss = await post(sid + "/VerificationCheck", { To: to, Code: wrong(await code(to)) });
  assert.deepEqual([miss.status, miss.body.status, miss.body.valid], [200, "pending", false]);
  const hit = await post(sid + "/VerificationCheck", { To: to, Code: await code(to) });
  assert.deepEqual([hit.status, hit.body.status, hit.body.valid], [200, "approved", true]);
});

test("Supabase Auth: the error's number is the last part of its more_info", async (t) => {
  const { sid } = await service(t);
  const { status, type, body } = await post(sid + "/Verifications", { To: "123", Channel: "sms" });
  assert.deepEqual([status, type, Object.keys(body).sort()], [400, "application/json", ["code", "message", "more_info", "status"]]);
  assert.equal(Number(new URL(body.more_info).pathname.split("/").pop()), body.code);
  assert.equal(body.status, status);
});

test("Signal's registration: an API key, the first attempt's SID, and a check by SID that reads valid", async (t) => {
  const { sid } = await service(t);
  const signal = newClient({ user: process.env.KEY_SID, accountSid: dev.twilio.account_sid }).verify.v2.services(sid);
  const to = number();
  const v = await signal.verifications.create({ to, channel: "sms", customFriendlyName: "Signal", locale: "en", appHash: "FA+9qCX9VSu" });
  assert.match(v.sendCodeAttempts[0].attempt_sid, /^VL/);
  const miss = await signal.verificationChecks.create({ verificationSid: v.sid, code: wrong(await code(to)) });
  assert.equal(miss.valid, false);
  const hit = await signal.verificationChecks.create({ verificationSid: v.sid, code: await code(to) });
  assert.equal(hit.valid, true);
});

test("Signal's registration: a bad number is told from a bad locale by the text", async (t) => {
  const { sid } = await service(t);
  await assert.rejects(services(sid).verifications.create({ to: "123", channel: "sms" }), (err) => /`to`/i.test(err.message) && !/locale/i.test(err.message));
  await assert.rejects(services(sid).verifications.create({ to: number(), channel: "sms", locale: "tlh" }), (err) => /locale/i.test(err.message) && !/`to`/i.test(err.message));
});

test("Twilio's own samples: a check after the end is shown as an expired code", async (t) => {
  const { sid } = await service(t);
  await refused(services(sid).verificationChecks.create({ to: number(), code: "123456" }), 404, 20404);
});

test("Keycloak's plug-in: a form without a channel is told so in Twilio's words", async (t) => {
  const { sid } = await service(t);
  const { status, body } = await post(sid + "/Verifications", { To: number() });
  assert.deepEqual([status, body.code, body.message], [400, 20001, "Missing required parameter Channel in the post body"]);
});

test("parameters that the server does not know are passed over", async (t) => {
  const { sid } = await service(t);
  const { status } = await post(sid + "/Verifications", { To: number(), Channel: "sms", Templates: "[]", Novelty: "yes" });
  assert.equal(status, 201);
});

test("a plus sign in a path stays one", async (t) => {
  const { sid } = await service(t);
  const to = number();
  await services(sid).verifications.create({ to, channel: "sms" });
  for (const name of [to, encodeURIComponent(to)]) {
    const { status, body } = await get(dev.twilio.base_url + "/v2/Services/" + sid + "/Verifications/" + name);
    assert.deepEqual([status, body.to], [200, to]);
  }
});

test("a GET that says it is a form is one without a body", async (t) => {
  const { sid } = await service(t);
  const { status } = await get(dev.twilio.base_url + "/v2/Services/" + sid, { "Content-Type": "application/x-www-form-urlencoded" });
  assert.equal(status, 200);
});

test("Ruby's library: a next page whose prefix came twice is found", async (t) => {
  const { sid } = await service(t);
  for (const identity of ["ident-0001", "ident-0002"]) await services(sid).entities.create({ identity });
  const first = await get(dev.twilio.base_url + "/v2/Services/" + sid + "/Entities?PageSize=1");
  const next = new URL(first.body.meta.next_page_url);
  const { status, body } = await get(dev.twilio.base_url + next.pathname + next.search); // it keeps path and query, and puts the base in front
  assert.deepEqual([status, body.entities.map((e) => e.identity)], [200, ["ident-0002"]]);
});

test("no path answers with a redirect", async (t) => {
  const { sid } = await service(t);
  for (const path of ["/v2/Services/", "/v2//Services", "/v2/Services/" + sid + "/", "/v2/Services/../Services"]) {
    const answer = await fetch(dev.twilio.base_url + path, { redirect: "manual", headers: { Authorization: basic } });
    assert.ok(answer.status < 300 || answer.status >= 400, path + ": " + answer.status);
    assert.equal(answer.headers.get("content-type"), "application/json", path);
  }
});
