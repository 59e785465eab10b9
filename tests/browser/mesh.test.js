// The mesh page's deeds: pausing, limiting and expelling; a node whose clock is off; a mesh of one.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { violations } from "./support/axe.js";
import { forgive, picture } from "./support/browser.js";
import { drop } from "./support/drop.js";
import { FAKETIME, Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { sideways } from "./support/sideways.js";
import { signIn } from "./support/sign-in.js";
import { pause, until } from "./support/wait.js";

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
  await one?.api("PATCH", "/node", { limits: { up_bytes_per_s: 200_000 } });
  await one?.put("apps/On its way.pkg", Buffer.alloc(8_000_000, 7));
  await page.locator("[data-operation=list_missing]").click();
  const dialog = page.locator("dialog", { has: page.getByRole("heading", { name: "slow" }) });
  const row = dialog.locator("tbody tr");
  await row.filter({ hasText: "apps/On its way.pkg" }).waitFor();
  assert.equal(await row.count(), 1);
  assert.match(await row.innerText(), /MB[\s\S]*\S/, "how much, and why");
  await row.filter({ hasText: "its bytes are coming" }).waitFor();
  assert.deepEqual(await violations(page), []);
  await picture(page, "missing");
  await dialog.getByRole("link", { name: "apps/On its way.pkg" }).click();
  await page.locator("main h1", { hasText: "On its way" }).waitFor();
  await dialog.waitFor({ state: "detached" });
});

test("what a node lacks is read page by page, one read at a time, and that it can't be read now is said", async () => {
  const [one] = await pair("teller", "lacking");
  const { page, complaints } = await visitor();
  await signIn(page, /** @type {Node} */ (one), "mesh");
  await one?.api("PATCH", "/node", { limits: { up_bytes_per_s: 200_000 } });
  await one?.put("real.pkg", Buffer.alloc(8_000_000, 7));
  const lacked = (/** @type {string} */ path) => ({ path, size: 1000, bytes_missing: 1000, eta_s: null, state: "wanted", reason: "late" });
  let [reads, open, most, broken] = [0, 0, 0, false];
  await page.route("**/api/v1/mesh/*/missing?*", async (route) => {
    const after = new URL(route.request().url()).searchParams.get("after");
    if (broken) return route.fulfill({ status: 500, json: { code: "internal", detail: "no disk" } });
    most = Math.max(most, (open += 1));
    if (!after) reads += 1;
    // A node far away: longer than the pause between reads.
    await pause(after ? 4000 : 100);
    open -= 1;
    return route.fulfill({ json: after ? { items: [lacked(`apps/read-${reads}.pkg`)], next: null, total: 1 } : { items: [], next: "a", total: 1 } });
  });
  await page.locator("[data-operation=list_missing]").click();
  const dialog = page.locator("dialog", { has: page.getByRole("heading", { name: "lacking" }) });
  await dialog.locator("tbody tr", { hasText: "apps/read-1.pkg" }).waitFor();
  await page.evaluate(() => {
    const box = /** @type {Element} */ (document.querySelector("dialog ods-missing"));
    const seen = Object.assign(window, { odsSeen: /** @type {string[]} */ ([]) }).odsSeen;
    new MutationObserver(() => seen.push(box.querySelector("tbody")?.textContent?.trim() ?? "nothing")).observe(box, { subtree: true, childList: true, characterData: true });
  });
  await dialog.locator("tbody tr", { hasText: "apps/read-2.pkg" }).waitFor();
  assert.equal(most, 1);
  assert.deepEqual((/** @type {string[]} */ (await page.evaluate(() => /** @type {any} */ (window).odsSeen))).filter((text) => text === "nothing"), []);
  broken = true;
  await dialog.getByRole("alert").filter({ hasText: "no disk" }).waitFor();
  assert.equal(await dialog.locator("tbody tr").count(), 1, "what was read last");
  broken = false;
  await dialog.getByRole("alert").waitFor({ state: "detached" });
  forgive(complaints, /500/);
});

test("what moves and what waits in the whole mesh is one list, with how far and why", async () => {
  const [one, two] = await pair("source", "slow-one");
  await one?.api("PATCH", "/node", { limits: { up_bytes_per_s: 20_000 } });
  for (const name of ["First", "Second"]) await one?.put(`apps/${name}.pkg`, Buffer.alloc(8_000_000, name.length));
  const { page } = await visitor();
  await signIn(page, /** @type {Node} */ (one), "transfers");
  const rows = page.locator("[data-operation=list_transfers] tbody tr");
  for (const name of ["First", "Second"]) {
    const row = rows.filter({ hasText: `apps/${name}.pkg` }).filter({ hasText: "slow-one" });
    await row.filter({ hasText: "8 MB" }).filter({ hasText: /Moving|Wanted|Fetching|Waiting/ }).first().waitFor();
    assert.equal(await row.count(), 1, `${name} is listed once`);
  }
  await picture(page, "transfers-moving");
  await page.getByLabel("Direction").selectOption("in");
  await page.getByText("Nothing moves").waitFor();
  const there = await visitor();
  await signIn(there.page, /** @type {Node} */ (two), "transfers");
  await there.page.locator("[data-operation=list_transfers] tbody tr", { hasText: "in, from source" }).first().waitFor();
});

test("what waits for a node that nobody reaches is listed, and that it is out of reach is said once", async () => {
  const [one, two] = await pair("speaker", "deaf");
  /** @typedef {{ state: string, behind: { events: number | null } }} Known */
  // What a node knows that never said how it stands can't be told.
  await until("it said how it stands", async () => (await one?.api("GET", "/mesh")).items.filter((/** @type {Known} */ { state, behind }) => state === "up" && behind.events === 0).length === 2);
  await two?.stop("SIGKILL");
  await until("it is missed", async () => (await one?.api("GET", "/mesh")).items.some((/** @type {{ state: string }} */ { state }) => state === "down"));
  await one?.put("apps/Unheard.pkg", "bytes");
  const { page } = await visitor();
  await signIn(page, /** @type {Node} */ (one), "transfers");
  const row = page.locator("[data-operation=list_transfers] tbody tr", { hasText: "in, at deaf" });
  await row.filter({ hasText: /event.* it hasn’t heard of/ }).filter({ hasText: "Waiting" }).filter({ hasText: "no node reaches it" }).waitFor({ timeout: 120_000 });
  await row.getByRole("link").click();
  const node = page.locator("[data-operation=list_peers] tbody tr", { hasText: "deaf" });
  await node.getByText("Unreachable").first().waitFor({ timeout: 120_000 });
  assert.equal(await node.getByText("Unreachable").count(), 1);
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

  // What is replaced since has its name, too.
  await one?.put("apps/Moved.pkg", Buffer.alloc(1000, 9));
  const { page } = await visitor();
  await signIn(page, /** @type {Node} */ (one), "transfers");
  await page.locator("[data-operation=list_recent_transfers] tbody tr", { hasText: "apps/Moved.pkg" }).filter({ hasText: "6 MB" }).filter({ hasText: "replaced" }).waitFor();
  await picture(page, "moved-before");
  assert.deepEqual(await violations(page), []);
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
  await other.page.locator(".tile").first().waitFor();
  const svg = other.page.locator("svg.mesh");
  await svg.locator(".node").waitFor();
  const [x] = await svg.locator(".disc").evaluateAll((discs) => discs.map((disc) => Number(disc.getAttribute("cx"))));
  assert.equal(x, await svg.evaluate((picture) => /** @type {SVGSVGElement} */ (picture).viewBox.baseVal.width / 2), "in the middle");
  assert.equal(await other.page.locator("main a", { hasText: "Invite" }).count(), 0);
  await picture(other.page, "expelled");
  await other.page.goto(`${two?.url}/ui/mesh`);
  await other.page.locator(".page-head [data-operation=create_invite][aria-disabled=true]").waitFor();
  await picture(other.page, "expelled-mesh");
});

test("the last node that has packages is expelled only after a second question, which names them", async () => {
  const [one, two] = await pair("keeps-little", "keeps-all");
  await one?.api("PATCH", "/node", { policy: { mode: "selected", paths: ["mac/*"], tags: [], bytes_max: null } });
  await two?.put("win/Only there.msi", Buffer.alloc(3_000_000, 5));
  const id = (await two?.api("GET", "/node")).id;
  const only = async () => (await one?.api("POST", `/roster/${id}/expel?dry_run=true`)).only_there;
  await until("what only the other has is known", async () => (await only()).packages === 1);
  const { page, complaints } = await visitor();
  await signIn(page, /** @type {Node} */ (one), "mesh");
  const dialog = page.locator("dialog").last();
  const tryIt = async () => {
    await choose(page, "keeps-all", "Expel from the mesh");
    await dialog.getByText("win/Only there.msi").waitFor();
    await dialog.getByText(/1 package \(3 MB\)/).waitFor();
    await dialog.locator("input[name=typed]").fill("keeps-all");
    await dialog.locator("[data-operation=expel_node]").click();
    await page.getByRole("heading", { name: "1 package would be out of reach" }).waitFor();
    await dialog.getByText("win/Only there.msi").waitFor();
  };
  await tryIt();
  await picture(page, "last-holder");
  assert.deepEqual(await violations(page), []);
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await expelled(one), false, "it was not said twice");
  await tryIt();
  await dialog.locator("input[name=typed]").fill("1");
  await dialog.getByRole("button", { name: "Expel all the same" }).click();
  await until("it is expelled", () => expelled(one));
  await page.locator(".toast", { hasText: "keeps-all is expelled" }).waitFor();
  forgive(complaints, /status of 409/);
});

test("a mesh is joined on its page; the link is synced, shown in detail and removed, and the node's role raised", async () => {
  const one = await Node.start("links");
  const two = await Node.start("linked");
  const { invite } = await one.api("POST", "/invites", { role: "replica", prefixes: [], expires_in_s: 3600 });
  const there = await visitor();
  await signIn(there.page, two, "mesh");
  await there.page.locator(".page-head [data-operation=join_peer]").click();
  await there.page.locator("dialog textarea[name=invite]").fill(invite);
  await there.page.locator("dialog button[data-operation=join_peer]").click();
  await there.page.locator(".toast", { hasText: "Joined links" }).waitFor();
  await until("they are linked", async () => (await one.api("GET", "/peers")).items[0]?.state === "connected");
  const { page } = await visitor();
  await signIn(page, one, "mesh");
  await choose(page, "linked", "Sync now");
  await page.locator(".toast", { hasText: /Nothing new there|came in/ }).waitFor();
  await choose(page, "linked", "Details");
  await page.locator("dialog", { hasText: two.url }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("ods-roster tr", { hasText: "linked" }).locator("[data-operation=admit_node]").click();
  await page.locator("dialog select[name=role]").selectOption("owner");
  await page.locator("dialog button[data-operation=admit_node]").click();
  await until("it is an owner", async () => (await one.api("GET", "/roster")).owners.length === 2);
  await choose(page, "linked", "Remove link");
  await page.locator("dialog [data-operation=remove_peer]").click();
  await until("the link is gone", async () => (await one.api("GET", "/peers")).items.length === 0);
});

test("what a replica can't do is greyed there, and says why", async () => {
  const [one, two] = [await Node.start("publishes"), await Node.start("holds")];
  await one.pair(two, "replica");
  await one.put("a.pkg", "bytes");
  await until("it has it", async () => (await two.api("GET", "/packages")).items[0]?.state === "stored");
  const { page } = await visitor();
  await signIn(page, two, "packages/a.pkg");
  for (const operation of ["begin_upload", "edit_package", "remove_package"]) {
    const button = page.locator(`button[data-operation=${operation}][aria-disabled=true]`).first();
    await button.waitFor();
    assert.match(String(await button.getAttribute("title")), /not publish/);
  }
  await drop(page, { name: "b.pkg", size: 10 });
  await page.locator(".toast", { hasText: "may hold packages but not publish" }).waitFor();
  await page.goto(`${two.url}/ui/mesh`);
  assert.match(String(await page.locator("ods-roster button[data-operation=admit_node][aria-disabled=true]").first().getAttribute("title")), /Only an owner/);
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

test("a node that was heard of just now is connecting, and unreachable only if that lasts", async () => {
  const node = await Node.start("coming");
  const { page } = await visitor();
  await signIn(page, node);
  await page.locator(".tile").first().waitFor();
  const { items: [own] } = await node.api("GET", "/mesh");
  let agoMs = 0;
  await page.route("**/api/v1/mesh?*", (route) => {
    const other = { ...own, id: "ab".repeat(32), this: false, name: "branch", state: "down", links: [], as_of: new Date(Date.now() - agoMs).toISOString() };
    const link = { node: other.id, name: null, state: agoMs ? "unreachable" : "connecting", rtt_ms: null, clock_ahead_ms: null, behind_events: null };
    return route.fulfill({ json: { items: [{ ...own, links: [link] }, other], next: null, total: 2 } });
  });
  await page.goto(`${node.url}/ui/mesh`);
  await page.locator("td .badge", { hasText: "Connecting" }).waitFor();
  await page.locator(".mesh .link.connecting").waitFor({ state: "attached" });
  await page.locator(".mesh .says", { hasText: "connecting" }).waitFor();
  agoMs = 60_000;
  await page.reload();
  await page.locator(".page-head", { hasText: "1 node unreachable" }).waitFor();
  await page.locator("td .badge", { hasText: "Unreachable" }).waitFor();
  await page.locator(".mesh .link.unreachable").waitFor({ state: "attached" });
  // Its clock is ahead, and nobody here measured by how much: when it was can't be told.
  agoMs = -1_500_000;
  await page.reload();
  const row = page.locator("tr", { hasText: "branch" });
  await row.getByText("Unreachable").waitFor();
  assert.doesNotMatch(String(await row.textContent()), /in \d+ min/);
});

test("when a linked node was heard of is told to a browser whose clock is behind, too", async () => {
  const [one, two] = [await Node.start("hears"), await Node.start("is-heard")];
  await one.pair(two);
  const { page } = await visitor();
  await signIn(page, one);
  await page.locator(".tile").first().waitFor();
  const ahead = () => new Date(Date.now() + 10_000).toISOString();
  await page.route("**/api/v1/peers?*", async (route) => {
    const { items, ...rest } = await (await route.fetch()).json();
    await route.fulfill({ json: { ...rest, items: items.map((/** @type {any} */ peer) => ({ ...peer, last_seen: ahead() })) } });
  });
  let told = true;
  await page.route("**/api/v1/mesh?*", async (route) => {
    const { items, ...rest } = await (await route.fetch()).json();
    const of = (/** @type {any} */ node) => (node.this ? node : { ...node, as_of: told ? ahead() : null });
    await route.fulfill({ json: { ...rest, items: items.map(of) } });
  });
  for (told of [true, false]) {
    await page.goto(`${one.url}/ui/mesh`);
    await page.locator("tr", { hasText: "is-heard" }).locator("time", { hasText: /now|sec\. ago/ }).waitFor();
  }
  // Of one that is down it can't be told how long ago that was.
  await page.unroute("**/api/v1/mesh?*");
  await page.route("**/api/v1/mesh?*", async (route) => {
    const { items, ...rest } = await (await route.fetch()).json();
    await route.fulfill({ json: { ...rest, items: items.map((/** @type {any} */ node) => (node.this ? node : { ...node, state: "down", as_of: null })) } });
  });
  await page.goto(`${one.url}/ui/mesh`);
  const down = page.locator("tr", { hasText: "is-heard" }).filter({ hasText: "Unreachable" });
  await down.waitFor();
  assert.match(String(await down.textContent()), /in sync–unknown/);
});

test("what a node lacks is listed, however many others hear nothing", async () => {
  const node = await Node.start("asks");
  const { page } = await visitor();
  await signIn(page, node);
  await page.locator(".tile").first().waitFor();
  const { items: [own] } = await node.api("GET", "/mesh");
  const id = (/** @type {number} */ index) => (index + 1).toString(16).padStart(2, "0").repeat(32);
  const deaf = Array.from({ length: 20 }, (_, index) => ({ ...own, id: id(index), this: false, name: `deaf-${index}`, state: "down", links: [], wants: 0, behind: { ...own.behind, events: 1 } }));
  const wanting = { ...own, id: id(20), this: false, name: "wanting", state: "up", links: [], wants: 1 };
  await page.route("**/api/v1/mesh?*", (route) => route.fulfill({ json: { items: [own, ...deaf, wanting], next: null, total: 22 } }));
  const lacked = { path: "apps/Wanted.pkg", size: 1000, bytes_missing: 1000, eta_s: null, state: "wanted", reason: null };
  await page.route(`**/api/v1/mesh/${wanting.id}/missing?*`, (route) => route.fulfill({ json: { items: [lacked], next: null, total: 1 } }));
  await page.goto(`${node.url}/ui/transfers`);
  await page.locator("[data-operation=list_transfers] tbody tr", { hasText: "apps/Wanted.pkg" }).waitFor();
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
    assert.deepEqual(await sideways(page), [], at);
    assert.doesNotMatch(await page.locator("main").innerText(), /NaN|undefined|Invalid/, at);
  }
  await page.goto(`${node.url}/ui/events`);
  await page.locator("nav .more.here").click();
  await page.locator("nav.open").getByRole("link", { name: "Packages" }).click();
  await page.locator("h1", { hasText: "Packages" }).waitFor();
  assert.equal(await page.locator("nav .more.here").count(), 0);
});
