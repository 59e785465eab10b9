// An upload that is paused, survives a reload and a restart of the server, and ends as the same bytes.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { afterEach, test } from "node:test";
import { forgive, picture } from "./support/browser.js";
import { drop, upload } from "./support/drop.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";

afterEach(content);

const SIZE = 24_000_000;
const FILE = { name: "Large-2.0.pkg", size: SIZE, seed: 7 };

/** The bytes that `drop` makes. */
function expected() {
  const bytes = Buffer.alloc(SIZE);
  let state = FILE.seed;
  for (let at = 0; at < SIZE; at += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return createHash("sha256").update(bytes).digest("hex");
}

test("an upload goes on after a pause, a reload and a restart of the server", async () => {
  const node = await Node.start("uploads");
  const { page, complaints, context } = await visitor();
  await signIn(page, node, "uploads");
  const network = await context.newCDPSession(page);
  const slow = (/** @type {number} */ rate) => network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: rate });
  await slow(4_000_000);
  await upload(page, FILE);
  await page.locator(".upload[data-state=sending]").waitFor();
  await page.locator(".steps li.begun, .steps li.done").first().waitFor();
  await page.locator(".upload button[title=Pause]").first().click();
  await page.locator(".upload[data-state=paused]").waitFor();

  await page.reload();
  await page.locator(".upload[data-state=needs-file]").waitFor();
  await node.stop();
  await node.launch();
  await slow(-1);
  await drop(page, FILE);
  await page.locator(".upload[data-state=published]").waitFor();

  const made = await node.api("GET", "/packages/Large-2.0.pkg");
  assert.equal(made.sha256, expected());
  assert.equal(made.version, "2.0");
  forgive(complaints, /ERR_|Failed to load resource|net::/);
});

test("a node that goes away is said, and the page is itself again when it is back", async () => {
  const node = await Node.start("gone");
  const { page, complaints } = await visitor();
  await signIn(page, node);
  await page.locator(".live-pill", { hasText: "Live" }).waitFor();
  await page.locator(".event").first().waitFor();
  const failed = page.waitForEvent("requestfailed", (request) => request.url().includes("/transfers"));
  await node.stop("SIGKILL");
  await page.locator(".live-pill", { hasText: "lost" }).waitFor();
  await page.locator(".banner", { hasText: "What you see is as it was at" }).waitFor();
  // Whatever else couldn't be read meanwhile, it is said once.
  await failed;
  assert.equal(await page.getByText("The node can’t be reached").count(), 1);
  await picture(page, "node-gone");
  await node.launch();
  await page.locator(".live-pill", { hasText: "Live" }).waitFor();
  await page.locator(".banner").waitFor({ state: "detached" });
  await node.put("after.pkg", "bytes");
  await page.locator(".event", { hasText: "after.pkg" }).first().waitFor();
  forgive(complaints, /ERR_|Failed to load resource|net::/);
});
