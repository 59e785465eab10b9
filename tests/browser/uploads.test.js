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
  // Going on began nothing anew: nothing else is left, on the node or in the browser.
  assert.deepEqual((await node.api("GET", "/uploads")).items, []);
  const kept = JSON.parse((await page.evaluate(() => localStorage.getItem("ods.uploads"))) ?? "[]");
  assert.deepEqual(kept.filter((/** @type {any} */ { ended }) => !ended), []);

  // How it ended is told after a reload too, where it is asked for, until it is taken off the list.
  await page.reload();
  await page.locator(".upload[data-state=published] .steps li.done", { hasText: "on 1 of 1 node" }).waitFor();
  await picture(page, "upload-ended");
  await page.goto(`${node.url}/ui/`);
  await page.locator("ods-tray").waitFor({ state: "attached" });
  await page.locator(".event").first().waitFor();
  assert.equal(await page.locator("ods-tray .upload").count(), 0);
  await page.getByRole("navigation").getByRole("link", { name: "Uploads", exact: true }).click();
  await page.getByRole("button", { name: "Clear finished" }).click();
  await page.reload();
  await page.getByText("No uploads").waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("ods.uploads")), "[]");
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
  await page.getByRole("navigation").getByRole("link", { name: "Webhooks" }).click();
  await page.locator("main > .waiting").waitFor();
  assert.equal(await page.getByText("The node can’t be reached").count(), 1, "also of a page that can’t be had now");
  await picture(page, "node-gone");
  await node.launch();
  await page.locator(".live-pill", { hasText: "Live" }).waitFor();
  await page.locator(".banner").waitFor({ state: "detached" });
  await page.locator("h1", { hasText: "Webhooks" }).waitFor();
  await page.getByRole("navigation").getByRole("link", { name: "Overview" }).click();
  await node.put("after.pkg", "bytes");
  await page.locator(".event", { hasText: "after.pkg" }).first().waitFor();
  forgive(complaints, /ERR_|Failed to load resource|net::/);
});

test("an upload that failed says why, and is tried again", async () => {
  const node = await Node.start("retry");
  const { page, complaints } = await visitor();
  await signIn(page, node, "uploads");
  const problem = { type: "urn:ods:problem:no_space", title: "No room", status: 507, code: "no_space", detail: "the disk has too little room for it" };
  await page.route("**/api/v1/uploads", (route) => (route.request().method() === "POST" ? route.fulfill({ status: 507, contentType: "application/problem+json", json: problem }) : route.continue()));
  await upload(page, { name: "Again-1.pkg", size: 100_000 });
  await page.locator(".upload[data-state=failed]", { hasText: "too little room" }).waitFor();
  await page.unroute("**/api/v1/uploads");
  await page.getByRole("button", { name: "Retry" }).first().click();
  await page.locator(".upload[data-state=published]").waitFor();
  assert.equal((await node.api("GET", "/packages")).items[0].path, "Again-1.pkg");
  forgive(complaints, /507/);
});

test("an upload that is tried again says why it waits", async () => {
  const node = await Node.start("waits");
  const { page, complaints } = await visitor();
  await signIn(page, node, "uploads");
  const problem = { type: "urn:ods:problem:no_space", title: "No room", status: 507, code: "no_space", detail: "the disk has too little room for it" };
  await page.route("**/api/v1/uploads/*", (route) => (route.request().method() === "PATCH" ? route.fulfill({ status: 507, contentType: "application/problem+json", json: problem }) : route.continue()));
  await upload(page, { name: "Waits-1.pkg", size: 100_000 });
  const row = page.locator("page-uploads .upload");
  await row.filter({ hasText: "too little room" }).filter({ hasText: "trying again" }).waitFor();
  assert.equal(await page.getByText("can’t be reached").count(), 0);
  await page.unroute("**/api/v1/uploads/*");
  await page.locator("page-uploads .upload[data-state=published]").waitFor();
  forgive(complaints, /507/);
});

test("an upload replaces only what was seen, or what one chooses to", async () => {
  const node = await Node.start("lost-update");
  await node.put("Tool-1.pkg", "what was seen");
  const { page, complaints } = await visitor();
  await signIn(page, node, "uploads");
  const file = { name: "Tool-1.pkg", size: 70_000, seed: 3 };
  await drop(page, file);
  await page.locator("dialog .upload-row", { hasText: "replaces" }).waitFor();
  await node.put("Tool-1.pkg", "somebody else’s", "?version=2");
  await page.locator("dialog ods-upload-form button.primary").click();
  const row = page.locator("page-uploads .upload");
  await row.filter({ hasText: "Nothing was replaced: version 2 is there by now" }).waitFor();
  assert.equal((await node.api("GET", "/packages/Tool-1.pkg")).version, "2");
  await picture(page, "upload-stale");

  // What is replaced then is what the row tells of, and nothing that came after that.
  await node.put("Tool-1.pkg", "one more", "?version=3");
  await row.getByRole("button", { name: "Replace it" }).click();
  await row.filter({ hasText: "version 3 is there by now" }).waitFor();
  await row.getByRole("button", { name: "Replace it" }).click();
  await page.locator("page-uploads .upload[data-state=published]").waitFor();
  assert.equal((await node.api("GET", "/packages/Tool-1.pkg")).size, file.size);
  forgive(complaints, /412/);
});

test("what is published while an upload goes on isn't replaced by it", async () => {
  const node = await Node.start("overtaken");
  const { page, complaints, context } = await visitor();
  await signIn(page, node, "uploads");
  const network = await context.newCDPSession(page);
  const slow = (/** @type {number} */ rate) => network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: rate });
  await slow(1_000_000);
  const file = { name: "New-1.pkg", size: 6_000_000 };
  await upload(page, file);
  const row = page.locator("page-uploads .upload");
  await row.locator(".steps li.begun").first().waitFor();
  await node.put("New-1.pkg", "it was first");
  await slow(-1);
  await row.filter({ hasText: "Nothing was replaced" }).waitFor();
  assert.equal((await node.api("GET", "/packages/New-1.pkg")).size, "it was first".length);
  // A reload forgets neither that nor the way on.
  await page.reload();
  await row.filter({ hasText: "Nothing was replaced: another one is there by now" }).waitFor();
  await node.api("DELETE", "/packages/New-1.pkg");
  await row.getByRole("button", { name: "Replace it" }).click();
  await page.locator("page-uploads .upload[data-state=needs-file]").waitFor();
  await drop(page, file);
  await row.filter({ hasText: "was removed meanwhile" }).waitFor();
  await row.getByRole("button", { name: "Publish all the same" }).click();
  await page.locator("page-uploads .upload[data-state=published]").waitFor();
  forgive(complaints, /412/);
});
