// Everyday work, and bad input by name: delete and restore, markup, long names, a session that ends, too small a scope.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { forgive, picture } from "./support/browser.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { sideways } from "./support/sideways.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

afterEach(content);

const MARKUP = "<img src=x onerror=alert(1)>.pkg";

test("a package is deleted, and restored from its page", async () => {
  const node = await Node.start("restore");
  await node.put("apps/Gone.pkg", "one");
  const { page, complaints } = await visitor();
  await signIn(page, node, "packages/apps/Gone.pkg");
  await page.locator("[data-operation=remove_package]").first().click();
  const dialog = page.locator("dialog");
  await dialog.waitFor();
  const typed = dialog.locator("input[name=typed]");
  if (await typed.count()) await typed.fill(String((await dialog.locator(".field span").first().textContent())?.match(/Type (.*) to/)?.[1]));
  await dialog.locator("[data-operation=remove_package]").click();
  await until("it is gone", async () => (await node.api("GET", "/packages")).items.length === 0);
  await page.goto(`${node.url}/ui/packages/apps/Gone.pkg`);
  await page.locator("[data-operation=restore_revision]").first().click();
  const again = page.locator("dialog [data-operation=restore_revision]");
  await again.click({ timeout: 3000 }).catch(() => undefined);
  await until("it is back", async () => (await node.api("GET", "/packages")).items.length === 1);
  forgive(complaints, /404/);
});

test("names with markup and very long ones are text", async () => {
  const long = `${"AVeryLongName".repeat(18)}.pkg`;
  const node = await Node.start("markup");
  await node.put(MARKUP, "bytes", `?title=${encodeURIComponent("<script>alert(1)</script>")}&tag=${encodeURIComponent("<b>")}`);
  await node.put(long, "bytes");
  await node.api("PATCH", "/node", { name: "<i>node</i>" });
  const { page } = await visitor({ viewport: { width: 320, height: 640 } });
  page.on("dialog", () => assert.fail("markup ran"));
  await signIn(page, node, "packages");
  await page.getByText("<script>alert(1)</script>").first().waitFor();
  for (const at of ["", "packages", `packages/${encodeURIComponent(MARKUP)}`, `packages/${long}`, "events", "mesh", "settings"]) {
    await page.goto(`${node.url}/ui/${at}`);
    await page.locator("main h1").first().waitFor();
    await page.waitForFunction(() => !document.querySelector("main .waiting"));
    assert.deepEqual(await sideways(page), [], at);
  }
  const refused = await node.put(`${"x".repeat(300)}.pkg`, "bytes").catch((error) => String(error));
  assert.match(String(refused), /bad_path/);
});

test("what can't be seen in a name is spelled out, and one that would be read backwards is refused", async () => {
  const node = await Node.start("turned");
  await assert.rejects(node.put("weird/\u202Egkp.exe", "bytes"), /bad_path/);
  await node.put("weird/gkp\u200Dexe", "bytes");
  const { page } = await visitor();
  await signIn(page, node, "packages");
  await page.locator(".vt-row a", { hasText: "gkp⟨U+200D⟩exe" }).waitFor();
  await page.goto(`${node.url}/ui/`);
  await page.locator(".event", { hasText: "weird/gkp⟨U+200D⟩exe" }).first().waitFor();
});

test("a session that ends in mid-work loses nothing that was typed", async () => {
  const node = await Node.start("session");
  await node.api("POST", "/users", { name: "ada", password: "correct horse battery", scope: "admin", prefixes: [] });
  const { page, complaints } = await visitor();
  await page.goto(`${node.url}/ui/people`);
  await page.locator("input[name=name]").fill("ada");
  await page.locator("input[name=password]").fill("correct horse battery");
  await page.locator("button[data-operation=sign_in]").click();
  await page.locator(".page-head [data-operation=create_token]").click();
  await page.locator("dialog input[name=name]").fill("typed before");
  const { items } = await node.api("GET", "/sessions");
  for (const session of items) await node.api("DELETE", `/sessions/${session.id}`);
  // The stream may learn of it first and put the gate above the button; what was pressed just before goes on all the same.
  await page.locator("dialog [data-operation=create_token]").evaluate((/** @type {HTMLButtonElement} */ button) => button.click());
  const gate = page.locator("dialog.gate");
  await gate.waitFor();
  await picture(page, "session-over");
  // Nothing takes it away but signing in: what is behind it can't go on.
  for (let press = 0; press < 4; press += 1) await page.keyboard.press("Escape");
  assert.equal(await gate.evaluate((/** @type {HTMLDialogElement} */ dialog) => dialog.open), true);
  assert.equal(await gate.locator("input[name=name]").inputValue(), "ada", "who it was is known");
  await gate.locator("input[name=name]").fill("ada");
  await gate.locator("input[name=password]").fill("correct horse battery");
  await gate.locator("button[data-operation=sign_in]").click();
  await page.locator("dialog .once", { hasText: "ods_" }).waitFor();
  assert.ok((await node.api("GET", "/tokens")).items.some((/** @type {{ name: string }} */ { name }) => name === "typed before"));
  forgive(complaints, /401/);
});

test("the sign-in of a session that ends is there before anything can be lost, also if it couldn't be had then", async () => {
  const node = await Node.start("version");
  const { page, complaints } = await visitor();
  await signIn(page, node);
  await page.locator(".tile").first().waitFor();
  await page.getByRole("navigation").getByRole("link", { name: "People and tokens" }).click();
  await page.locator(".page-head [data-operation=create_token]").click();
  await page.locator("dialog input[name=name]").fill("typed before");
  // As if the node ran another version by now: of this one nothing more is to be had.
  await page.route("**/ui/assets/**/*.js", (route) => route.abort());
  for (const { id } of (await node.api("GET", "/sessions")).items) await node.api("DELETE", `/sessions/${id}`);
  const gate = page.locator("dialog.gate");
  await gate.locator("input[name=password]").fill(/** @type {string} */ (node.token));
  await gate.locator("button[data-operation=sign_in]").click();
  await gate.waitFor({ state: "detached" });
  assert.equal(await page.locator("dialog input[name=name]").inputValue(), "typed before");
  forgive(complaints, /401/);
});

test("in a narrow window the panel of a package covers the list, and closing it shows the list again", async () => {
  const node = await Node.start("narrow");
  for (const name of ["One", "Two", "Three"]) await node.put(`apps/${name}.pkg`, name);
  const { page } = await visitor({ viewport: { width: 320, height: 640 } });
  await signIn(page, node, "packages?show=apps%2FOne.pkg");
  const panel = page.locator("ods-package-panel");
  await panel.locator(".panel-head").waitFor();
  const [all, own] = await Promise.all([page.locator(".packages-body").boundingBox(), panel.boundingBox()]);
  assert.deepEqual(own, all);
  await picture(page, "panel-narrow");
  await panel.locator(".close").click();
  await panel.waitFor({ state: "detached" });
  await page.getByRole("row").filter({ hasText: "Three" }).click();
  await page.locator("main h1", { hasText: "Three" }).waitFor();
  assert.equal(await panel.count(), 0, "there it goes to the package's page");
});

test("who comes back from a package is where they were in the list", async () => {
  const node = await Node.start("place");
  const { package: first } = await node.put("0.pkg", "bytes");
  for (let index = 1; index < 120; index += 1) await node.api("PUT", `/packages/${index}.pkg?from=${first.revision}`);
  const { page } = await visitor();
  await signIn(page, node, "packages");
  await page.getByText("120 in the catalog").waitFor();
  const view = page.locator(".vt-view");
  await view.evaluate((box) => (box.scrollTop = 2000));
  await until("it is scrolled", async () => (await page.locator(".vt-rows .vt-row").first().getAttribute("aria-rowindex")) !== "2");
  const name = page.locator(".vt-rows .two-lines > a").nth(12);
  const path = await name.getAttribute("title");
  await name.click();
  await page.locator(".facts").first().waitFor();
  await page.goBack();
  await page.locator(`.vt-rows a[title="${path}"]`).waitFor();
  assert.equal(await view.evaluate((box) => box.scrollTop), 2000);
});

test("what the scope doesn't allow is greyed and says why", async () => {
  const node = await Node.start("scope");
  const { token } = await node.api("POST", "/tokens", { name: "reader", scope: "read", prefixes: [], expires_at: null });
  const { page, complaints } = await visitor();
  await signIn(page, /** @type {any} */ ({ url: node.url, token }), "webhooks");
  const button = page.locator(".page-head [data-operation=create_webhook]");
  await button.waitFor();
  assert.equal(await button.getAttribute("aria-disabled"), "true");
  assert.match(String(await button.getAttribute("title")), /admin/);
  await page.locator("main p.quiet", { hasText: "Needs the scope “admin”" }).waitFor();
  assert.equal(await page.getByRole("alert").count(), 0, "that it isn't theirs is no failure");
  await page.goto(`${node.url}/ui/settings`);
  await page.locator("main p", { hasText: "Needs the scope “admin”" }).waitFor();
  await page.goto(`${node.url}/ui/`);
  await page.locator(".drop-here[aria-disabled=true]", { hasText: "Needs the scope “publish”" }).waitFor();
  await page.locator(".mesh .node").waitFor();
  assert.equal(await page.getByText("Invite another node").count(), 0);
  forgive(complaints, /403/);
});

test("a package is found by a digest from an inventory", async () => {
  const node = await Node.start("digest");
  const { package: one } = await node.put("apps/Found.pkg", "bytes");
  await node.put("apps/Other.pkg", "other bytes");
  const { page } = await visitor();
  await signIn(page, node);
  const hits = page.locator("#search-hits [role=option]");
  for (const digest of [one.sha256, one.blob.slice(0, 12)]) {
    await page.getByRole("combobox").fill(digest);
    await hits.filter({ hasText: "Found.pkg" }).waitFor();
    assert.equal(await hits.count(), 1, digest);
  }
  await page.getByRole("combobox").press("Enter");
  await page.locator("h1", { hasText: "Found.pkg" }).waitFor();
});

test("who opens a dialog by keyboard types into its first field", async () => {
  const node = await Node.start("typing");
  const { page } = await visitor();
  await signIn(page, node, "people?section=tokens");
  await page.locator(".page-head [data-operation=create_token]").press("Enter");
  const name = page.locator("dialog input[name=name]");
  await name.waitFor();
  await page.keyboard.type("ci");
  assert.equal(await name.inputValue(), "ci");
});

test("Escape and a click beside a dialog throw nothing away that was typed without asking", async () => {
  const node = await Node.start("typed");
  const { page } = await visitor();
  await signIn(page, node, "people");
  // Not while it still reads what the dialog before may have made.
  const open = page.locator(".page-head [data-operation=create_token]:not([aria-busy])");
  const field = page.locator("dialog input[name=name]");
  await open.click();
  await field.waitFor();
  await page.keyboard.press("Escape");
  await field.waitFor({ state: "detached" });
  await open.click();
  await field.fill("inventory");
  const question = page.getByRole("heading", { name: "Throw away what you typed?" });
  await page.keyboard.press("Escape");
  await question.waitFor();
  await page.keyboard.press("Escape");
  await question.waitFor({ state: "detached" });
  assert.equal(await field.inputValue(), "inventory");
  await page.mouse.click(5, 5);
  await question.waitFor();
  await page.getByRole("button", { name: "Throw it away" }).click();
  await field.waitFor({ state: "detached" });
});

test("the node's plain address leads to the page", async () => {
  const node = await Node.start("front");
  const { page } = await visitor();
  await page.goto(node.url);
  await page.getByRole("link", { name: "Administration" }).click();
  await page.getByLabel("Password or token").waitFor();
});

test("a mistyped address is said, with the way back", async () => {
  const node = await Node.start("mistyped");
  const { page, complaints } = await visitor();
  await signIn(page, node);
  await page.goto(`${node.url}/ui/pakages/mac`);
  await page.getByText("There is no such page").waitFor();
  await page.getByRole("link", { name: "To the overview" }).click();
  await page.locator(".tile").first().waitFor();
  forgive(complaints, /404/);
});

test("without JavaScript the page says what else there is", async () => {
  const node = await Node.start("plain");
  const { page } = await visitor({ javaScriptEnabled: false });
  await page.goto(`${node.url}/ui/`);
  await page.locator(".noscript h1").waitFor();
  assert.equal(await page.locator(".noscript h1").innerText(), "This page needs JavaScript");
});
