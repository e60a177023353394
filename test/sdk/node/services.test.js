import assert from "node:assert/strict";
import { test } from "node:test";
import { dev, isRecent, numbers, refused, service, services } from "./server.js";

const number = numbers(0);

test("a new service has the defaults of Twilio's", async (t) => {
  const s = await service(t, { friendlyName: "Shop" });
  assert.match(s.sid, /^VA[0-9a-f]{32}$/);
  assert.equal(s.accountSid, dev.twilio.account_sid);
  assert.deepEqual([s.friendlyName, s.codeLength], ["Shop", 6]);
  for (const flag of ["lookupEnabled", "psd2Enabled", "skipSmsToLandlines", "doNotShareWarningEnabled", "customCodeEnabled", "verifyEventSubscriptionEnabled"]) {
    assert.equal(s[flag], false, flag);
  }
  assert.deepEqual([s.dtmfInputRequired, s.ttsName, s.defaultTemplateSid], [true, null, null]);
  assert.deepEqual(s.totp, { issuer: "Shop", time_step: 30, code_length: 6, skew: 1 });
  assert.deepEqual(s.push, { include_date: false, apn_credential_sid: null, fcm_credential_sid: null });
  assert.deepEqual(s.whatsapp, { msg_service_sid: null, from: null });
  assert.deepEqual(Object.keys(s.passkeys).sort(), ["authenticator_attachment", "discoverable_credentials", "relying_party", "user_verification"]);
});

test("every setting comes back as it was given", async (t) => {
  const { sid } = await service(t, {
    friendlyName: "Every setting", codeLength: 8, lookupEnabled: true, skipSmsToLandlines: true, dtmfInputRequired: false, ttsName: "Shop",
    psd2Enabled: true, doNotShareWarningEnabled: true, customCodeEnabled: true, verifyEventSubscriptionEnabled: true,
    "totp.issuer": "Shop Ltd", "totp.timeStep": 60, "totp.codeLength": 8, "totp.skew": 2,
    "push.includeDate": true, "push.apnCredentialSid": "CR" + "a".repeat(32), "push.fcmCredentialSid": "CR" + "b".repeat(32),
    "whatsapp.msgServiceSid": "MG" + "c".repeat(32), "whatsapp.from": "whatsapp:+447700900001",
    "passkeys.relyingParty.id": "shop.example", "passkeys.relyingParty.name": "Shop", "passkeys.relyingParty.origins": "https://shop.example,https://shop.test",
    "passkeys.authenticatorAttachment": "platform", "passkeys.discoverableCredentials": "preferred", "passkeys.userVerification": "required",
  });
  const s = await services(sid).fetch();
  assert.deepEqual([s.friendlyName, s.codeLength, s.ttsName], ["Every setting", 8, "Shop"]);
  assert.deepEqual([s.lookupEnabled, s.skipSmsToLandlines, s.dtmfInputRequired], [true, true, false]);
  assert.deepEqual([s.psd2Enabled, s.doNotShareWarningEnabled, s.customCodeEnabled, s.verifyEventSubscriptionEnabled], [true, true, true, true]);
  assert.deepEqual(s.totp, { issuer: "Shop Ltd", time_step: 60, code_length: 8, skew: 2 });
  assert.deepEqual(s.push, { include_date: true, apn_credential_sid: "CR" + "a".repeat(32), fcm_credential_sid: "CR" + "b".repeat(32) });
  assert.deepEqual(s.whatsapp, { msg_service_sid: "MG" + "c".repeat(32), from: "whatsapp:+447700900001" });
  assert.equal(s.passkeys.relying_party.id, "shop.example");
  assert.equal(s.passkeys.relying_party.name, "Shop");
  assert.match(String(s.passkeys.relying_party.origins), /shop\.example.*shop\.test/);
  assert.deepEqual([s.passkeys.authenticator_attachment, s.passkeys.discoverable_credentials, s.passkeys.user_verification], ["platform", "preferred", "required"]);
});

test("an update changes what it names and leaves the rest alone", async (t) => {
  const { sid } = await service(t, { friendlyName: "Shop", codeLength: 8, ttsName: "Shop", psd2Enabled: true, "totp.skew": 2, "totp.issuer": "Shop Ltd" });
  const before = (await services(sid).fetch()).toJSON();
  const after = (await services(sid).update({ customCodeEnabled: true, "totp.timeStep": 60 })).toJSON();
  assert.equal(after.customCodeEnabled, true);
  assert.deepEqual(after.totp, { ...before.totp, time_step: 60 });
  for (const name of Object.keys(before)) {
    if (!["customCodeEnabled", "totp", "dateUpdated"].includes(name)) assert.deepEqual(after[name], before[name], name);
  }
  assert.equal((await services(sid).update({ friendlyName: "Market" })).friendlyName, "Market");
  assert.equal((await services(sid).update({ customCodeEnabled: false })).customCodeEnabled, false);
});

test("a setting out of its bounds is refused by its name, and nothing is changed", async (t) => {
  const { sid } = await service(t);
  const before = (await services(sid).fetch()).toJSON();
  for (const [setting, value, name] of [
    ["codeLength", 3, /CodeLength/], ["codeLength", 11, /CodeLength/], ["friendlyName", "x".repeat(33), /FriendlyName/],
    ["totp.timeStep", 19, /Totp\.TimeStep/], ["totp.timeStep", 61, /Totp\.TimeStep/], ["totp.codeLength", 2, /Totp\.CodeLength/],
    ["totp.codeLength", 9, /Totp\.CodeLength/], ["totp.skew", 3, /Totp\.Skew/], ["customCodeEnabled", "perhaps", /CustomCodeEnabled/],
    ["defaultTemplateSid", "HJ1", /DefaultTemplateSid/], ["passkeys.userVerification", "never", /Passkeys\.UserVerification/],
  ]) {
    await refused(services(sid).update({ ttsName: "other", [setting]: value }), 400, 60200, name);
  }
  assert.deepEqual((await services(sid).fetch()).toJSON(), before);
  await refused(services.create({ friendlyName: "Acme", codeLength: 3 }), 400, 60200, /CodeLength/);
});

test("two services may have one name", async (t) => {
  const one = await service(t, { friendlyName: "Twin" });
  const two = await service(t, { friendlyName: "Twin" });
  assert.notEqual(one.sid, two.sid);
  assert.deepEqual([one.friendlyName, two.friendlyName], ["Twin", "Twin"]);
});

test("the links of a service lead below it, at the base URL that the client uses", async (t) => {
  const s = await service(t);
  assert.equal(s.url, dev.twilio.base_url + "/v2/Services/" + s.sid);
  assert.deepEqual(Object.keys(s.links).sort(),
    ["access_tokens", "entities", "messaging_configurations", "rate_limits", "verification_checks", "verifications", "webhooks"]);
  for (const [name, link] of Object.entries(s.links)) assert.ok(link.startsWith(s.url + "/"), name + ": " + link);
});

test("dates are dates, in whole seconds, and move with an update", async (t) => {
  const s = await service(t);
  isRecent(s.dateCreated);
  isRecent(s.dateUpdated);
  const again = await services(s.sid).update({ ttsName: "Acme" });
  assert.equal(again.dateCreated.getTime(), s.dateCreated.getTime());
  assert.ok(again.dateUpdated.getTime() >= s.dateUpdated.getTime());
});

test("what is below a removed service is not there, at once", async () => {
  const { sid } = await services.create({ friendlyName: "Gone" });
  const gone = services(sid);
  const to = number();
  const v = await gone.verifications.create({ to, channel: "sms" }); // an open one does not hold it up
  await gone.entities.create({ identity: "ident-0001" });
  assert.equal(await gone.remove(), true);
  for (const call of [
    () => gone.fetch(), () => gone.update({ codeLength: 4 }), () => gone.remove(), () => gone.verifications.create({ to, channel: "sms" }),
    () => gone.verifications(v.sid).fetch(), () => gone.verifications(to).fetch(), () => gone.verifications(v.sid).update({ status: "canceled" }),
    () => gone.verificationChecks.create({ to, code: "123456" }), () => gone.entities.list(), () => gone.entities("ident-0001").fetch(),
    () => gone.entities("ident-0001").factors.list(),
  ]) {
    await refused(call(), 404, 20404);
  }
  assert.equal((await services.list()).filter((s) => s.sid === sid).length, 0);
});
