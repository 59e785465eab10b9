// Answers that come late, hands that are faster, and a page that goes meanwhile: nothing is shown under another's name, done twice or lost.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { afterEach, before, test } from "node:test";
import { drop, upload } from "./support/drop.js";
import { forgive } from "./support/browser.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

/** One node for all of them. @type {Node} */
let node;

before(async () => {
  node = await Node.start("late");
  for (const path of ["x/one.pkg", "x/two.pkg", "y/four.pkg"]) await node.put(path, path);
});
afterEach(content);

/**
 * Holds calls back until the function returned is called.
 * @param {import("playwright-core").Page} page @param {string} method @param {string} path below /api/v1
 */
async function held(page, method, path) {
  /** @type {() => void} */
  let release = () => undefined;
  const released = new Promise((/** @type {(value?: undefined) => void} */ resolve) => (release = resolve));
  await page.route(`**/api/v1${path}`, async (route) => {
    if (route.request().method() === method) await released;
    await route.continue().catch(() => undefined);
  });
  return release;
}

/** A node as it is seen through a network that one may cut. @param {Node} host */
async function doorTo(host) {
  /** @type {Map<import("node:net").Socket, import("node:net").Socket | null>} */
  const open = new Map();
  let silent = false;
  const server = createServer((outside) => {
    outside.on("error", () => undefined).on("close", () => open.delete(outside));
    const inside = silent ? null : connect(Number(new URL(host.url).port), "127.0.0.1");
    open.set(outside, inside);
    if (inside) outside.pipe(inside.on("error", () => outside.destroy())).pipe(outside);
    else outside.resume();
  }).listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  return {
    url: `http://127.0.0.1:${port}`,
    token: host.token,
    answerNobodyNew: () => void (silent = true),
    fallSilent: () => {
      silent = true;
      for (const [outside, inside] of open) {
        inside?.unpipe(outside);
        outside.unpipe().resume();
      }
    },
    answerAgain: () => {
      silent = false;
      for (const [outside, inside] of open) [outside, inside].forEach((socket) => socket?.destroy());
    },
  };
}

test("who sees only what is below some prefixes has a list of that", async () => {
  const { token } = await node.api("POST", "/tokens", { name: "limited", scope: "publish", prefixes: ["y/"], expires_at: null });
  const { page } = await visitor();
  await signIn(page, /** @type {any} */ ({ url: node.url, token }), "packages");
  await page.locator(".vt-row a", { hasText: "four.pkg" }).waitFor();
  await page.getByText("1 found").waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
  await drop(page, { name: "new.pkg", size: 10 });
  const folder = page.locator("ods-upload-form input[name=folder]");
  await folder.waitFor();
  assert.equal(await folder.inputValue(), "y", "the only place where they may publish");
  await folder.fill("x");
  await folder.press("Tab");
  await page.locator("ods-upload-form .badge", { hasText: "You may publish only below y" }).waitFor();
});

test("a double click saves once, and nobody else is said to have changed it", async () => {
  const { page } = await visitor();
  await signIn(page, node, "packages/x/two.pkg");
  await page.locator("ods-metadata [data-operation=edit_package]").click();
  await page.locator("ods-metadata input[name=title]").fill("Two");
  const release = await held(page, "PATCH", "/packages/x/two.pkg");
  const save = page.locator("ods-metadata form [data-operation=edit_package]");
  await save.dblclick();
  await page.locator("ods-metadata form [aria-busy=true]").waitFor();
  release();
  await page.locator("ods-metadata form").waitFor({ state: "detached" });
  await page.locator("h1", { hasText: "Two" }).waitFor();
  assert.equal(await page.getByText("Somebody changed this meanwhile").count(), 0);
});

test("what was typed about a package is there after a look at another", async () => {
  const { page } = await visitor();
  await signIn(page, node, "packages/x/one.pkg");
  const title = page.locator("ods-metadata input[name=title]");
  await page.locator("ods-metadata [data-operation=edit_package]").click();
  await title.fill("Typed");
  await page.locator(".crumbs a", { hasText: "x" }).last().click();
  await page.locator('.vt-row a[title="x/two.pkg"]').click();
  await page.locator("ods-metadata", { hasText: "x/two.pkg" }).waitFor();
  assert.equal(await title.count(), 0);
  await page.goBack();
  await page.locator('.vt-row a[title="x/one.pkg"]').click();
  assert.equal(await title.inputValue(), "Typed");
});

test("an answer about one package isn't shown under another's address", async () => {
  const { page } = await visitor();
  await signIn(page, node, "packages?show=x/two.pkg");
  const title = page.locator("ods-package-panel h2");
  await title.waitFor();
  const release = await held(page, "GET", "/packages/x/one.pkg");
  await page.getByRole("row").filter({ hasText: "one.pkg" }).click();
  await title.waitFor({ state: "detached" });
  await page.getByRole("row").filter({ hasText: "four.pkg" }).click();
  await until("the panel is about it", async () => (await title.getAttribute("title")) === "y/four.pkg");
  const late = page.waitForResponse((answer) => answer.url().endsWith("/packages/x/one.pkg"));
  release();
  await (await late).finished();
  assert.equal(await title.getAttribute("title"), "y/four.pkg");
  // Escape is the panel's only where nobody types.
  await page.getByRole("combobox").first().press("Escape");
  assert.equal(await title.count(), 1);
  await page.locator("main").press("Escape");
  await title.waitFor({ state: "detached" });
});

test("a form that waits says so and can't be left, and a secret that is shown once stays until it is closed", async () => {
  const { page } = await visitor();
  await signIn(page, node, "people");
  await page.locator(".page-head [data-operation=create_token]").click();
  const dialog = page.locator("dialog");
  await dialog.locator("input[name=name]").fill("slow");
  const release = await held(page, "POST", "/tokens");
  const make = dialog.locator("[data-operation=create_token]");
  await make.click();
  await until("it waits", async () => (await make.getAttribute("aria-busy")) === "true");
  assert.ok(await dialog.getByRole("button", { name: "Cancel" }).isDisabled());
  await page.keyboard.press("Escape");
  release();
  const secret = dialog.locator(".once", { hasText: "ods_" });
  await secret.waitFor();
  await page.mouse.click(5, 5);
  await page.keyboard.press("Escape");
  await page.locator("main").evaluate(() => new Promise((frame) => requestAnimationFrame(frame)));
  assert.ok(await secret.isVisible());
  await dialog.getByRole("button", { name: "Close" }).click();
  await secret.waitFor({ state: "detached" });
});

test("a deletion of many can't be left before its end is known, and what is gone is chosen no more", async () => {
  await node.put("z/gone.pkg", "gone");
  const { page } = await visitor();
  await signIn(page, node, "packages?prefix=z");
  await page.getByLabel("Select z/gone.pkg").check();
  await page.locator(".bulk-bar [data-operation=change_packages]").last().click();
  const release = await held(page, "POST", "/bulk");
  const dialog = page.locator("dialog");
  await dialog.locator("[data-operation=change_packages]").click();
  await dialog.locator("[aria-busy=true]").waitFor();
  await page.keyboard.press("Escape");
  release();
  await dialog.getByText("1 done").first().waitFor();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.locator(".bulk-bar").count(), 0);
});

test("an upload that is cancelled while it begins is forgotten, here and on the node", async () => {
  const { page } = await visitor();
  await signIn(page, node);
  const release = await held(page, "POST", "/uploads");
  await drop(page, { name: "orphan.pkg", size: 1000 });
  const asked = page.waitForRequest((request) => request.method() === "POST" && request.url().endsWith("/uploads"));
  await page.locator("dialog ods-upload-form button.primary").click();
  await asked;
  await page.locator("ods-tray [data-operation=remove_upload]").click();
  const forgotten = page.waitForResponse((answer) => answer.request().method() === "DELETE" && answer.url().includes("/uploads/"));
  release();
  await forgotten;
  assert.deepEqual((await node.api("GET", "/uploads")).items, []);
  await page.reload();
  await page.getByRole("navigation").first().waitFor();
  assert.equal(await page.getByText("orphan.pkg").count(), 0);
});

test("a question goes with the page that asked it", async () => {
  const { page } = await visitor();
  await signIn(page, node, "packages");
  await page.locator('.vt-row a[title="x/one.pkg"]').click();
  await page.locator("h1", { hasText: "one.pkg" }).waitFor();
  await page.locator(".page-head [data-operation=remove_package]").click();
  await page.locator("dialog").waitFor();
  await page.goBack();
  await page.locator("dialog").waitFor({ state: "detached" });
  // A link in a dialog leads on: here to the addresses that an invite has.
  await page.goto(`${node.url}/ui/mesh`);
  await page.locator(".page-head [data-operation=create_invite]").click();
  await page.locator("dialog [data-operation=create_invite]").click();
  await page.locator("dialog ods-invite-state a").click();
  await page.locator("dialog textarea[name=urls]").waitFor();
  assert.equal(await page.locator("dialog").count(), 1);
});

test("somebody else at the sign-in of a session that ended begins anew, with what they may see", async () => {
  for (const [name, scope] of [["bob", "read"], ["ada", "admin"]]) await node.api("POST", "/users", { name, password: "correct horse battery", scope, prefixes: [] });
  const { page, complaints } = await visitor();
  await page.goto(`${node.url}/ui/people`);
  const enter = async (/** @type {string} */ name) => {
    await page.locator("input[name=name]").fill(name);
    await page.locator("input[name=password]").fill("correct horse battery");
    await page.locator("button[data-operation=sign_in]").click();
  };
  await enter("bob");
  await page.getByRole("navigation").first().waitFor();
  for (const { id } of (await node.api("GET", "/sessions")).items) await node.api("DELETE", `/sessions/${id}`);
  await page.locator("dialog.gate").waitFor();
  await enter("ada");
  await page.locator("dialog.gate").waitFor({ state: "detached" });
  await page.locator("[data-operation~=list_users] td", { hasText: "bob" }).first().waitFor();
  forgive(complaints, /401/);
});

test("whose session was ended elsewhere is asked to sign in, and isn't told first that the node is away", async () => {
  const { page, complaints } = await visitor();
  await signIn(page, node);
  await page.locator(".live-pill[data-state=live]").waitFor();
  await page.evaluate(() => {
    const said = Object.assign(window, { odsSaid: /** @type {string[]} */ ([]) }).odsSaid;
    new MutationObserver(() => said.push(...[...document.querySelectorAll(".live-pill, .banner")].map((one) => one.textContent?.trim() ?? ""))).observe(document.body, { subtree: true, childList: true, characterData: true });
  });
  for (const { id } of (await node.api("GET", "/sessions")).items) await node.api("DELETE", `/sessions/${id}`);
  await page.locator("dialog.gate").waitFor();
  await page.locator(".live-pill[data-state=signed-out]").waitFor();
  const said = /** @type {string[]} */ (await page.evaluate(() => /** @type {any} */ (window).odsSaid));
  assert.deepEqual(said.filter((text) => /lost|reached/.test(text)), []);
  await page.locator("dialog.gate input[name=password]").fill(/** @type {string} */ (node.token));
  await page.locator("dialog.gate button[data-operation=sign_in]").click();
  await page.locator(".live-pill[data-state=live]").waitFor();
  assert.equal(await page.locator("dialog.gate").count(), 0);
  forgive(complaints, /401/);
});

test("a node that stops, and whose host then answers nothing at all, is said to be away", async () => {
  const host = await Node.start("silent");
  const door = await doorTo(host);
  const { page, complaints } = await visitor();
  await signIn(page, /** @type {any} */ (door));
  await page.locator(".live-pill[data-state=live]").waitFor();
  door.answerNobodyNew();
  await host.stop();
  await page.locator(".live-pill[data-state=connecting]").waitFor();
  await page.locator(".banner", { hasText: "What you see is as it was at" }).waitFor();
  forgive(complaints, /ERR_|Failed to load resource|net::/);
});

test("a host that falls silent in mid-work is said to be away, what was read stays, and it goes on when it is back", async () => {
  const host = await Node.start("unplugged");
  const door = await doorTo(host);
  const { page, complaints } = await visitor();
  await signIn(page, /** @type {any} */ (door));
  await page.locator(".live-pill[data-state=live]").waitFor();
  const packages = page.locator(".tile[href='/ui/packages'] strong");
  await packages.waitFor();
  const givenUp = page.waitForEvent("requestfailed", (request) => request.url().includes("/api/v1/mesh"));
  door.fallSilent();
  await page.locator(".banner", { hasText: "What you see is as it was at" }).waitFor();
  await givenUp;
  assert.equal(await packages.textContent(), "0", "it is still to be seen");
  await page.getByRole("navigation").getByRole("link", { name: "Packages" }).click();
  await page.locator("main > .waiting").waitFor();
  assert.equal(await page.getByText("The node can’t be reached").count(), 1);
  await host.put("meanwhile.pkg", "bytes");
  door.answerAgain();
  await page.locator(".vt-row a", { hasText: "meanwhile.pkg" }).waitFor();
  await page.locator(".banner").waitFor({ state: "detached" });
  await page.getByRole("navigation").getByRole("link", { name: "Overview" }).click();
  await until("it is read anew", async () => (await packages.textContent()) === "1");
  forgive(complaints, /ERR_|Failed to load resource|net::/);
});

test("an upload to a host that falls silent says so, and goes on when it is back", async () => {
  const host = await Node.start("swallows");
  const door = await doorTo(host);
  const { page, complaints, context } = await visitor();
  await signIn(page, /** @type {any} */ (door), "uploads");
  const network = await context.newCDPSession(page);
  await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 500_000 });
  await upload(page, { name: "Long-1.pkg", size: 6_000_000 });
  // Bytes are on their way: one that the node has not begun yet has nothing to go on with.
  await page.locator(".upload[data-state=sending] .steps li.begun").first().waitFor();
  door.fallSilent();
  await page.locator(".upload[data-state=sending]", { hasText: "trying again" }).waitFor({ timeout: 60_000 });
  door.answerAgain();
  await page.locator(".upload[data-state=published]").waitFor({ timeout: 60_000 });
  assert.equal((await host.api("GET", "/packages/Long-1.pkg")).size, 6_000_000);
  forgive(complaints, /ERR_|Failed to load resource|net::/);
});

test("an upload that a silent host doesn't begin says so, and is tried again", async () => {
  const host = await Node.start("deaf");
  const door = await doorTo(host);
  const { page, complaints } = await visitor();
  await signIn(page, /** @type {any} */ (door), "uploads");
  await drop(page, { name: "Late-1.pkg", size: 100_000 });
  const start = page.locator("dialog ods-upload-form button.primary");
  await start.waitFor();
  door.fallSilent();
  await start.click();
  await page.locator(".upload[data-state=failed]", { hasText: "can’t be reached" }).waitFor({ timeout: 90_000 });
  door.answerAgain();
  await page.getByRole("button", { name: "Retry" }).first().click();
  await page.locator(".upload[data-state=published]").waitFor({ timeout: 60_000 });
  forgive(complaints, /ERR_|Failed to load resource|net::/);
});

test("a set-up link that was cut still leads to a form", async () => {
  const { page } = await visitor();
  await page.goto(`${node.url}/ui/#setup=%E0%A4%A`);
  await page.locator("ods-first-admin form").waitFor();
});
