import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { dev, refused, service, services } from "./server.js";

// Entities of one service are a list that other tests do not touch.
let sid;
const identities = Array.from({ length: 7 }, (_, i) => "ident-000" + i);

before(async () => {
  ({ sid } = await services.create({ friendlyName: "Paging" }));
  for (const identity of identities) await services(sid).entities.create({ identity });
});
after(() => services(sid).remove());

const entities = () => services(sid).entities;

test("a list goes on over all pages, and has each item once", async () => {
  for (const pageSize of [1, 2, 3, 7, 50]) {
    assert.deepEqual((await entities().list({ pageSize })).map((e) => e.identity).sort(), identities, "pages of " + pageSize);
  }
});

test("a list ends at its limit", async () => {
  for (const limit of [1, 3, 7, 9]) assert.equal((await entities().list({ limit, pageSize: 2 })).length, Math.min(limit, 7));
  assert.equal((await entities().list({ limit: 3 })).length, 3);
});

test("each goes through all items", async () => {
  const seen = [];
  await new Promise((done, failed) => entities().each({ pageSize: 2, callback: (e) => seen.push(e.identity), done: (err) => (err ? failed(err) : done()) }));
  assert.deepEqual(seen.sort(), identities);
});

test("each stops where it is told to", async () => {
  let seen = 0;
  await new Promise((end) => entities().each({ pageSize: 2, done: end, callback: (_, stop) => { if (++seen === 3) stop(); } }));
  assert.equal(seen, 3);
});

test("a page leads to the next one until there is none", async () => {
  const seen = [];
  let pages = 0;
  for (let page = await entities().page({ pageSize: 3 }); page; page = await page.nextPage()) {
    pages++;
    seen.push(...page.instances.map((e) => e.identity));
  }
  assert.equal(pages, 3);
  assert.deepEqual(seen.sort(), identities);
});

test("a page leads back to the one before it", async (t) => {
  for (let i = 0; i < 4; i++) await service(t, { friendlyName: "Back " + i });
  const first = await services.page({ pageSize: 2 });
  assert.equal(await first.previousPage(), undefined);
  const back = await (await first.nextPage()).previousPage();
  assert.deepEqual(back.instances.map((s) => s.sid), first.instances.map((s) => s.sid));
});

test("a page is had again by its URL", async () => {
  const first = await entities().page({ pageSize: 2 });
  assert.ok(first.nextPageUrl.startsWith(dev.twilio.base_url + "/v2/Services/" + sid + "/Entities?"), first.nextPageUrl);
  const second = await entities().getPage(first.nextPageUrl);
  assert.deepEqual(second.instances.map((e) => e.identity), (await first.nextPage()).instances.map((e) => e.identity));
});

test("a list that grows while it is read leaves nothing out and has nothing twice", async (t) => {
  const made = await service(t);
  const list = services(made.sid).entities;
  for (let i = 0; i < 4; i++) await list.create({ identity: "before-0" + i });
  const seen = [];
  for (let page = await list.page({ pageSize: 1 }), n = 0; page; page = await page.nextPage(), n++) {
    seen.push(...page.instances.map((e) => e.identity));
    if (n < 3) await list.create({ identity: "meanwhile-0" + n });
  }
  assert.equal(new Set(seen).size, seen.length);
  for (let i = 0; i < 4; i++) assert.ok(seen.includes("before-0" + i));
});

test("an empty list is a page without items", async (t) => {
  const made = await service(t);
  assert.deepEqual(await services(made.sid).entities.list(), []);
  const page = await services(made.sid).entities.page();
  assert.deepEqual([page.instances, await page.nextPage(), await page.previousPage()], [[], undefined, undefined]);
});

test("a page has from 1 to 1000 items", async () => {
  assert.equal((await entities().list({ pageSize: 1000 })).length, 7);
  await refused(entities().list({ pageSize: 1001 }), 400, 20007);
  await refused(entities().page({ pageSize: -1 }), 400, 20007);
});

test("a page token that was made up is refused", async () => {
  await refused(entities().page({ pageToken: "PTnothing" }), 400, 20001, /PageToken/);
});
