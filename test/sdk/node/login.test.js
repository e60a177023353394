import assert from "node:assert/strict";
import { test } from "node:test";
import { moved } from "./login/share.js";

const everybody = Array.from({ length: 1000 }, (_, i) => "+447700900" + String(i).padStart(3, "0"));

test("a share of the recipients has moved, and always the same ones", () => {
  for (const percent of [0, 5, 50, 100]) {
    const share = everybody.filter((to) => moved(to, percent));
    assert.ok(Math.abs(share.length / 10 - percent) <= 5, percent + " %: " + share.length);
    assert.deepEqual(share, everybody.filter((to) => moved(to, percent)));
  }
  assert.equal(everybody.filter((to) => moved(to, 100)).length, 1000);
});

test("whoever has moved stays when the share grows", () => {
  const early = everybody.filter((to) => moved(to, 10));
  assert.ok(early.every((to) => moved(to, 30)));
});
