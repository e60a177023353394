// The receiver of docs/events.md, as it stands there, gets what a server of this tree posts. Run by node_test.go.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { Webhook } from "standardwebhooks";

const dev = JSON.parse(readFileSync(process.env.CREDENTIALS, "utf8"));

const folder = mkdtempSync(join(tmpdir(), "receiver"));
after(() => rmSync(folder, { recursive: true }));

// api asks the native API.
async function api(path, body) {
  const answer = await fetch(dev.base_url + path, {
    method: "POST",
    headers: { authorization: "Bearer " + dev.api_key, ...(body && { "content-type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, path + " answers " + answer.status);
  return answer.json();
}

// freePort is one that was free a moment ago.
function freePort() {
  return new Promise((go) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => go(port));
    });
  });
}

// start runs the receiver of the document, and gives the lines that it says.
async function start(listen, secret) {
  const sample = readFileSync("../../../docs/events.md", "utf8").match(/```js\n([^]*?)```/)[1];
  writeFileSync(join(folder, "receiver.mjs"), sample);
  symlinkSync(resolve("node_modules"), join(folder, "node_modules"));
  const child = spawn(process.execPath, [join(folder, "receiver.mjs")], {
    env: { ...process.env, LISTEN: listen, SECRET: secret },
    stdio: ["ignore", "pipe", "inherit"],
  });
  after(() => child.kill());
  for (let tries = 0; tries < 500; tries++) {
    if (await fetch("http://" + listen).then(() => true, () => false)) return createInterface(child.stdout)[Symbol.asyncIterator]();
    await new Promise((go) => setTimeout(go, 20));
  }
  assert.fail("the receiver does not listen");
}

test("the receiver in the document takes what the server signs, and nothing else", async () => {
  const listen = "127.0.0.1:" + (await freePort());
  const hook = await api("/v1/webhooks", { url: "http://" + listen + "/hook", events: ["webhook.disabled"] });
  const said = await start(listen, hook.secret);
  const post = async (body, at, secret = hook.secret) => {
    const signature = new Webhook(secret).sign("msg_1", at, body);
    const headers = { "webhook-id": "msg_1", "webhook-timestamp": String(Math.floor(at / 1000)), "webhook-signature": signature };
    return (await fetch("http://" + listen + "/hook", { method: "POST", headers, body })).status;
  };
  assert.equal(await post("{}", new Date(), "whsec_" + "A".repeat(43) + "="), 401);
  assert.equal(await post("{}", new Date(Date.now() - 6 * 60 * 1000)), 401);
  assert.equal((await fetch("http://" + listen + "/hook", { method: "POST", body: "{}" })).status, 401);

  const sent = await api("/v1/webhooks/" + hook.id + "/test");
  const { value } = await said.next();
  assert.match(value, new RegExp("^" + sent.event + ' {"id":"' + sent.event + '","type":"webhook.tested".*"id":"' + hook.id + '"'));
  assert.equal(await post("{}", new Date()), 200);
});
