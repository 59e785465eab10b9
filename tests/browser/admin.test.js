// What administrators do on the pages about the node: limits by the hour, settings, policy, people, folders, space.

import assert from "node:assert/strict";
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { violations } from "./support/axe.js";
import { PHONE, picture } from "./support/browser.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { sideways } from "./support/sideways.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

afterEach(content);

test("limits are painted on the hours of a week", async () => {
  const node = await Node.start("limits");
  const { page } = await visitor();
  await signIn(page, node, "settings");
  await page.getByRole("button", { name: "Limits", exact: true }).click();
  const dialog = page.locator("dialog");
  await dialog.locator("input[name=down]").fill("50");
  await dialog.locator(".add-rule .down").fill("2.5");
  await dialog.locator(".add-rule button").click();
  await dialog.locator("[data-at='8']").hover();
  await page.mouse.down();
  await dialog.locator("[data-at='10']").hover();
  await page.mouse.up();
  await dialog.locator("[data-at='32']").focus();
  await page.keyboard.press("Space");
  await dialog.locator("button[data-operation=edit_node]").click();
  await dialog.waitFor({ state: "detached" });
  const { limits } = await node.api("GET", "/node");
  assert.equal(limits.down_bytes_per_s, 50_000_000);
  const days = limits.windows.map((/** @type {any} */ { days, from, to, down_bytes_per_s: down }) => [days.join(), from, to, down]);
  assert.ok(days.some((/** @type {any[]} */ [day, from, to]) => day === "mon" && from === "08:00" && to === "11:00"), JSON.stringify(days));
  assert.ok(days.some((/** @type {any[]} */ [day, from, , down]) => day === "tue" && from === "08:00" && down === 2_500_000), JSON.stringify(days));
  await page.goto(`${node.url}/ui/people?section=audit`);
  await page.locator("[data-operation=list_audit] ins", { hasText: "down 50 MB/s, up as fast as it goes" }).waitFor();
});

test("a setting is changed, refused with the reason, and taken back", async () => {
  const node = await Node.start("settings");
  const { page, complaints } = await visitor();
  await signIn(page, node, "settings?q=retention.keep_age");
  const row = page.locator(".setting", { hasText: "retention.keep_age" });
  await row.locator("[data-operation=edit_settings]").last().click();
  const field = page.locator("dialog [name=value]");
  await field.fill("soon");
  await page.locator("dialog [data-operation=edit_settings]").click();
  await page.locator("dialog [role=alert]").waitFor();
  assert.equal(await field.inputValue(), "soon", "what was typed stays");
  await field.fill("12d");
  await page.locator("dialog [data-operation=edit_settings]").click();
  await row.getByText("12d from the next start on").waitFor();
  await row.locator("[data-operation=edit_settings]").first().click();
  await row.getByText("12d from the next start on").waitFor({ state: "detached" });
  complaints.splice(0, complaints.length, ...complaints.filter((text) => !/422/.test(text)));
});

test("a person is added, suspended and removed", async () => {
  const node = await Node.start("people");
  const { page } = await visitor();
  await signIn(page, node, "people");
  await page.locator(".page-head [data-operation=create_user]").click();
  await page.locator("dialog input[name=name]").fill("grace");
  await page.locator("dialog input[name=password]").fill("correct horse battery");
  await page.locator("dialog [data-operation=create_user]").click();
  const row = page.locator("tr", { hasText: "grace" });
  await row.locator("summary").click();
  await row.getByRole("menuitem", { name: "Suspend" }).click();
  await row.getByText("Suspended").waitFor();
  await row.locator("summary").click();
  await row.getByRole("menuitem", { name: "Remove" }).click();
  await page.locator("dialog [data-operation=remove_user]").click();
  await row.waitFor({ state: "detached" });
  await page.goto(`${node.url}/ui/people?section=audit`);
  await page.getByText("user.removed").first().waitFor();
});

test("the audit grows while one looks at it, and what was read of before stays", async () => {
  const node = await Node.start("watched");
  const token = (/** @type {string} */ name) => node.api("POST", "/tokens", { name, scope: "read", prefixes: [], expires_at: null });
  for (let index = 0; index < 120; index += 1) await token(`of-before-${index}`);
  const { page } = await visitor();
  await signIn(page, node, "people?section=audit");
  const rows = page.locator("ods-audit tbody tr");
  await until("a page is there", async () => (await rows.count()) === 100);
  await page.locator("ods-audit .edge button").click();
  await until("all are there", async () => (await page.locator("ods-audit .edge").count()) === 0);
  const before = await rows.count();
  await token("of-now");
  await rows.first().filter({ hasText: "of-now" }).waitFor();
  assert.equal(await rows.count(), before + 1);
  await page.locator("ods-audit input[name=action]").fill("token.created");
  await page.locator("ods-audit form button").click();
  await until("only those", async () => (await rows.filter({ hasText: "session.started" }).count()) === 0);
});

test("where so much came that a rare entry may lie in between, the audit is read on from there", async () => {
  const node = await Node.start("rare");
  const { page } = await visitor();
  await signIn(page, node, "people?section=audit");
  const entry = (/** @type {number} */ lsn) => ({ lsn, at: new Date().toISOString(), who: `person-${lsn}`, from: null, agent: null, action: "token.created", subject: "x", before: {}, after: {} });
  // Such an answer takes a node 100,000 entries; the numbers are beyond its log, or within it.
  /** @type {{ items: object[], next: string | null }} */
  let answer = { items: [entry(5)], next: null };
  await page.route("**/api/v1/audit?*", (route) => route.fulfill({ json: { ...answer, total: null } }));
  const rows = page.locator("ods-audit tbody tr");
  const told = async (/** @type {number[]} */ lsns) => {
    await node.api("POST", "/tokens", { name: `of-${lsns.join("-")}`, scope: "read", prefixes: [], expires_at: null });
    await until(`of ${lsns.join(", ")} is told`, async () => (await rows.locator("td:nth-child(2)").allTextContents()).join(" ") === lsns.map((lsn) => `person-${lsn}`).join(" "));
  };
  await told([5]);
  answer = { items: [entry(6)], next: "audit:1" };
  await told([6, 5]);
  assert.equal(await page.locator("ods-audit .edge").count(), 0);
  answer = { items: [entry(10_000)], next: "audit:9000" };
  await told([10_000]);
  assert.equal(await page.locator("ods-audit .edge button").count(), 1);
});

test("a new name of a node is soon known to the others", async () => {
  const [one, two] = [await Node.start("old-name"), await Node.start("other")];
  await one.pair(two);
  await until("they are linked", async () => (await two.api("GET", "/mesh")).items.some((/** @type {any} */ node) => node.name === "old-name" && node.state === "up"));
  const { page } = await visitor();
  await signIn(page, one, "settings");
  await page.locator("[data-operation=edit_node]", { hasText: "Edit" }).first().click();
  await page.locator("dialog input[name=name]").fill("new-name");
  await page.locator("dialog [data-operation=edit_node]").click();
  await until("the other node knows it", async () => (await two.api("GET", "/mesh")).items.some((/** @type {any} */ node) => node.name === "new-name"), 20_000);
});

test("the node keeps what its policy says", async () => {
  const node = await Node.start("policy");
  const { page } = await visitor();
  await signIn(page, node, "settings");
  await page.getByRole("button", { name: "Policy", exact: true }).click();
  await page.locator("dialog select[name=mode]").selectOption("selected");
  await page.locator("dialog input[name=paths]").fill("mac/*, win/*");
  await page.locator("dialog [data-operation=edit_node]").click();
  await page.getByText("mac/*, win/*").waitFor();
  assert.deepEqual((await node.api("GET", "/node")).policy.paths, ["mac/*", "win/*"]);
});

test("a folder is watched, scanned, and no longer watched", async () => {
  const node = await Node.start("folders", { arguments: ["--config", "{folder}/ods.toml"] });
  const { page } = await visitor();
  await signIn(page, node, "watches");
  const folder = join(node.folder, "drop", "mac");
  mkdirSync(folder);
  await page.locator(".page-head [data-operation=create_watch]").click();
  await page.locator("dialog input[name=folder]").fill(folder);
  await page.locator("dialog input[name=settle]").fill("0");
  await page.locator("dialog [data-operation=create_watch]").click();
  const card = page.locator(".watch", { hasText: folder });
  await card.waitFor();
  writeFileSync(join(folder, "Dropped.pkg"), "bytes");
  await card.locator("[data-operation=scan_watch]").click();
  await until("it is published", async () => (await node.api("GET", "/packages")).items.length === 1);
  await card.locator("details.files", { hasText: "Taken" }).waitFor();
  await card.locator(".menu summary").click();
  await card.getByRole("menuitem", { name: "Stop watching" }).click();
  await page.locator("dialog [data-operation=remove_watch]").click();
  await card.waitFor({ state: "detached" });
});

test("what settles and what is refused is listed, with the reason", async () => {
  const node = await Node.start("refused", { arguments: ["--config", "{folder}/ods.toml"] });
  const folder = join(node.folder, "drop", "in");
  mkdirSync(folder);
  await node.api("POST", "/watches", { folder, mode: "keep", settle_s: 3600, rescan_s: 1 });
  await until("it is watched", async () => (await node.api("GET", "/watches")).items[0].last_scan_at !== null);
  // Somebody still writes it.
  const file = openSync(join(folder, "Waits.pkg"), "w");
  writeSync(file, "bytes");
  writeFileSync(join(folder, "odd\\name.pkg"), "bytes");
  const { page } = await visitor();
  await signIn(page, node, "watches");
  const card = page.locator(".watch", { hasText: folder });
  await card.locator("details.files", { hasText: "Settling" }).filter({ hasText: "Waits.pkg" }).waitFor();
  await card.locator("details.files", { hasText: "Refused" }).filter({ hasText: "name.pkg" }).locator(".warn-text").waitFor();
  closeSync(file);
  await card.locator("details.files", { hasText: "Taken" }).waitFor();
  await until("it is published", async () => (await node.api("GET", "/packages")).items[0]?.path === "Waits.pkg");
});

test("a mirror whose files went asks, and unpublishes when it is confirmed", async () => {
  const node = await Node.start("mirror", { arguments: ["--config", "{folder}/ods.toml"] });
  const folder = join(node.folder, "drop", "mirror");
  mkdirSync(folder);
  for (const name of ["a", "b", "c", "d"]) writeFileSync(join(folder, `${name}.pkg`), name);
  await node.api("POST", "/watches", { folder, mode: "mirror", settle_s: 0, rescan_s: 1 });
  await until("all are published", async () => (await node.api("GET", "/packages")).items.length === 4);
  for (const name of ["a", "b", "c"]) rmSync(join(folder, `${name}.pkg`));
  const { page } = await visitor();
  await signIn(page, node, "watches");
  const card = page.locator(".watch", { hasText: folder });
  await card.getByText("3 files of 4 are gone").waitFor();
  await card.getByText("Set here", { exact: true }).waitFor();
  await picture(page, "mirror-asks");
  await card.locator("[data-operation=confirm_watch]").click();
  await page.locator("dialog [data-operation=confirm_watch]").click();
  await until("they are unpublished", async () => (await node.api("GET", "/packages")).items.length === 1);
  await card.locator("[data-operation=confirm_watch]").waitFor({ state: "detached" });
});

test("where no folder may be watched, the page says what has to be done, and where", async () => {
  const node = await Node.start("no-roots");
  const { page } = await visitor();
  await signIn(page, node, "watches");
  await page.locator(".page-head [data-operation=create_watch]").click();
  await page.locator("dialog", { hasText: join(node.data, "ods.toml") }).locator("code", { hasText: "[watch]" }).waitFor();
});

test("hours are painted with a finger on a phone", async () => {
  const node = await Node.start("phone");
  const { page } = await visitor({ viewport: PHONE, hasTouch: true });
  await signIn(page, node, "settings");
  await page.getByRole("button", { name: "Limits", exact: true }).click();
  const dialog = page.locator("dialog");
  await dialog.locator(".add-rule .down").fill("3");
  await dialog.locator(".add-rule button").click();
  await dialog.locator("[data-at='30']").scrollIntoViewIfNeeded();
  await dialog.locator("[data-at='30']").tap();
  for (const width of [320, PHONE.width]) {
    await page.setViewportSize({ ...PHONE, width });
    const boxes = await dialog.locator(".cell").evaluateAll((cells) => cells.map((cell) => cell.getBoundingClientRect()).map(({ width, height }) => Math.min(width, height)));
    assert.ok(Math.min(...boxes) >= 24, `${Math.min(...boxes)} px at ${width} px`);
    assert.equal(boxes.length, 168);
    await picture(page, `week-${width}`);
    assert.deepEqual(await violations(page), []);
    assert.deepEqual(await sideways(page), []);
  }
  // The arrows go where they point.
  await dialog.locator("[data-at='30']").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("data-at")), "55");
  await dialog.locator("button[data-operation=edit_node]").click();
  await dialog.waitFor({ state: "detached" });
  const { limits } = await node.api("GET", "/node");
  assert.deepEqual(limits.windows.map((/** @type {any} */ { days, from, to, down_bytes_per_s: down }) => [days, from, to, down]), [[["tue"], "06:00", "08:00", 3_000_000]]);
});

test("the storage's trend is what the node noted, in any browser", async () => {
  const node = await Node.start("trend");
  await until("it was noted", async () => (await node.api("GET", "/storage/trend")).items.length === 1);
  await node.put("apps/Big.pkg", Buffer.alloc(3_000_000, 1));
  const { page } = await visitor();
  await signIn(page, node, "storage");
  const trend = page.locator("[data-operation=list_storage_trend]");
  await trend.locator("polyline").waitFor();
  await trend.getByText(/now, \d.*MB/).waitFor();
});

test("where the node listens, how that is encrypted, and that a certificate ends soon", async () => {
  const node = await Node.start("listens");
  const { page } = await visitor();
  await signIn(page, node, "settings");
  const address = node.url.replace("http://", "");
  const row = page.locator("tr", { hasText: address });
  await row.getByText("nothing is encrypted").waitFor();
  // A certificate that is really about to end is tested beside the program; here it is what the page says of one.
  const sha256 = "ab".repeat(32);
  await page.route("**/api/v1/node", async (route) => {
    const facts = await (await route.fetch()).json();
    const expires_at = new Date(Date.now() + 5.5 * 86_400_000).toISOString();
    await route.fulfill({ json: { ...facts, listeners: [{ ...facts.listeners[0], tls: "files", certificate: { sha256, expires_at } }] } });
  });
  await page.reload();
  await row.getByText("ends in 5 days").waitFor();
  await picture(page, "certificate-ends");
  await page.goto(`${node.url}/ui/`);
  await page.getByRole("link", { name: "a certificate ends in 5 days" }).or(page.locator(".page-head .badge", { hasText: "a certificate ends in 5 days" })).first().waitFor();
});

test("space is freed after a look at what would go", async () => {
  const node = await Node.start("space", { arguments: ["--config", "{folder}/ods.toml"] });
  await node.put("old.pkg", Buffer.alloc(100_000, 1));
  await node.api("DELETE", "/packages/old.pkg");
  const { page } = await visitor();
  await signIn(page, node, "storage");
  await page.locator("ods-gc input[type=checkbox]").check();
  await page.getByRole("button", { name: "What would go now?" }).click();
  await page.locator("ods-gc td", { hasText: "old.pkg" }).waitFor();
  await page.getByRole("button", { name: /Free 100 kB now/ }).click();
  await page.locator("dialog [data-operation=collect_garbage]").click();
  await until("it is gone", async () => (await node.api("GET", "/storage")).blobs.count === 0);

  // What is no folder can't be looked through, whoever asks.
  rmSync(join(node.data, "blobs/7f"), { recursive: true });
  writeFileSync(join(node.data, "blobs/7f"), "");
  await page.getByRole("button", { name: "What would go now?" }).click();
  await page.locator("ods-gc .notice.warn", { hasText: "1 left-over file couldn’t be looked at" }).locator("code", { hasText: "7f" }).waitFor();
});
