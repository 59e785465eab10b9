// The catalog's harder moments: a conflict shown from both sides, a change to many with a result for each, a name that can't be.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { picture } from "./support/browser.js";
import { drop } from "./support/drop.js";
import { flaws } from "./support/looks.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

afterEach(content);

/** Whether a package is in conflict on a node. @param {Node} node @param {string} path */
const inConflict = async (node, path) => (await node.api("GET", `/packages/${path}`)).conflict;

test("a conflict shows both sides, and ends on every node when one is kept", async () => {
  const [a, b] = [await Node.start("east"), await Node.start("west")];
  await a.pair(b);
  await until("they are linked", async () => (await a.api("GET", "/peers")).items[0]?.state === "connected");
  // Each publishes while the other is down.
  await b.stop();
  await a.put("x.pkg", "from east", "?version=1.0");
  await a.stop();
  await b.launch();
  await b.put("x.pkg", "from the west", "?version=2.0");
  await a.launch();
  await until("both know", async () => (await inConflict(a, "x.pkg")) && (await inConflict(b, "x.pkg")));
  const { page } = await visitor();
  await signIn(page, a, "packages/x.pkg");
  const sides = page.locator(".conflict .side");
  await until("both sides are shown", async () => (await sides.count()) === 2);
  assert.deepEqual(await flaws(page), []);
  await picture(page, "conflict");
  const east = sides.filter({ hasText: "east" });
  assert.match(String(await east.textContent()), /1\.0/);
  await east.locator("[data-operation=restore_revision]").click();
  await page.locator(".conflict").waitFor({ state: "detached" });
  await until("it has ended everywhere", async () => !(await inConflict(a, "x.pkg")) && !(await inConflict(b, "x.pkg")));
  assert.equal((await b.api("GET", "/packages/x.pkg")).version, "1.0");
});

/** Changes a package so often, each time with so much to say that less than a hundred revisions fill an answer. @param {Node} node @param {string} path @param {number} times */
async function changeOften(node, path, times) {
  const long = "long ".repeat(1_600);
  for (let index = 1; index <= times; index += 1) await node.api("PATCH", `/packages/${path}`, { version: `1.${index}`, title: long, notes: long, identifier: long });
}

test("both sides of a conflict are shown, and all earlier revisions, when an answer doesn't hold the history", async () => {
  const [a, b] = [await Node.start("here"), await Node.start("there")];
  await a.put("x.pkg", "from here", "?version=first-here");
  await b.put("x.pkg", "from there", "?version=first-there");
  await changeOften(b, "x.pkg", 130);
  await a.pair(b);
  const { page } = await visitor();
  await until("all is known here", async () => (await a.api("GET", "/revisions/x.pkg?limit=1")).total === 132);
  assert.notEqual((await a.api("GET", "/revisions/x.pkg")).next, null, "an answer doesn't hold it");
  await signIn(page, a, "packages/x.pkg");
  await until("both sides are shown", async () => (await page.locator(".conflict .side").count()) === 2);
  assert.equal(await page.locator(".conflict .side", { hasText: "first-here" }).count(), 1);
  // What happens to other packages is no reason to read that history again; what happens to this one is.
  let read = 0;
  page.on("request", (request) => void (read += Number(request.url().includes("/api/v1/revisions/x.pkg"))));
  for (let index = 0; index < 3; index += 1) await a.put(`other-${index}.pkg`, "other");
  await page.waitForTimeout(3000);
  assert.equal(read, 0);
  await a.api("PATCH", "/packages/other-0.pkg", { title: "other" });
  await b.api("PATCH", "/packages/x.pkg", { title: "again" });
  await until("it is read again", () => Promise.resolve(read > 0));
  const rows = page.locator("ods-revisions tbody tr");
  const older = page.getByRole("button", { name: /^Older revisions/ });
  await until("the latest are shown", async () => (await rows.count()) === 20);
  await page.getByRole("button", { name: "Older revisions (113 more)" }).click();
  await until("more are shown", async () => (await rows.count()) === 120);
  await page.getByRole("button", { name: "Older revisions (13 more)" }).click();
  await until("all are shown", async () => (await rows.count()) === 133);
  assert.equal(await older.count(), 0);
  await rows.filter({ hasText: "first-there" }).filter({ hasText: "published" }).waitFor();
});

test("many are tagged at once, with a result for each, also for the one that went meanwhile", async () => {
  const node = await Node.start("bulk");
  for (const name of ["a", "b", "c"]) await node.put(`${name}.pkg`, name);
  const { page } = await visitor();
  await signIn(page, node, "packages");
  await page.getByLabel("Select a.pkg").click();
  await page.getByLabel("Select c.pkg").click({ modifiers: ["Shift"] });
  await node.api("DELETE", "/packages/b.pkg");
  await page.locator(".bulk-bar [data-operation=change_packages]").first().click();
  await page.locator("input[name=add_tags]").fill("prod, new");
  await page.locator("ods-bulk [data-operation=change_packages]").click();
  await page.getByRole("heading", { name: "2 done, 1 failed" }).waitFor();
  assert.match(String(await page.locator("ods-bulk .result").first().textContent()), /b\.pkg/);
  const { items } = await node.api("GET", "/packages?tag=prod");
  assert.deepEqual(items.map((/** @type {any} */ one) => [one.path, one.tags]), [["a.pkg", ["new", "prod"]], ["c.pkg", ["new", "prod"]]]);
});

test("a name that can't be published is said before anything is sent", async () => {
  const node = await Node.start("names");
  const { page } = await visitor();
  await signIn(page, node);
  await drop(page, { name: `${"x".repeat(300)}.pkg`, size: 10 });
  const start = page.locator("ods-upload-form button.primary");
  await start.click();
  await page.getByText("Too long: 304 bytes of at most 255").waitFor();
  assert.deepEqual((await node.api("GET", "/uploads")).items, []);
  await page.getByLabel("Path").first().fill("fits.pkg");
  await page.getByLabel("Version").first().focus();
  await start.click();
  await until("it is published", async () => (await node.api("GET", "/packages")).items[0]?.path === "fits.pkg");
});
