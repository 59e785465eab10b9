// The events page: what is exported, that nothing is missing in the list and nothing is twice, and deleted packages that are found again.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { forgive, picture } from "./support/browser.js";
import { Node, PROGRAM } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";
import { pause, until } from "./support/wait.js";

afterEach(content);

/** Who hears what the stream of all tabs tells, and can be told more: `odsHeard`, `odsTell`, and records to tell, `odsRecords`. */
async function listener() {
  const seen = await visitor();
  await seen.page.addInitScript(() => {
    /** @type {object[]} */
    const heard = [];
    window.SharedWorker = class extends SharedWorker {
      /** @param {string | URL} url @param {string | WorkerOptions} [options] */
      constructor(url, options) {
        super(url, options);
        this.port.addEventListener("message", ({ data }) => heard.push(...(data.records ?? [])));
        Object.assign(window, { odsTell: (/** @type {object} */ data) => this.port.dispatchEvent(new MessageEvent("message", { data })) });
      }
    };
    const record = (/** @type {string} */ folder, /** @type {number} */ after, /** @type {number} */ index) =>
      ({ lsn: after + index, at: new Date().toISOString(), type: "package.published", backfill: false, data: { path: `${folder}/${index}.pkg`, event_id: "0".repeat(64) } });
    const odsRecords = (/** @type {string} */ folder, /** @type {number} */ after, /** @type {number} */ count) => Array.from({ length: count }, (_, index) => record(folder, after, index + 1));
    Object.assign(window, { odsHeard: heard, odsRecords });
  });
  return seen;
}

/** The head of a journal that is longer than the list. */
const LONG = 4_000;

/** The node answers as if its journal were so long, of events of `old/` up to one, and of others since. @param {import("playwright-core").Page} page @param {number} last */
async function longJournal(page, last) {
  await page.route("**/api/v1/node", async (route) => {
    const answer = await route.fetch();
    const facts = await answer.json();
    await route.fulfill({ response: answer, json: facts.log ? { ...facts, log: { ...facts.log, head: LONG } } : facts });
  });
  await page.route("**/api/v1/events?*", (route) => {
    const query = new URL(route.request().url()).searchParams;
    const [before, limit] = [Math.min(LONG + 1, Number(query.get("before"))), Number(query.get("limit"))];
    const begin = Math.max(1, before - limit);
    const found = Array.from({ length: before - begin }, (_, index) => before - index - 1).filter((lsn) => lsn <= last);
    const items = found.map((lsn) => ({ lsn, at: new Date().toISOString(), type: "package.published", backfill: false, data: { path: `old/${lsn}.pkg`, event_id: "0".repeat(64) } }));
    return route.fulfill({ json: { items, next: begin > 1 ? String(begin) : null } });
  });
}

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

test("of a journal that was put back the list is read anew, and a mark says that some may be missing; where it can't be read, that is said", async () => {
  const node = await Node.start("gap");
  await node.put("before.pkg", "1");
  const { page, complaints } = await listener();
  await signIn(page, node, "events");
  const row = (/** @type {string} */ name) => page.locator(".event", { hasText: name }).first();
  await row("before.pkg").waitFor();
  const { log } = await node.api("GET", "/node");
  await page.evaluate(({ head }) => /** @type {any} */ (window).odsTell({ kind: "records", records: /** @type {any} */ (window).odsRecords("of-another", head + 10_000, 1) }), log);
  await row("of-another").waitFor();
  await page.evaluate(({ head }) => /** @type {any} */ (window).odsTell({ kind: "gap", head }), log);
  await row("of-another").waitFor({ state: "detached" });
  await row("before.pkg").waitFor();
  const marks = await page.locator(".events.tall > li:not(.event-more)").evaluateAll((all) => all.map((one) => one.classList.contains("gap")));
  assert.equal(marks.indexOf(true), marks.length - 1, "behind all that was read");
  await node.put("after.pkg", "2");
  await row("after.pkg").waitFor();
  await page.route("**/api/v1/events?*", (route) => route.abort());
  await page.evaluate(({ head }) => /** @type {any} */ (window).odsTell({ kind: "gap", head }), log);
  await page.locator("page-events .notice").waitFor();
  assert.equal(await page.getByText("No events yet").count(), 0);
  await picture(page, "gap");
  await page.unroute("**/api/v1/events?*");
  await page.locator("page-events .notice button").click();
  await row("after.pkg").waitFor();
  forgive(complaints, /ERR_|Failed to load resource|net::/);
});

test("where events were missed a mark stands between what was before and what came since", async () => {
  const node = await Node.start("hole");
  await node.put("first.pkg", "1");
  const { page } = await listener();
  await longJournal(page, LONG);
  await signIn(page, node, "events");
  await page.locator(".event", { hasText: `old/${LONG}.pkg` }).waitFor({ state: "attached" });
  // What the journal still has of what was missed; the others left it before the connection was back.
  await page.route("**/api/v1/events?*", (route) => route.fulfill({ json: { items: [1999, 2000].map((index) => ({ lsn: LONG + index, at: new Date().toISOString(), type: "package.published", backfill: false, data: { path: `kept/${index}.pkg`, event_id: "0".repeat(64) } })), next: null } }));
  await page.evaluate((head) => {
    const { odsTell, odsRecords } = /** @type {any} */ (window);
    odsTell({ kind: "records", records: odsRecords("early", head, 1) });
    odsTell({ kind: "gap", head: head + 2_000 });
    odsTell({ kind: "records", records: odsRecords("since", head + 2_000, 1) });
  }, LONG);
  await page.locator(".event", { hasText: "since/1.pkg" }).waitFor();
  const last = await page.locator(".events.tall > li:not(.event-more)").evaluateAll((all) => all.slice(-5).map((one) => (one.classList.contains("gap") ? "gap" : /\w+\/\d+\.pkg/.exec(one.textContent ?? "")?.[0])));
  assert.deepEqual(last, ["early/1.pkg", "gap", "kept/1999.pkg", "kept/2000.pkg", "since/1.pkg"]);
  await picture(page, "gap-mark");
});

test("what comes while the list is read is in it once", async () => {
  const node = await Node.start("meanwhile");
  await node.put("first.pkg", "1");
  const { page } = await listener();
  await signIn(page, node, "events");
  await page.locator(".event", { hasText: "first.pkg" }).first().waitFor();
  /** @type {(value?: unknown) => void} */
  let goOn = () => undefined;
  const held = new Promise((resolve) => (goOn = resolve));
  await page.route("**/api/v1/node", (route) => held.then(() => route.continue()));
  await page.getByLabel("Path").fill("*.pkg");
  await page.getByLabel("Path").press("Enter");
  await page.locator(".event").first().waitFor({ state: "detached" });
  await node.put("second.pkg", "2");
  await page.waitForFunction(() => /** @type {any} */ (window).odsHeard.some((/** @type {any} */ { data }) => data.path === "second.pkg"));
  // As long as it takes until what came is shown, if nothing is read.
  await page.waitForTimeout(500);
  goOn();
  await page.locator(".event", { hasText: "second.pkg" }).first().waitFor();
  await page.getByText("That is where the journal begins").waitFor();
  const names = await page.locator(".event-more > button").evaluateAll((all) => all.map((one) => one.getAttribute("aria-label")));
  assert.deepEqual(names, [...new Set(names)]);
});

test("a deluge while paused takes nothing from another list that somebody asks for meanwhile", async () => {
  const node = await Node.start("turned");
  await node.put("before/one.pkg", "1");
  const { page } = await listener();
  await signIn(page, node, "events");
  const row = (/** @type {string} */ name) => page.locator(".event", { hasText: name }).first();
  await row("before/one.pkg").waitFor();
  await page.locator("[data-operation=follow_events]").click();
  const { log } = await node.api("GET", "/node");
  await page.evaluate(({ head }) => {
    /** @type {any} */ (window).odsTell({ kind: "records", records: /** @type {any} */ (window).odsRecords("deluge", head, 2_500) });
    const path = /** @type {HTMLInputElement} */ (document.querySelector("[aria-label=Path]"));
    path.value = "before/*";
    path.dispatchEvent(new Event("change"));
  }, log);
  await row("deluge").waitFor({ state: "detached" });
  await row("before/one.pkg").waitFor();
  // The deluge would have been shown by now.
  await page.waitForTimeout(1_500);
  await node.put("before/two.pkg", "2");
  await row("before/two.pkg").waitFor();
  assert.ok((await page.locator(".event", { hasText: "before/one.pkg" }).count()) > 0);
});

test("earlier events that are read during a deluge leave no hole", async () => {
  const node = await Node.start("both");
  const { page } = await listener();
  await longJournal(page, LONG);
  await signIn(page, node, "events");
  await page.locator(".event", { hasText: `old/${LONG}.pkg` }).waitFor({ state: "attached" });
  await page.locator("[data-operation=follow_events]").click();
  // Longer than it takes until what came is shown.
  await page.route("**/api/v1/events?*", (route) => pause(2_000).then(() => route.fallback()));
  await page.evaluate((head) => {
    /** @type {any} */ (window).odsTell({ kind: "records", records: /** @type {any} */ (window).odsRecords("deluge", head, 2_500) });
    /** @type {HTMLButtonElement} */ (document.querySelector(".edge button")).click();
  }, LONG);
  await page.locator(".event", { hasText: "deluge/2500.pkg" }).waitFor({ state: "attached" });
  const earlier = page.getByRole("button", { name: "Earlier events" });
  await until("it is read", () => earlier.isEnabled());
  assert.equal(await page.locator(".event", { hasText: "old/" }).count(), 0);
  await earlier.click();
  await page.locator(".event", { hasText: `old/${LONG}.pkg` }).waitFor({ state: "attached" });
});

test("of more matches far back than the list keeps the newest are shown", async () => {
  const node = await Node.start("far");
  const { page } = await listener();
  const last = LONG - 1_000;
  await longJournal(page, last);
  await signIn(page, node, "events?path=old/*");
  await page.locator(".event", { hasText: `old/${last}.pkg` }).waitFor({ state: "attached" });
});

test("of a node that was restored from a backup, whose numbers have a wide gap, the latest and all earlier events are read at once", async () => {
  const node = await Node.start("put-back");
  await node.put("gone.pkg", "1");
  await node.api("DELETE", "/packages/gone.pkg");
  const backups = join(node.folder, "backups");
  await node.stop();
  execFileSync(PROGRAM, ["backup", backups, "--data", node.data], { stdio: "pipe" });
  rmSync(node.data, { recursive: true });
  execFileSync(PROGRAM, ["backup", "restore", backups, "--data", node.data], { stdio: "pipe" });
  await node.launch();
  await node.put("after.pkg", "2");
  const { page } = await visitor();
  await signIn(page, node);
  for (const name of ["after.pkg", "gone.pkg"]) await page.locator(".event", { hasText: name }).first().waitFor();
  /** @type {string[]} */
  const asked = [];
  page.on("request", (request) => request.url().includes("/api/v1/events?") && asked.push(request.url()));
  await page.goto(`${node.url}/ui/events`);
  await page.getByText("That is where the journal begins").waitFor();
  for (const name of ["after.pkg", "gone.pkg"]) await page.locator(".event", { hasText: name }).first().waitFor();
  assert.equal(asked.length, 1, asked.join("\n"));
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

test("the live tail stops when somebody scrolls up, counts what comes meanwhile, and goes on at the end", async () => {
  const node = await Node.start("tail");
  const { package: first } = await node.put("0.pkg", "bytes");
  for (let index = 1; index < 40; index += 1) await node.api("PUT", `/packages/${index}.pkg?from=${first.revision}`);
  const { page } = await visitor();
  await signIn(page, node, "events");
  await page.locator(".event", { hasText: "39.pkg" }).first().waitFor();
  const box = page.locator(".tail");
  await box.hover();
  await page.mouse.wheel(0, -600);
  await page.locator("[data-operation=follow_events][aria-pressed=false]").waitFor();
  const at = await box.evaluate((one) => one.scrollTop);
  await node.put("later.pkg", "1");
  const newer = page.locator(".newer", { hasText: /new events? below/ });
  await newer.waitFor();
  assert.equal(await box.evaluate((one) => one.scrollTop), at, "what is read stays where it is");
  await newer.click();
  await page.locator("[data-operation=follow_events][aria-pressed=true]").waitFor();
  await page.locator(".event", { hasText: "later.pkg" }).first().waitFor();
  await until("the end is in sight", () => box.evaluate((one) => one.scrollHeight - one.scrollTop - one.clientHeight < 40));
});

test("who scrolls up bit by bit, without wheel or key, isn't taken back to the end, and follows again there", async () => {
  const node = await Node.start("bits");
  const { page } = await listener();
  await longJournal(page, LONG);
  await signIn(page, node, "events");
  await page.locator(".event", { hasText: `old/${LONG}.pkg` }).waitFor();
  const pressed = (/** @type {boolean} */ is) => page.locator(`[data-operation=follow_events][aria-pressed=${is}]`).waitFor();
  await pressed(true);
  // As a finger, or the bar that is dragged, moves it: a few pixels a frame, while there are news.
  const moved = (/** @type {number} */ by) => page.locator(".tail").evaluate((box, { by, head }) => new Promise((/** @type {(at: number) => void} */ resolve) => {
    let left = 20;
    const frame = () => {
      if (left === 0) return resolve(box.scrollHeight - box.scrollTop - box.clientHeight);
      left -= 1;
      box.scrollTop += by;
      const { odsTell, odsRecords } = /** @type {any} */ (window);
      if (by < 0 && left === 10) odsTell({ kind: "records", records: odsRecords("meanwhile", head, 1) });
      return requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }), { by, head: LONG });
  assert.ok(await moved(-6) >= 119);
  await pressed(false);
  await moved(20);
  await pressed(true);
});

test("the list isn't drawn anew by what says nothing else of it", async () => {
  const node = await Node.start("calm");
  await node.put("one.pkg", "1");
  const { page } = await visitor();
  await signIn(page, node, "events");
  await page.locator(".event", { hasText: "one.pkg" }).first().waitFor();
  const answered = () => page.waitForResponse((answer) => answer.url().includes("/api/v1/mesh"));
  await answered();
  await page.evaluate(() => {
    const list = /** @type {any} */ (document.querySelector("page-events"));
    const { updated } = list;
    list.odsDrawn = 0;
    list.updated = () => {
      list.odsDrawn += 1;
      updated.call(list);
    };
  });
  await answered();
  await answered();
  assert.equal(await page.evaluate(() => /** @type {any} */ (document.querySelector("page-events")).odsDrawn), 0);
});

test("when more come at once than the list keeps, nothing is missing in it, and what was before can be read", async () => {
  const node = await Node.start("deluge");
  await node.put("before/the-deluge.pkg", "bytes");
  const { page } = await listener();
  await signIn(page, node, "events");
  await page.locator(".event", { hasText: "before/the-deluge.pkg" }).first().waitFor();
  await page.locator("[data-operation=follow_events]").click();
  const { log } = await node.api("GET", "/node");
  // So many within one moment come only by luck; so they are told as the stream of all tabs would tell them.
  await page.evaluate(({ head }) => /** @type {any} */ (window).odsTell({ kind: "records", records: /** @type {any} */ (window).odsRecords("deluge", head, 2_500) }), log);
  await page.locator(".event", { hasText: "deluge/2500.pkg" }).waitFor({ state: "attached" });
  assert.equal(await page.locator(".events.tall .event").count(), 2_000);
  await page.getByRole("button", { name: "Earlier events" }).click();
  await page.locator(".event", { hasText: "before/the-deluge.pkg" }).first().waitFor({ state: "attached" });
});
