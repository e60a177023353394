// What the tests need of the server that node_test.go started, and of Twilio's library: a client whose base URL is another, and
// a person who reads messages and owns an authenticator.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import twilio from "twilio";

export const dev = JSON.parse(readFileSync(process.env.CREDENTIALS, "utf8"));

// newClient is the library as an application makes it. The options are the library's own.
export function newClient({ user = dev.twilio.account_sid, token = dev.twilio.auth_token, ...options } = {}) {
  const client = twilio(user, token, options);
  client.verify.baseUrl = dev.twilio.base_url;
  return client;
}

export const client = newClient();
export const services = client.verify.v2.services;

// numbers gives the numbers of one file, which must have a block of its own: files run at the same time.
export function numbers(block) {
  let n = 0;
  return () => {
    assert.ok(++n < 50, "a block has 50 numbers");
    return "+447700900" + String(block * 50 + n).padStart(3, "0");
  };
}

// inbox is every message to a recipient that has come, the oldest first.
export async function inbox(to) {
  const answer = await fetch(dev.base_url + "/dev/inbox?to=" + encodeURIComponent(to));
  return (await answer.json()).messages.reverse();
}

// message waits for the n-th message to a recipient, from 1.
export async function message(to, n = 1) {
  for (let tries = 0; tries < 500; tries++) {
    const all = await inbox(to);
    if (all.length >= n) return all[n - 1];
    await new Promise((go) => setTimeout(go, 10));
  }
  assert.fail("message " + n + " did not come");
}

// code is the code in the first message to a recipient.
export const code = async (to) => (await message(to)).code;

// wrong is a code of the same length that is not the right one.
export const wrong = (right) => (right[0] === "0" ? "1" : "0") + right.slice(1);

// refused holds a promise to one error of Twilio's. What the message must say may be given too.
export const refused = (promise, status, errorCode, says = /./) =>
  assert.rejects(promise, (err) => {
    assert.equal(err.constructor.name, "RestException");
    assert.equal(err.code, errorCode, err.message);
    assert.equal(err.status, status);
    assert.equal(err.moreInfo, "https://www.twilio.com/docs/errors/" + errorCode);
    assert.match(err.message, says);
    return true;
  });

// service makes one, and has it removed after the test.
export async function service(t, settings = {}) {
  const made = await services.create({ friendlyName: "Acme", ...settings });
  t.after(() => services(made.sid).remove()); // what create gives knows no way back to its resource
  return made;
}

// isRecent holds a value to be a Date of whole seconds, of a moment ago.
export function isRecent(date) {
  assert.ok(date instanceof Date, String(date));
  assert.equal(date.getTime() % 1000, 0);
  assert.ok(Math.abs(Date.now() - date.getTime()) < 60_000, date.toISOString());
}

// totp is the code that an authenticator shows for a Base32 secret, so many steps from now (RFC 6238).
export function totp(secret, steps = 0, { alg = "sha1", digits = 6, period = 30 } = {}) {
  const bits = [...secret].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000 / period) + steps));
  const mac = createHmac(alg, key).update(counter).digest();
  return String((mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff) % 10 ** digits).padStart(digits, "0");
}

// enrolled makes a factor of an entity that has shown its first code, that of the step before this one.
export async function enrolled(entity) {
  const made = await entity.newFactors.create({ factorType: "totp", friendlyName: "phone" });
  const { secret } = made.binding;
  let hit;
  for (let tries = 0; tries < 2 && hit?.status !== "verified"; tries++) { // again, should a step end in between
    hit = await entity.factors(made.sid).update({ authPayload: totp(secret, -1) });
  }
  assert.equal(hit.status, "verified");
  return { sid: made.sid, secret };
}
