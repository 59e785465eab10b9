// Edges of an outage, and of a tab that is older than its node: what couldn't be had then comes afterwards, and is said once.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { afterEach, test } from "node:test";
import { forgive } from "./support/browser.js";
import { drop } from "./support/drop.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

afterEach(content);

const ASSETS = new URL("../../ui/assets/", import.meta.url);

/** What a browser says of a node that is away. */
const AWAY = /404|ERR_|Failed to|net::/;

/** The page of a node, as if that ran another version by now: the index names other files, and one of those of before is gone. @param {import("playwright-core").Page} page @param {string} gone */
async function outdate(page, gone) {
  const body = async (/** @type {import("playwright-core").Route} */ route) => (await (await route.fetch()).text()).replaceAll(/assets\/[0-9a-f]+/g, "assets/0000000000000000");
  await page.route("**/ui/", async (route) => route.fulfill({ contentType: "text/html", body: await body(route) }));
  await page.route(gone, (route) => route.fulfill({ status: 404 }));
}

/** A node, but for the addresses that end so: they are not found. @param {Node} host @param {string} end */
async function without(host, end) {
  const server = createServer((asked, answer) => {
    if (asked.url?.endsWith(end)) return answer.writeHead(404).end();
    const { method, url, headers } = asked;
    const passed = request(host.url + url, { method, headers }, (given) => given.pipe(answer.writeHead(given.statusCode ?? 500, given.headers)));
    return asked.pipe(passed.on("error", () => answer.destroy()));
  }).listen(0, "127.0.0.1").unref();
  await once(server, "listening");
  return { url: `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (server.address()).port}`, token: host.token };
}

/** Stops a node, and waits until the page says so. @param {import("playwright-core").Page} page @param {Node} node */
async function away(page, node) {
  await node.stop("SIGKILL");
  await page.locator(".live-pill[data-state=lost]").waitFor();
}

/** Starts it again. @param {import("playwright-core").Page} page @param {Node} node */
async function back(page, node) {
  await node.launch();
  await page.locator(".live-pill[data-state=live]").waitFor();
}

test("a set-up link that is opened in a tab older than its node goes on after the reload", async () => {
  const node = await Node.start("linked");
  const { page, complaints } = await visitor();
  await page.goto(`${node.url}/ui/`);
  await page.locator("ods-sign-in form").waitFor();
  await outdate(page, "**/elements/ods-first-admin.js");
  await page.evaluate((secret) => void (location.hash = `setup=${secret}`), node.setUp);
  const reload = page.getByRole("alert").filter({ hasText: "This node was updated" }).getByRole("button", { name: "Reload the page" });
  await reload.waitFor();
  await page.unrouteAll();
  await reload.click();
  const name = page.locator("ods-first-admin input[name=name]");
  await name.waitFor();
  await page.reload();
  await name.fill("ada");
  assert.ok(!page.url().includes("setup"), "the tab has the secret, and the address no more");
  for (const field of ["password", "repeat"]) await page.locator(`input[name=${field}]`).fill("correct horse battery");
  await page.locator("button[data-operation=sign_in]").click();
  await page.locator("page-welcome").waitFor();
  assert.equal(await page.evaluate(() => history.state), null, "it is used, and kept nowhere");
  forgive(complaints, AWAY);
});

/** A module and all that it imports, by their files. @param {string} file @param {Set<string>} [found] */
function needed(file, found = new Set()) {
  if (found.has(file)) return found;
  found.add(file);
  for (const [, from] of readFileSync(new URL(file, ASSETS), "utf8").matchAll(/^(?:import|export) (?:[^;]* from )?'(\.[^']+)';$/gm)) {
    needed(new URL(String(from), new URL(file, ASSETS)).href.slice(ASSETS.href.length), found);
  }
  return found;
}

test("a set-up link that is opened while the page still begins is waited for, and isn't lost if a reload is needed", async () => {
  const node = await Node.start("early-link");
  const { page, complaints } = await visitor();
  await page.addInitScript(() => localStorage.setItem("ods.signed-in", "yes"));
  /** @type {(() => void)[]} */
  const [sessions, forms] = [[], []];
  const held = (/** @type {(() => void)[]} */ those) => async (/** @type {import("playwright-core").Route} */ route) => {
    await new Promise((/** @type {(is?: unknown) => void} */ go) => those.push(() => go()));
    await route.fallback();
  };
  await page.route("**/api/v1/session", held(sessions));
  await page.goto(`${node.url}/ui/`);
  await outdate(page, "**/elements/ods-first-admin.js");
  await page.route("**/elements/ods-first-admin.js", held(forms));
  await until("it is asked who is signed in", () => sessions.length === 1);
  await page.evaluate((secret) => void (location.hash = `setup=${secret}`), node.setUp);
  await until("both are asked for", () => sessions.length === 2 && forms.length === 1);
  assert.ok(!page.url().includes("setup"));
  let answers = 0;
  page.on("requestfinished", (done) => void (answers += Number(done.url().endsWith("/session"))));
  sessions.forEach((go) => go());
  await until("both are answered", () => answers === 2);
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  assert.equal(await page.locator("ods-first-admin, ods-sign-in").count(), 0);
  forms.forEach((go) => go());
  const reload = page.getByRole("button", { name: "Reload the page" });
  await reload.waitFor();
  await page.unrouteAll();
  await reload.click();
  await page.locator("ods-first-admin input[name=name]").waitFor();
  assert.ok(!page.url().includes("setup"));
  forgive(complaints, /401|404/);
});

test("a set-up link that is opened while the node is away stays in no address, and is good when it is back", async () => {
  const node = await Node.start("kept-link");
  const { page, complaints } = await visitor();
  await page.goto(`${node.url}/ui/`);
  await page.locator("ods-sign-in form").waitFor();
  await node.stop("SIGKILL");
  await page.evaluate((secret) => void (location.hash = `setup=${secret}`), node.setUp);
  const again = page.getByRole("button", { name: "Try again" });
  await again.waitFor();
  assert.ok(!page.url().includes("setup"));
  /** @type {(() => void)[]} */
  const asked = [];
  await page.route(/\/ui\/$|\/session$/, async (route) => {
    await new Promise((/** @type {(is?: unknown) => void} */ go) => asked.push(() => go()));
    await route.abort();
  });
  await page.evaluate(() => localStorage.setItem("ods.signed-in", "yes"));
  await again.focus();
  await again.evaluate((/** @type {HTMLButtonElement} */ button) => [button.click(), button.click()]);
  await page.locator("button[aria-busy=true]:focus", { hasText: "Try again" }).waitFor();
  await until("who is signed in is asked, and which page the node has", () => asked.length >= 2);
  asked.forEach((go) => go());
  await page.locator("button[aria-busy=false]:focus", { hasText: "Try again" }).waitFor();
  assert.equal(asked.length, 2);
  await page.unrouteAll();
  await node.launch();
  await again.click();
  // Whether a browser remembers that the form couldn't be had is its own affair.
  const [name, reload] = [page.locator("ods-first-admin input[name=name]"), page.getByRole("button", { name: "Reload the page" })];
  await name.or(reload).waitFor();
  if (await reload.count()) await reload.click();
  await name.waitFor();
  assert.ok(!page.url().includes("setup"));
  forgive(complaints, /401|404|ERR_|Failed to|net::/);
});

test("a tab that was told that the stream of all tabs failed hears only its own", async () => {
  const node = await Node.start("heard-twice");
  const { page } = await visitor();
  await page.addInitScript(() => {
    window.SharedWorker = class extends SharedWorker {
      /** @param {string | URL} url @param {string | WorkerOptions} [options] */
      constructor(url, options) {
        super(url, options);
        Object.assign(window, { odsWorker: this, odsHeard: 0 });
        this.port.addEventListener("message", ({ data }) => data.kind === "records" && (/** @type {any} */ (window).odsHeard += 1));
      }
    };
  });
  await signIn(page, node);
  await page.locator(".live-pill[data-state=live]").waitFor();
  const own = page.waitForResponse("**/events/stream");
  await page.evaluate(() => /** @type {any} */ (window).odsWorker.dispatchEvent(new Event("error")));
  await own;
  const heard = () => page.evaluate(() => /** @type {any} */ (window).odsHeard);
  const before = await heard();
  await node.put("apps/Once.pkg", "bytes");
  await page.locator(".event", { hasText: "Once.pkg" }).first().waitFor();
  assert.equal(await heard(), before);
});

test("where what holds the one stream of all tabs can't be had, a tab has its own", async () => {
  const { page, complaints } = await visitor();
  await signIn(page, /** @type {any} */ (await without(await Node.start("own-stream"), "/lib/live-worker.js")));
  await page.locator(".live-pill[data-state=live]").waitFor();
  forgive(complaints, AWAY);
});

test("uploads are in sight, although the node went away before what shows them came", async () => {
  const node = await Node.start("no-tray");
  const { page, complaints } = await visitor();
  /** @type {Set<string>} */
  const had = new Set();
  page.on("requestfinished", (done) => had.add(done.url().replace(/^.*\/assets\/[0-9a-f]+\//, "")));
  await signIn(page, node);
  await page.locator(".live-pill[data-state=live]").waitFor();
  const others = [...needed("elements/upload-dialog.js"), ...needed("elements/ods-dialogs.js"), ...needed("elements/ods-session-gate.js"), "more.css", "more-icons.svg"];
  // Its answer was on the way while the node went.
  await page.route("**/lib/sha256.js", async (route) => {
    const response = await route.fetch();
    await until("all else that was asked for with it is there", () => others.every((file) => had.has(file) || file === "lib/sha256.js"));
    await away(page, node);
    await route.fulfill({ response });
  });
  await drop(page, { name: "Late-1.pkg", size: 1000 });
  await page.locator("dialog ods-upload-form button.primary").waitFor();
  await back(page, node);
  await page.evaluate(() => customElements.whenDefined("ods-tray").then(() => undefined));
  await page.locator("dialog ods-upload-form button.primary").click();
  await page.locator(".tray .upload[data-state=published]").waitFor();
  forgive(complaints, AWAY);
});

test("what is typed into the search while the node is away is answered once by a message, and found afterwards", async () => {
  const node = await Node.start("unasked");
  await node.put("apps/Firefox-1.pkg", "bytes");
  const { page, complaints } = await visitor();
  await signIn(page, node);
  await page.locator(".live-pill[data-state=live]").waitFor();
  await away(page, node);
  const field = page.getByRole("combobox").first();
  await field.pressSequentially("firef", { delay: 30 });
  const messages = page.locator(".toast", { hasText: "can’t be reached" });
  await messages.first().waitFor();
  const refused = page.waitForEvent("requestfailed", (asked) => asked.url().endsWith("/ui/"));
  await field.press("o");
  await refused;
  // A message for a key would be there by then.
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
  assert.equal(await messages.count(), 1);
  await back(page, node);
  await page.locator("#search-hits", { hasText: "Firefox-1.pkg" }).waitFor();
  forgive(complaints, AWAY);
});

test("a page that is asked for again by two presses is asked for once", async () => {
  const node = await Node.start("pressed");
  const { page, complaints } = await visitor();
  await signIn(page, node);
  await page.locator(".live-pill[data-state=live]").waitFor();
  /** @type {() => void} */
  let fail = () => undefined;
  let failed = Promise.resolve();
  let asked = 0;
  await page.route(/\/ui\/$|webhooks\.js$/, async (route) => {
    asked += Number(route.request().url().endsWith("/ui/"));
    await failed;
    await route.abort();
  });
  await page.getByRole("navigation").getByRole("link", { name: "Webhooks" }).click();
  const again = page.locator("main").getByRole("button", { name: "Try again" });
  await again.waitFor();
  asked = 0;
  failed = new Promise((resolve) => (fail = resolve));
  await again.focus();
  await again.evaluate((/** @type {HTMLButtonElement} */ button) => [button.click(), button.click()]);
  await page.locator("main button[aria-busy=true]:focus").waitFor();
  await until("it is asked for", () => asked > 0);
  fail();
  await page.locator("main button[aria-busy=false]:focus").waitFor();
  assert.equal(asked, 1);
  forgive(complaints, AWAY);
});

test("the menu of who is signed in opens after an outage in which it couldn't be had", async () => {
  const node = await Node.start("no-menu");
  const { page, complaints } = await visitor();
  await signIn(page, node);
  await page.locator(".live-pill[data-state=live]").waitFor();
  await away(page, node);
  await page.locator("ods-account button").click();
  await page.locator(".toast", { hasText: "can’t be reached" }).waitFor();
  await back(page, node);
  await page.locator("ods-account button").click();
  await page.getByRole("menuitem", { name: "Sign out" }).waitFor();
  forgive(complaints, AWAY);
});
