// The events page: what is exported, what a gap looks like, and deleted packages that are found again.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, test } from "node:test";
import { forgive, picture } from "./support/browser.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

afterEach(content);

/** Exports the events that are shown. @param {import("playwright-core").Page} page @param {string} item */
async function exported(page, item) {
  await page.locator("[title=Export]").click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: item }).click()]);
  return { name: download.suggestedFilename(), text: readFileSync(await download.path(), "utf8") };
}

test("events are exported as they are filtered, and no cell becomes a formula", async () => {
  const node = await Node.start("export");
  for (const name of ["a.pkg", "b,\"c\".pkg", "d.zip"]) await node.put(name, name);
  const { page } = await visitor({ acceptDownloads: true });
  await signIn(page, node, "events?type=package.published&path=*.pkg");
  await until("two match", async () => (await page.locator(".event").count()) === 2);
  const lines = await exported(page, "As JSON lines");
  const records = lines.text.trim().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(records.map(({ type, data }) => [type, data.path]), [["package.published", "a.pkg"], ["package.published", "b,\"c\".pkg"]]);
  assert.equal(lines.name, "events.jsonl");
  const table = await exported(page, "As CSV");
  const [head, first] = table.text.split("\r\n");
  assert.equal(head, "lsn,at,type,data");
  assert.match(String(first), /^\d+,[^,]+,package\.published,"\{""/);
});

test("what may be missing after a lost connection is marked", async () => {
  const node = await Node.start("gap");
  await node.put("before.pkg", "1");
  const { page, complaints } = await visitor();
  await signIn(page, node, "events");
  await page.locator(".event", { hasText: "before.pkg" }).first().waitFor();
  // The journal no longer reaches back to what was seen, and can't be read either.
  await page.route("**/api/v1/events?*", (route) => route.abort());
  await page.evaluate(async () => {
    const { href } = /** @type {HTMLLinkElement} */ (document.querySelector("link[rel=modulepreload]"));
    const { live } = await import(href.replace("vendor/lit.js", "lib/live.js"));
    live.dispatchEvent(new CustomEvent("gap", { detail: 1 }));
  });
  await page.waitForTimeout(500);
  await node.put("after.pkg", "2");
  await page.locator(".gap", { hasText: "Events may be missing here" }).waitFor();
  await page.locator(".event", { hasText: "after.pkg" }).first().waitFor();
  await picture(page, "gap");
  forgive(complaints, /ERR_|Failed to load resource|net::/);
});

test("a deleted package is found again and restored", async () => {
  const node = await Node.start("deleted");
  for (const name of ["gone.pkg", "back.pkg", "there.pkg"]) await node.put(name, name);
  for (const name of ["gone.pkg", "back.pkg"]) await node.api("DELETE", `/packages/${name}`);
  await node.put("back.pkg", "again");
  const { page } = await visitor();
  await signIn(page, node, "packages");
  await page.getByText("there.pkg").first().waitFor();
  await page.getByLabel("State").selectOption("deleted");
  const row = page.locator("ods-deleted tbody tr");
  await until("only what is not back", async () => (await row.count()) === 1);
  await picture(page, "deleted");
  await row.locator("[data-operation=restore_revision]").click();
  await until("it is back", async () => (await node.api("GET", "/packages")).items.length === 3);
  await page.getByText("No deleted packages").waitFor();
});

test("many that were deleted at once are brought back at once", async () => {
  const node = await Node.start("undo");
  for (let index = 0; index < 5; index += 1) await node.put(`${index}.pkg`, String(index));
  const { page } = await visitor();
  await signIn(page, node, "packages");
  await page.getByLabel("Select all of the list").click();
  await page.getByText("All 5 of the catalog are selected").waitFor();
  await page.locator(".bulk-bar .danger").click();
  await page.locator("ods-bulk [data-operation=change_packages]").click();
  await page.getByRole("heading", { name: "5 done" }).waitFor();
  assert.equal((await node.api("GET", "/packages")).items.length, 0);
  await page.locator("ods-bulk [data-operation=restore_revision]").click();
  await until("all are back", async () => (await node.api("GET", "/packages")).items.length === 5);
  await page.locator(".bulk-bar").waitFor({ state: "detached" });
});
