import assert from "node:assert/strict";
import { test } from "node:test";
import { client, dev, inbox, message, newClient, numbers, refused, service, services } from "./server.js";

const number = numbers(5);

test("an error has Twilio's class, and all that applications read of it", async (t) => {
  const { sid } = await service(t);
  await assert.rejects(services(sid).verifications.create({ to: "123", channel: "sms" }), (err) => {
    assert.equal(err.constructor.name, "RestException"); // not the class for bodies with a type and a title
    assert.deepEqual([err.status, err.code, err.moreInfo], [400, 60200, "https://www.twilio.com/docs/errors/60200"]);
    assert.ok(err.message.startsWith("Invalid parameter `To`"), err.message);
    assert.equal(err.details, undefined);
    return true;
  });
});

test("a parameter that is missing is told with 20001 and its name", async (t) => {
  const { sid } = await service(t);
  const create = (parameters) => services(sid).verifications.create(parameters);
  await refused(create({ to: "", channel: "sms" }), 400, 20001, /^Missing required parameter To in the post body$/);
  await refused(create({ to: number(), channel: "" }), 400, 20001, /^Missing required parameter Channel in the post body$/);
  await refused(services.create({ friendlyName: "" }), 400, 20001, /FriendlyName/);
});

test("wrong credentials are told 20003 and nothing else, whatever is asked", async (t) => {
  const { sid } = await service(t);
  for (const stranger of [
    newClient({ token: "0".repeat(60) }), newClient({ user: "AC" + "0".repeat(32) }), newClient({ token: dev.other.api_key.slice(4) }),
    newClient({ user: "SK" + "0".repeat(32), accountSid: dev.twilio.account_sid }),
  ]) {
    for (const call of [
      (s) => s(sid).fetch(), (s) => s("VA" + "0".repeat(32)).fetch(), (s) => s.create({ friendlyName: "Acme" }),
      (s) => s(sid).verifications.create({ to: "123", channel: "fax" }), (s) => s(sid).accessTokens("YK" + "0".repeat(32)).fetch(),
    ]) {
      await refused(call(stranger.verify.v2.services), 401, 20003, /^Authenticate$/);
    }
  }
});

test("an API key's SID and its secret open the account that owns it", async (t) => {
  const { sid } = await service(t);
  const byKey = newClient({ user: process.env.KEY_SID, accountSid: dev.twilio.account_sid });
  const got = await byKey.verify.v2.services(sid).fetch();
  assert.deepEqual([got.sid, got.accountSid], [sid, dev.twilio.account_sid]);
});

test("what is not there is told 20404 with its path", async (t) => {
  const { sid } = await service(t);
  await refused(services("VA" + "0".repeat(32)).fetch(), 404, 20404, /^The requested resource \/v2\/Services\/VA0{32} was not found$/);
  await refused(services("VA1").fetch(), 404, 20404);
  await refused(services(sid).verifications("VE" + "0".repeat(32)).fetch(), 404, 20404);
  await refused(services(sid).entities("ident-0001").challenges("YC" + "0".repeat(32)).fetch(), 404, 20404);
});

test("an error repeats no number and no address", async (t) => {
  const { sid } = await service(t);
  const to = number();
  for (const call of [
    () => services(sid).verifications(to).fetch(), () => services(sid).verifications("ann@example.com").fetch(),
    () => services(sid).verificationChecks.create({ to, code: "123456" }), () => services(sid).verifications.create({ to: to + "9999", channel: "sms" }),
  ]) {
    await assert.rejects(call(), (err) => !err.message.includes(to.slice(1)) && !err.message.includes("ann"));
  }
});

test("a refusal by a limit says how long to wait", async (t) => {
  const { sid } = await service(t);
  const to = number();
  for (let i = 0; i < 5; i++) await services(sid).verifications.create({ to, channel: "sms" });
  await refused(services(sid).verifications.create({ to, channel: "sms" }), 429, 60203);
  const { statusCode, headers } = client.httpClient.lastResponse;
  assert.equal(statusCode, 429);
  const wait = Number(headers["retry-after"]);
  assert.ok(Number.isInteger(wait) && wait > 0 && wait <= 600, headers["retry-after"]);
});

test("a client that repeats refusals by itself changes nothing by it", async (t) => {
  const { sid } = await service(t);
  const to = number();
  const patient = newClient({ autoRetry: true, maxRetries: 3, maxRetryDelay: 20 });
  const create = () => patient.verify.v2.services(sid).verifications.create({ to, channel: "sms" });
  for (let i = 0; i < 5; i++) await create();
  await message(to, 5);
  await refused(create(), 429, 60203);
  const v = await services(sid).verifications(to).fetch();
  assert.deepEqual([v.status, v.sendCodeAttempts.length, (await inbox(to)).length], ["pending", 5, 5]);
  const right = (await message(to)).code;
  assert.equal((await services(sid).verificationChecks.create({ to, code: right })).valid, true);
});

test("a path that is not there is an error of Twilio's too", async (t) => {
  const { sid } = await service(t);
  await refused(services(sid).accessTokens.create({ identity: "ident-0001", factorType: "push" }), 404, 20404);
  await refused(client.verify.v2.forms("form-push").fetch(), 404, 20404);
});

test("a method that a path does not have is refused", async (t) => {
  const { sid } = await service(t);
  await refused(services(sid).verifications.create({ to: number(), channel: "sms" }).then((v) =>
    client.verify.v2.remove({ uri: "/Services/" + sid + "/Verifications/" + v.sid, method: "delete" })), 405, 20004);
});
