// The mesh page's deeds: pausing, limiting and expelling; a node whose clock is off; a mesh of one.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { violations } from "./support/axe.js";
import { picture } from "./support/browser.js";
import { FAKETIME, Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

afterEach(content);

/** Two linked nodes. @param {string} first @param {string} second @param {string} [clock] of the second */
async function pair(first, second, clock) {
  const [one, two] = [await Node.start(first), await Node.start(second, clock === undefined ? {} : { clock })];
  await one.pair(two);
  await until("they are linked", async () => (await one.api("GET", "/peers")).items[0]?.state === "connected");
  return [one, two];
}

/** Chooses from the menu of a node's row. @param {import("playwright-core").Page} page @param {string} node @param {string} item */
async function choose(page, node, item) {
  const row = page.locator("tr", { hasText: node }).first();
  await row.locator("summary").click();
  const chosen = row.getByRole("menuitem", { name: item, exact: true });
  // No box with a scroll bar may cut it off: it is where it is seen.
  await until(`${item} is in the window`, () => chosen.evaluate((one) => {
    const { top, bottom, left, right } = one.getBoundingClientRect();
    return top >= 0 && left >= 0 && bottom <= innerHeight && right <= innerWidth && document.elementFromPoint((left + right) / 2, (top + bottom) / 2)?.closest("[role=menuitem]") === one;
  }));
  await chosen.click();
}

test("a link is paused, which is no trouble, limited, and goes on", async () => {
  const [one] = await pair("keeper", "paused");
  const { page } = await visitor();
  await signIn(page, /** @type {Node} */ (one), "mesh");
  await choose(page, "paused", "Pause");
  await page.locator("tr", { hasText: "paused" }).locator(".badge", { hasText: "Paused" }).waitFor();
  await page.locator(".page-head .badge", { hasText: "1 link paused" }).waitFor();
  await picture(page, "mesh-paused");
  const { items: [peer] } = await one.api("GET", "/peers");
  assert.equal(peer.paused, true);

  await choose(page, "paused", "Limits");
  await page.locator("dialog input[name=up]").fill("2.5");
  await page.locator("dialog button[data-operation=edit_peer]").click();
  await page.locator("dialog").waitFor({ state: "detached" });
  assert.equal((await one.api("GET", `/peers/${peer.id}`)).limits.up_bytes_per_s, 2_500_000);

  await choose(page, "paused", "Resume");
  await until("it goes on", async () => (await one.api("GET", "/peers")).items[0]?.state === "connected");
  await page.locator(".page-head .badge", { hasText: "paused" }).waitFor({ state: "detached" });
});

test("what a node lacks is listed, with the reason", async () => {
  const [one] = await pair("sender", "slow");
  const { page } = await visitor();
  await signIn(page, /** @type {Node} */ (one), "mesh");
  // So slow that it is on its way for as long as somebody looks.
  await one?.api("PATCH", "/node", { limits: { up_bytes_per_s: 20_000 } });
  await one?.put("apps/On its way.pkg", Buffer.alloc(8_000_000, 7));
  await page.locator("[data-operation=list_missing]").click();
  const dialog = page.locator("dialog", { has: page.getByRole("heading", { name: "slow" }) });
  const row = dialog.locator("tbody tr");
  await row.filter({ hasText: "apps/On its way.pkg" }).waitFor();
  assert.equal(await row.count(), 1);
  assert.match(await row.innerText(), /MB[\s\S]*\S/, "how much, and why");
  assert.deepEqual(await violations(page), []);
  await picture(page, "missing");
  await dialog.getByRole("link", { name: "apps/On its way.pkg" }).click();
  await page.locator("main h1", { hasText: "On its way" }).waitFor();
  await dialog.waitFor({ state: "detached" });
});

test("what moved is listed on both sides, with whom, how much and how fast", async () => {
  const [one, two] = await pair("giver", "taker");
  await one?.put("apps/Moved.pkg", Buffer.alloc(6_000_000, 8));
  await until("the other has it", async () => (await two?.api("GET", "/packages")).items[0]?.state === "stored");
  for (const [node, words, direction] of /** @type {const} */ ([[one, "out, to taker", "out"], [two, "in, from giver", "in"]])) {
    const { page } = await visitor();
    await signIn(page, /** @type {Node} */ (node), "transfers");
    const row = page.locator("[data-operation=list_recent_transfers] tbody tr", { hasText: "apps/Moved.pkg" });
    await row.filter({ hasText: words }).filter({ hasText: "6 MB" }).waitFor();
    assert.match(await row.innerText(), /\d\s*(kB|MB|GB)\/s/);
    await picture(page, `moved-${direction}`);
    assert.deepEqual(await violations(page), []);
    await page.getByLabel("Direction").selectOption(direction === "in" ? "out" : "in");
    await row.waitFor({ state: "detached" });
  }
});

/** Whether a node knows of one that was expelled. @param {Node | undefined} node */
const expelled = async (node) => JSON.stringify(await node?.api("GET", "/roster")).includes('"expelled"');

test("a node is expelled only by typing its name, and its own page says so", async () => {
  const [one, two] = await pair("owner", "thrown-out");
  const { page } = await visitor();
  await signIn(page, /** @type {Node} */ (one), "mesh");
  await choose(page, "thrown-out", "Expel from the mesh");
  const dialog = page.locator("dialog");
  await dialog.locator("[data-operation=expel_node]").click();
  assert.equal((await expelled(one)), false, "nothing was typed yet");
  await dialog.locator("input[name=typed]").fill("thrown-out");
  await dialog.locator("[data-operation=expel_node]").click();
  await until("it is expelled", async () => (await expelled(one)));
  const other = await visitor();
  await signIn(other.page, /** @type {Node} */ (two));
  await other.page.locator(".banner", { hasText: "This node was expelled from its mesh" }).waitFor();
  await picture(other.page, "expelled");
});

test("a clock that is off is said, on the overview and beside the node", async (context) => {
  if (!FAKETIME) return context.skip("left out: faketime is not installed");
  const [one] = await pair("in-time", "early", "+3h");
  const { page } = await visitor();
  await signIn(page, /** @type {Node} */ (one));
  await page.locator(".page-head .badge", { hasText: "clock off on 1 node" }).waitFor();
  await page.goto(`${one.url}/ui/mesh`);
  await page.locator("tr", { hasText: "early" }).locator(".warn-text, .bad-text, .badge.warn", { hasText: "3" }).first().waitFor();
  await picture(page, "clock-off");
});

test("one node without packages says what to do next, also where the browser's clock is off, and in 320 px", async () => {
  const node = await Node.start("alone");
  const { page } = await visitor({ viewport: { width: 320, height: 640 } });
  await page.clock.setFixedTime(new Date(Date.now() + 400 * 86_400_000));
  await signIn(page, node);
  await page.getByText("Invite another node").waitFor();
  await page.getByText("Drop packages anywhere").waitFor();
  for (const [at, words] of /** @type {const} */ ([["packages", "No packages yet"], ["uploads", "No uploads"], ["transfers", "Nothing moves"], ["webhooks", "No webhooks"], ["watches", "No watched folders"], ["packages?q=nothing", "Nothing fits"], ["packages?state=deleted", "No deleted packages"]])) {
    await page.goto(`${node.url}/ui/${at}`);
    await page.getByText(words, { exact: true }).first().waitFor();
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wider <= 0, `${at} is ${wider} px wider than a window of 320`);
    assert.doesNotMatch(await page.locator("main").innerText(), /NaN|undefined|Invalid/, at);
  }
});
