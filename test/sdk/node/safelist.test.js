// A server may allow thirty requests about the safe list in a minute. All tests here together make fewer.
import assert from "node:assert/strict";
import { test } from "node:test";
import { client, numbers, refused } from "./server.js";

const number = numbers(9);
const list = client.verify.v2.safelist;

test("a number is put on the safe list, found and taken off", async () => {
  const phoneNumber = number();
  const made = await list.create({ phoneNumber });
  assert.match(made.sid, /^GN[0-9a-f]{32}$/);
  assert.equal(made.phoneNumber, phoneNumber);
  assert.ok(made.url.endsWith("/v2/SafeList/Numbers/" + phoneNumber), made.url);
  const got = await list(phoneNumber).fetch();
  assert.deepEqual([got.sid, got.phoneNumber], [made.sid, phoneNumber]);
  assert.equal(await list(phoneNumber).remove(), true);
  await refused(list(phoneNumber).fetch(), 404, 20404);
});

test("a number is on the safe list once", async () => {
  const phoneNumber = number();
  await list.create({ phoneNumber });
  await refused(list.create({ phoneNumber }), 400, 60411);
  await list(phoneNumber).remove();
  assert.equal((await list.create({ phoneNumber })).phoneNumber, phoneNumber);
  await list(phoneNumber).remove();
});

test("a number that is not on the safe list is 404", async () => {
  await refused(list(number()).fetch(), 404, 20404);
  await refused(list(number()).remove(), 404, 20404);
});

test("what is no number is refused", async () => {
  await assert.rejects(list.create({ phoneNumber: "123" }), (err) => err.constructor.name === "RestException" && err.status === 400);
  await refused(list.create({ phoneNumber: "" }), 400, 20001);
});
