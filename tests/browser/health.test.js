// Healthy or why not: two nodes that agree, one that goes away, damage that is found and mended, tokens and the API's own page.

import assert from "node:assert/strict";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { picture } from "./support/browser.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";
import { sideways } from "./support/sideways.js";
import { until } from "./support/wait.js";

afterEach(content);

test("the overview says that all is well, and what isn't any more", async () => {
  const [one, two] = [await Node.start("well"), await Node.start("goes")];
  await one.pair(two);
  await one.put("a.pkg", Buffer.alloc(200_000, 1));
  await until("the other has it", async () => (await two.api("GET", "/packages")).items[0]?.state === "stored");
  const { page } = await visitor();
  await signIn(page, one);
  await page.locator(".page-head .badge", { hasText: "Healthy" }).waitFor();
  await page.locator(".tile", { hasText: "Packages" }).filter({ hasText: "100% on every node" }).waitFor();
  await page.locator(".tile", { hasText: "Storage" }).filter({ hasText: /\d+ kB/ }).waitFor();
  assert.equal(await page.locator(".mesh .node").count(), 2);
  await page.locator(".legend .paused").waitFor();
  await page.locator(".event", { hasText: "a.pkg" }).first().waitFor();
  await two.stop("SIGKILL");
  await page.locator(".page-head .badge", { hasText: "1 node unreachable" }).waitFor();
  await page.locator(".mesh .node.bad", { hasText: "goes" }).waitFor();
});

test("with a node away whose clock is ahead the overview says what waits, and all its troubles fit a phone", async () => {
  const [one, two] = [await Node.start("stays"), await Node.start("ahead")];
  await one.pair(two);
  await one.put("a.pkg", Buffer.alloc(20_000, 1));
  await until("the other has it", async () => (await two.api("GET", "/packages")).items[0]?.state === "stored");
  await until("its state is known", async () => (await one.api("GET", "/mesh")).items.every((/** @type {any} */ node) => node.as_of !== null));
  await two.stop("SIGKILL");
  await one.put("b.pkg", Buffer.alloc(20_000, 2));
  const { page } = await visitor();
  // The other's clock, and with it what it said last, as it would be; and a conflict.
  await page.route("**/api/v1/mesh?*", async (route) => {
    const { items } = await (await route.fetch()).json();
    const later = (/** @type {string} */ at) => new Date(Date.parse(at) + 1_500_000).toISOString();
    const own = items.find((/** @type {any} */ node) => node.this);
    // Of a node that is away only what it said itself tells how the clocks differ.
    const links = [{ node: own.id, state: "connected", clock_ahead_ms: -1_500_000 }];
    const of = (/** @type {any} */ node) => (node.this ? node : { ...node, as_of: later(node.as_of), clock_ahead_ms: null, links });
    await route.fulfill({ json: { items: items.map(of), next: null, total: items.length } });
  });
  await page.route("**/api/v1/packages?*state=conflict*", async (route) => {
    const { items } = await one.api("GET", "/packages");
    await route.fulfill({ json: { items: items.slice(0, 1), next: null, total: 1 } });
  });
  await signIn(page, one);
  for (const trouble of ["1 node unreachable", "packages in conflict", "clock off on 1 node"]) await page.locator(".page-head .badge", { hasText: trouble }).waitFor();
  await page.locator(".tile", { hasText: "0 active, 1 waiting" }).waitFor();
  await page.locator(".transfers li", { hasText: "ahead" }).filter({ hasText: "waits for the node" }).waitFor();
  const says = page.locator(".mesh .node.bad .says");
  await says.waitFor();
  assert.match((await says.textContent()) ?? "", /last heard of \d+ sec\. ago/);
  for (const width of [768, 390, 320]) {
    await page.setViewportSize({ width, height: 800 });
    assert.deepEqual(await sideways(page), [], `${width} px`);
  }
  await picture(page, "troubles-phone");
});

test("bytes that rotted are found by verifying, named, and mended from another node", async () => {
  const [one, two] = [await Node.start("rotten"), await Node.start("sound")];
  await one.pair(two);
  const { package: { blob } } = await one.put("rots.pkg", Buffer.alloc(400_000, 3));
  await until("the other has it", async () => (await two.api("GET", "/packages")).items[0]?.state === "stored");
  const file = join(one.data, "blobs", blob.slice(0, 2), blob);
  chmodSync(file, 0o600);
  const bytes = readFileSync(file);
  bytes[1000] ^= 1;
  writeFileSync(file, bytes);
  const { page } = await visitor();
  await signIn(page, one, "storage");
  await page.locator("[data-operation=start_scrub]").click();
  const found = (/** @type {string} */ name) => page.locator(".facts > div", { hasText: name }).locator("dd");
  await until("it is found", async () => (await found("Damaged").first().textContent())?.trim() === "1");
  await page.locator(".event", { hasText: "rots.pkg" }).first().waitFor();
  await until("it is mended", async () => (await one.api("GET", "/packages/rots.pkg")).state === "stored" && readFileSync(file).equals(Buffer.alloc(400_000, 3)));
  await picture(page, "damage");
  const [download] = await Promise.all([page.waitForEvent("download"), page.locator("[data-operation=get_snapshot]").click()]);
  assert.equal(readFileSync(await download.path()).subarray(0, 4).toString(), "redb", "a copy of the database");
});

test("a verification that runs shows how far it is", async () => {
  const node = await Node.start("verifies");
  await node.api("PATCH", "/settings", { "scrub.rate_bytes_per_s": 65_536 });
  await node.stop();
  await node.launch();
  await node.put("long.pkg", Buffer.alloc(8_000_000, 5));
  const { page } = await visitor();
  await signIn(page, node, "storage");
  await page.locator("[data-operation=start_scrub]").click();
  await page.locator("[data-operation=stop_scrub]").waitFor();
  await page.locator("[data-operation=show_scrub]").getByRole("progressbar").waitFor();
});

test("a token is shown once, works, is seen to be used, and is locked out at once", async () => {
  const node = await Node.start("secret");
  await node.put("apps/x.pkg", "bytes");
  const { page } = await visitor();
  await signIn(page, node, "people?section=tokens");
  await page.locator(".page-head [data-operation=create_token]").click();
  const dialog = page.locator("dialog");
  await dialog.locator("input[name=name]").fill("ci");
  await dialog.locator("select[name=scope]").selectOption("publish");
  await dialog.locator("input[name=prefixes]").fill("apps");
  await dialog.locator("select[name=span]").selectOption({ label: "7 days" });
  await dialog.locator("[data-operation=create_token]").click();
  const token = String(await dialog.locator(".once code").first().textContent()).trim();
  await dialog.locator("footer button.primary").click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.getByText(token).count(), 0, "it is nowhere any more");
  const read = async () => (await fetch(`${node.url}/api/v1/packages/apps/x.pkg`, { headers: { authorization: `Bearer ${token}` } })).status;
  assert.equal(await read(), 200);
  const row = page.locator("tr", { hasText: "ci" }).filter({ hasText: "Publish" });
  await row.filter({ hasText: "apps" }).waitFor();
  await row.locator("[data-operation=revoke_token]").click();
  await dialog.locator("[data-operation=revoke_token]").click();
  await row.waitFor({ state: "detached" });
  assert.equal(await read(), 401);
});

test("an operation of the API is found, explained and tried", async () => {
  const node = await Node.start("try-it");
  await node.put("apps/x.pkg", "bytes");
  const { page } = await visitor();
  await signIn(page, node, "api");
  await page.getByLabel("Find an operation").fill("list packages");
  const operation = page.locator("details.operation[data-operation=list_packages]");
  await operation.locator("summary").first().click();
  await operation.locator("input[name='query.q']").fill("apps");
  await operation.locator("button[data-operation=list_packages]").click();
  await operation.locator(".answer", { hasText: "apps/x.pkg" }).waitFor();
  await operation.getByRole("heading", { name: "Answer: 200" }).waitFor();
  await page.getByLabel("Find an operation").fill("create_user");
  const made = page.locator("details.operation[data-operation=create_user]");
  await made.locator("summary").first().click();
  await made.locator("textarea[name=body]").fill(JSON.stringify({ name: "ada", password: "correct horse battery", scope: "read", prefixes: [] }));
  await made.locator("button[data-operation=create_user]").click();
  await page.locator("dialog").getByRole("button", { name: "Send" }).click();
  await made.locator(".answer", { hasText: '"ada"' }).waitFor();
});
