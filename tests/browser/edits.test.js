// Two people change the same thing: nobody's change is undone, the later one is told what the other did, and what was typed stays.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { forgive, picture } from "./support/browser.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

afterEach(content);

/** @typedef {import("playwright-core").Page} Page */
/** @typedef {import("playwright-core").Locator} Locator */

/** A node with somebody signed in on one of its pages. The refusals that these tests are about are logged by the browser. @param {string} name @param {string} at */
async function begin(name, at, /** @type {string[]} */ more = []) {
  const node = await Node.start(name, { arguments: more });
  const seen = await visitor();
  const { page, complaints } = seen;
  await signIn(page, node, at);
  page.on("console", () => forgive(complaints, /status of 412/));
  return { node, page };
}

/**
 * Saves what was typed after somebody else changed the thing: refused, with their change in words and what was typed still there; then
 * saves again.
 * @param {Locator} form @param {string} operation @param {{ says: string, typed: [Locator, string] }} expected
 */
async function saveTwice(form, operation, { says, typed: [field, value] }) {
  const save = form.locator(`button[data-operation=${operation}]`);
  await save.click();
  await form.getByRole("alert").filter({ hasText: "Somebody changed this meanwhile" }).filter({ hasText: says }).waitFor();
  assert.equal(await field.inputValue(), value, "what was typed stays");
  await save.click();
}

test("a webhook that two people edit has what both changed", async () => {
  const { node, page } = await begin("two-hooks", "webhooks");
  const { id } = await node.api("POST", "/webhooks", { url: "https://example.org/a", name: "chat", types: ["package.published"], paths: [], tags: [], allow_private: false });
  await page.goto(`${node.url}/ui/webhooks/${id}`);
  await page.locator(".page-head").getByRole("button", { name: "Edit" }).click();
  const dialog = page.locator("dialog");
  await dialog.locator("input[name=name]").fill("builds");
  await node.api("PATCH", `/webhooks/${id}`, { paths: ["mac/*"], types: ["package.published", "package.removed"] });
  await saveTwice(dialog, "edit_webhook", { says: "mac/*", typed: [dialog.locator("input[name=name]"), "builds"] });
  await dialog.waitFor({ state: "detached" });
  const { name, paths, types } = await node.api("GET", `/webhooks/${id}`);
  assert.deepEqual([name, paths, types], ["builds", ["mac/*"], ["package.published", "package.removed"]]);
});

test("what is pressed on a thing that changed meanwhile does nothing, and says so", async () => {
  const { node, page } = await begin("pressed", "webhooks");
  const { id } = await node.api("POST", "/webhooks", { url: "https://example.org/a", name: "chat", types: [], paths: [], tags: [], allow_private: false });
  await page.goto(`${node.url}/ui/webhooks/${id}`);
  await page.locator("h1", { hasText: "chat" }).waitFor();
  // The page doesn't hear of the change before it is pressed.
  const address = `**/api/v1/webhooks/${id}`;
  await page.route(address, (route) => (route.request().method() === "GET" ? new Promise(() => undefined) : route.continue()));
  await node.api("PATCH", `/webhooks/${id}`, { url: "https://example.org/b" });
  const off = async () => {
    await page.locator(".page-head .menu summary").click();
    await page.getByRole("menuitem", { name: "Switch off" }).click();
  };
  await off();
  await page.locator(".toast", { hasText: "somebody changed it meanwhile" }).waitFor();
  assert.equal((await node.api("GET", `/webhooks/${id}`)).enabled, true);
  await page.unroute(address);
  await page.reload();
  await page.getByText("https://example.org/b").first().waitFor();
  await off();
  await until("it is off", async () => !(await node.api("GET", `/webhooks/${id}`)).enabled);
});

test("a node's name, addresses, limits and policy are changed by two people beside each other", async () => {
  const { node, page } = await begin("two-admins", "settings");
  await page.locator("button[data-operation=edit_node]", { hasText: "Edit" }).first().click();
  const dialog = page.locator("dialog");
  await dialog.locator("input[name=name]").fill("mine");
  await node.api("PATCH", "/node", { urls: ["https://theirs.example"] });
  await saveTwice(dialog, "edit_node", { says: "https://theirs.example", typed: [dialog.locator("input[name=name]"), "mine"] });
  await dialog.waitFor({ state: "detached" });
  const { name, urls } = await node.api("GET", "/node");
  assert.deepEqual([name, urls], ["mine", ["https://theirs.example"]]);

  await page.getByRole("button", { name: "Limits", exact: true }).click();
  await dialog.locator("input[name=down]").fill("7");
  await node.api("PATCH", "/node", { policy: { mode: "selected", paths: ["a/*"], tags: [], bytes_max: null } });
  await saveTwice(dialog, "edit_node", { says: "Somebody", typed: [dialog.locator("input[name=down]"), "7"] });
  await dialog.waitFor({ state: "detached" });
  const facts = await node.api("GET", "/node");
  assert.deepEqual([facts.limits.down_bytes_per_s, facts.policy.mode], [7_000_000, "selected"]);

  await page.goto(`${node.url}/ui/events?type=node.*`);
  for (const told of ["renamed this node from two-admins to mine", "addresses to https://theirs.example", "keeps: selected, paths a/*", "limits of this node: down 7 MB/s"])
    await page.locator(".event", { hasText: told }).waitFor();
});

test("a package's metadata that two people edit has what both changed", async () => {
  const node = await Node.start("two-titles");
  await node.put("apps/x.pkg", "bytes", "?title=Old&version=1");
  const { page, complaints } = await visitor();
  page.on("console", () => forgive(complaints, /status of 412/));
  await signIn(page, node, "packages/apps/x.pkg");
  await page.locator("ods-metadata button[data-operation=edit_package]").click();
  const form = page.locator("ods-metadata form");
  await form.locator("input[name=title]").fill("Mine");
  await node.api("PATCH", "/packages/apps/x.pkg", { version: "2", notes: "theirs" });
  await saveTwice(form, "edit_package", { says: "theirs", typed: [form.locator("input[name=title]"), "Mine"] });
  await form.waitFor({ state: "detached" });
  const { title, version, notes } = await node.api("GET", "/packages/apps/x.pkg");
  assert.deepEqual([title, version, notes], ["Mine", "2", "theirs"]);
});

test("a watched folder and a person that two people edit have what both changed", async () => {
  const { node, page } = await begin("two-folders", "watches", ["--config", "{folder}/ods.toml"]);
  const folder = join(node.folder, "drop", "both");
  mkdirSync(folder);
  const { id } = await node.api("POST", "/watches", { folder, mode: "keep", settle_s: 5, rescan_s: 30 });
  const card = page.locator(".watch", { hasText: folder });
  await card.locator(".menu summary").click();
  await card.getByRole("menuitem", { name: "Edit" }).click();
  const dialog = page.locator("dialog");
  await dialog.locator("input[name=prefix]").fill("mine");
  await node.api("PATCH", `/watches/${id}`, { settle_s: 9 });
  await saveTwice(dialog, "edit_watch", { says: "9", typed: [dialog.locator("input[name=prefix]"), "mine"] });
  await dialog.waitFor({ state: "detached" });
  const watch = await node.api("GET", `/watches/${id}`);
  assert.deepEqual([watch.prefix, watch.settle_s, watch.rescan_s], ["mine", 9, 30]);

  const user = await node.api("POST", "/users", { name: "ada", password: "correct horse battery", scope: "read", prefixes: [] });
  await page.goto(`${node.url}/ui/people`);
  const row = page.locator("tr", { hasText: "ada" });
  await row.locator("summary").click();
  await row.getByRole("menuitem", { name: "Edit" }).click();
  await dialog.locator("input[name=prefixes]").fill("apps");
  await node.api("PATCH", `/users/${user.id}`, { scope: "publish" });
  await saveTwice(dialog, "edit_user", { says: "publish", typed: [dialog.locator("input[name=prefixes]"), "apps"] });
  await dialog.waitFor({ state: "detached" });
  const now = await node.api("GET", `/users/${user.id}`);
  assert.deepEqual([now.name, now.scope, now.prefixes], ["ada", "publish", ["apps"]]);
});

test("a setting that somebody else changed is said; another setting is no hindrance", async () => {
  const { node, page } = await begin("two-settings", "settings?q=retention");
  const row = page.locator(".setting", { hasText: "retention.keep_age" });
  await row.locator("[data-operation=edit_settings]").last().click();
  const dialog = page.locator("dialog");
  const field = dialog.locator("[name=value]");
  await field.fill("12d");
  await node.api("PATCH", "/settings", { "retention.keep_revisions": 3 });
  await dialog.locator("[data-operation=edit_settings]").click();
  await dialog.waitFor({ state: "detached" });
  const stored = async (/** @type {string} */ key) => (await node.api("GET", "/settings")).items.find((/** @type {any} */ one) => one.key === key).stored;
  assert.deepEqual([await stored("retention.keep_age"), await stored("retention.keep_revisions")], ["12d", 3]);

  await row.getByText("12d from the next start on").waitFor();
  await row.locator("[data-operation=edit_settings]").last().click();
  await field.fill("14d");
  await node.api("PATCH", "/settings", { "retention.keep_age": "13d" });
  await saveTwice(dialog, "edit_settings", { says: "13d", typed: [field, "14d"] });
  await dialog.waitFor({ state: "detached" });
  assert.equal(await stored("retention.keep_age"), "14d");
});

test("a link that two people edit has what both changed, and an invite that was used meanwhile isn't revoked", async () => {
  const { node, page } = await begin("two-links", "mesh");
  const other = await Node.start("the-other");
  const { id } = await node.api("POST", "/invites", { role: "publisher", prefixes: [], expires_in_s: 3600 });
  const revoke = page.locator("ods-invites [data-operation=revoke_invite]");
  await revoke.waitFor();
  await page.route("**/api/v1/invites?*", () => undefined);
  const { invite } = (await node.api("GET", "/invites")).items.find((/** @type {any} */ one) => one.id === id);
  const peer = await other.api("POST", "/peers", { invite });
  assert.ok(peer);
  await revoke.click();
  await page.locator(".toast", { hasText: "somebody changed it meanwhile" }).waitFor();
  assert.equal((await node.api("GET", "/invites")).items[0].state, "used");

  const row = page.locator("[data-operation=list_peers] tr", { hasText: "the-other" });
  await row.locator("summary").click();
  await row.getByRole("menuitem", { name: "Name and addresses" }).click();
  const dialog = page.locator("dialog");
  await dialog.locator("input[name=name]").fill("mine");
  const [link] = (await node.api("GET", "/peers")).items;
  await node.api("PATCH", `/peers/${link.id}`, { urls: [`${other.url}/`, "https://theirs.example"] });
  await saveTwice(dialog, "edit_peer", { says: "https://theirs.example", typed: [dialog.locator("input[name=name]"), "mine"] });
  await dialog.waitFor({ state: "detached" });
  const now = await node.api("GET", `/peers/${link.id}`);
  assert.ok(now.name === "mine" && now.urls.some((/** @type {string} */ url) => url.includes("theirs.example")), JSON.stringify(now));
  await picture(page, "two-links");
});
