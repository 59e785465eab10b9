// The frame around every page: search and all else by keyboard, the theme, the tray, copy as curl, many tabs, plain HTTP.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { afterEach, test } from "node:test";
import { forgive, PHONE, picture } from "./support/browser.js";
import { drop, upload } from "./support/drop.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

afterEach(content);

test("a package is found, opened and left by keyboard alone", async () => {
  const node = await Node.start("keys");
  for (const name of ["Alpha", "Beta", "Gamma"]) await node.put(`apps/${name}.pkg`, name);
  const { page } = await visitor();
  await signIn(page, node);
  await page.locator(".tile").first().waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("bet");
  await page.locator("#search-hits [role=option]", { hasText: "Beta.pkg" }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: "Beta.pkg" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("storage");
  await page.locator("#search-hits [role=option][aria-selected=true]", { hasText: "Storage" }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator("h1", { hasText: "Storage" }).waitFor();

  await page.goto(`${node.url}/ui/packages`);
  await page.getByText("3 in the catalog").waitFor();
  await page.locator(".vt-view").focus();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.locator("ods-package-panel .panel-head").waitFor();
  await page.keyboard.press("Tab");
  const focused = () => page.evaluate(() => (document.activeElement instanceof HTMLElement ? getComputedStyle(document.activeElement).outlineStyle : "none"));
  assert.notEqual(await focused(), "none", "what has the focus is seen");
  await page.locator(".skip").focus();
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement?.id), "content");
  assert.ok(page.url().includes("/ui/packages?"), "it is still the same page");
});

test("whoever goes to another page goes on at its head", async () => {
  const node = await Node.start("heads");
  const { page } = await visitor();
  await signIn(page, node);
  await page.locator(".tile").first().waitFor();
  for (const name of ["Storage", "Webhooks", "Overview"]) {
    await page.getByRole("navigation").getByRole("link", { name }).focus();
    await page.keyboard.press("Enter");
    await page.locator("h1:focus", { hasText: name }).waitFor();
  }
  await page.goto(`${node.url}/ui/people?section=sessions`);
  await page.getByText(/^Chrome \d+ on \w+$/).first().waitFor();
});

test("a command that a refusal names is shown as one", async () => {
  const node = await Node.start("refused");
  const { page, complaints } = await visitor();
  await page.goto(`${node.url}/ui/`);
  await page.getByLabel("Password or token").fill(`ods_${"a".repeat(43)}`);
  await page.getByRole("button", { name: "Sign in" }).click();
  const refusal = page.locator(".notice.bad");
  assert.equal(await refusal.locator("code").first().textContent(), "ods token create");
  assert.doesNotMatch(await refusal.innerText(), /`/);
  forgive(complaints, /401/);
});

test("a message that goes takes the focus from none of the others, and no button becomes another's", async () => {
  const node = await Node.start("messages");
  await node.put("apps/x.pkg", "bytes");
  const { page } = await visitor({ permissions: ["clipboard-read", "clipboard-write"] });
  await signIn(page, node, "packages/apps/x.pkg");
  // A message is shown for four seconds: who comes too late for the first one makes both anew.
  /** @type {string | undefined} */
  let focused = "";
  while (focused === "") {
    await page.waitForFunction(() => !document.querySelector(".toast"));
    for (const [button, message] of [["Copy sha-256", "SHA-256 copied"], ["Copy blake3", "BLAKE3 copied"]]) {
      await page.getByRole("button", { name: button }).click();
      await page.locator(".toast", { hasText: message }).waitFor();
    }
    focused = await page.evaluate(withFocusOnceTheFirstIsGone);
  }
  assert.equal(focused, "BLAKE3 copied");
});

/** Gives the second message the focus; which one has it at the moment when the first is gone. Empty: one of them isn't there. */
async function withFocusOnceTheFirstIsGone() {
  const messages = [...document.querySelectorAll(".toast")];
  const [first, second] = ["SHA-256 copied", "BLAKE3 copied"].map((said) => messages.find((one) => one.textContent?.includes(said)));
  if (!first || !second) return "";
  second.querySelector("button")?.focus();
  await new Promise((resolve) => {
    const look = () => first.isConnected || resolve(undefined);
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  });
  return document.activeElement?.closest(".toast")?.textContent?.trim();
}

test("light and dark are chosen by a button and kept", async () => {
  const node = await Node.start("theme");
  const { page } = await visitor({ colorScheme: "light" });
  await signIn(page, node);
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await ground();
  const button = page.locator("ods-theme button");
  for (let turns = 0; turns < 2 && (await ground()) === light; turns += 1) await button.click();
  const dark = await ground();
  assert.notEqual(dark, light);
  await page.reload();
  await page.locator(".tile").first().waitFor();
  assert.equal(await ground(), dark);
});

test("an upload stays in sight on every page, with tags and version as they were typed", async () => {
  const node = await Node.start("tray");
  const { page, context } = await visitor();
  await signIn(page, node);
  const network = await context.newCDPSession(page);
  await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 1_000_000 });
  await drop(page, { name: "Tray-1.0.pkg", size: 6_000_000 });
  const form = page.locator("dialog ods-upload-form");
  await form.locator("input[name=tags]").fill("prod, new");
  await form.locator("input[name=folder]").fill("apps");
  await form.getByLabel("Version").first().fill("1.0b");
  await form.locator("button.primary").click();
  await page.locator(".tray .upload[data-state=sending]").waitFor();
  for (const name of ["Mesh", "Events"]) {
    await page.getByRole("navigation").getByRole("link", { name }).click();
    await page.locator("h1", { hasText: name }).waitFor();
    await page.locator(".tray .upload").waitFor();
  }
  await network.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  await page.locator(".tray .upload[data-state=published]").waitFor();
  const { tags, version } = await node.api("GET", "/packages/apps/Tray-1.0.pkg");
  assert.deepEqual([tags, version], [["new", "prod"], "1.0b"]);
});

test("a sign says what becomes of files that are dragged over the page, until they leave it", async () => {
  const node = await Node.start("dragged");
  const { token } = await node.api("POST", "/tokens", { name: "reader", scope: "read", prefixes: [], expires_at: null });
  for (const [who, says] of [[node.token, "Drop packages to upload"], [token, "You may not publish here"]]) {
    const { page } = await visitor();
    await signIn(page, /** @type {any} */ ({ url: node.url, token: who }));
    await page.locator(".tile").first().waitFor();
    // As long as they are over it a browser says so, again and again.
    await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(["bytes"], "Dragged-1.pkg"));
      const drag = (type = "dragover") => document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer }));
      drag("dragenter");
      Object.assign(window, { odsDragging: setInterval(drag, 50) });
    });
    const sign = page.locator(".drop-veil");
    await sign.getByText(says).waitFor();
    if (who === node.token) await picture(page, "dragging");
    await page.evaluate(() => clearInterval(/** @type {any} */ (window).odsDragging));
    await sign.waitFor({ state: "detached" });
  }
});

test("what was just done can be done again with the copied command, also on a phone", async () => {
  const node = await Node.start("curl");
  await node.put("apps/x.pkg", "bytes", "?tag=old");
  const { page } = await visitor({ viewport: PHONE });
  await signIn(page, node, "packages/apps/x.pkg");
  await page.locator("ods-metadata button[data-operation=edit_package]").click();
  await page.locator("ods-metadata input[name=title]").fill("It’s done");
  await page.locator("ods-metadata form button[data-operation=edit_package]").click();
  await page.locator("h1", { hasText: "It’s done" }).waitFor();
  await page.locator(".top .curl").click();
  const line = await page.locator("dialog .curls code").first().textContent();
  assert.match(String(line), /^curl .*-X PATCH .*If-Match/);
  await node.api("PATCH", "/packages/apps/x.pkg", { title: "another" });
  const { revision } = await node.api("GET", "/packages/apps/x.pkg");
  const again = String(line).replace(/"[0-9a-f]{64}"/, `"${revision}"`);
  execFileSync("sh", ["-c", `${again} --fail --silent`], { env: { ...process.env, ODS_TOKEN: node.token } });
  assert.equal((await node.api("GET", "/packages/apps/x.pkg")).title, "It’s done");
});

test("eight tabs are live at once over one stream", async () => {
  const node = await Node.start("tabs");
  const { page, context } = await visitor();
  await signIn(page, node);
  const tabs = [page];
  for (let index = 1; index < 8; index += 1) tabs.push(await context.newPage());
  for (const tab of tabs.slice(1)) await tab.goto(`${node.url}/ui/`);
  for (const tab of tabs) await tab.locator(".live-pill[data-state=live]").waitFor();
  await node.put("told/everywhere.pkg", "bytes");
  for (const tab of tabs) await tab.locator(".event", { hasText: "told/everywhere.pkg" }).first().waitFor();
});

test("on plain HTTP, where browsers keep much back, uploading and copying work all the same", async () => {
  const node = await Node.start("plain-http");
  // Not this machine's own name, so to a browser it is no safe place.
  const url = node.url.replace("127.0.0.1", "ods.test");
  const { page } = await visitor();
  await signIn(page, /** @type {any} */ ({ url, token: node.token }), "packages");
  assert.deepEqual(await page.evaluate(() => [isSecureContext, typeof navigator.clipboard, typeof crypto.subtle]), [false, "undefined", "undefined"]);
  await page.locator(".live-pill[data-state=live]").waitFor();
  await upload(page, { name: "Plain-1.pkg", size: 3_000_000 });
  await page.locator(".tray .upload[data-state=published]").waitFor();
  await page.goto(`${url}/ui/packages/Plain-1.pkg`);
  await page.getByRole("button", { name: "Copy link" }).first().click();
  await page.locator(".toast", { hasText: "Link copied" }).waitFor();
  await page.getByRole("button", { name: "Upload a new version" }).focus();
  await page.locator("ods-metadata button[data-operation=edit_package]").click();
  await page.locator("ods-metadata input[name=identifier]").focus();
  await page.keyboard.press("Control+v");
  await until("it is in the clipboard", async () => (await page.locator("ods-metadata input[name=identifier]").inputValue()).endsWith("/Packages/Plain-1.pkg"));
});

test("a tab that is older than its node says so, and a reload mends it", async () => {
  const node = await Node.start("older");
  const { page, complaints } = await visitor();
  await signIn(page, node, "people?section=tokens");
  await page.locator("tr", { hasText: "admin.token" }).waitFor();
  // As after an upgrade: the index names other files, and those of before are gone.
  const [index, dialogs] = ["**/ui/", "**/elements/ods-dialogs.js"];
  await page.route(index, async (route) => route.fulfill({ contentType: "text/html", body: (await (await route.fetch()).text()).replaceAll(/assets\/[0-9a-f]+/g, "assets/0000000000000000") }));
  await page.route(dialogs, (route) => route.fulfill({ status: 404 }));
  const open = page.locator(".page-head [data-operation=create_token]");
  await open.click();
  await page.locator(".toast", { hasText: "This node was updated" }).getByRole("button", { name: "Reload the page" }).waitFor();
  await node.stop();
  await page.locator(".live-pill[data-state=lost]").waitFor();
  await node.launch();
  const banner = page.locator(".banner", { hasText: "This node was updated" });
  await banner.waitFor();
  await page.unroute(index);
  await page.unroute(dialogs);
  await banner.getByRole("button", { name: "Reload the page" }).click();
  await banner.waitFor({ state: "detached" });
  await open.click();
  await page.locator("dialog input[name=name]").waitFor();
  forgive(complaints, /404|ERR_|Failed to|net::/);
});

test("on a small phone messages leave the navigation free, and what is asked before an upload is named", async () => {
  const node = await Node.start("small");
  await node.put("apps/x.pkg", "bytes");
  const { page } = await visitor({ viewport: { width: 360, height: 740 } });
  await signIn(page, node, "packages/apps/x.pkg");
  await page.getByRole("button", { name: "Copy link" }).first().click();
  const message = await page.locator(".toast", { hasText: "Link copied" }).boundingBox();
  const places = await page.locator("nav").boundingBox();
  assert.ok(message && places && message.y + message.height <= places.y, JSON.stringify([message, places]));
  await drop(page, { name: "Small-1.2.pkg", size: 1000 });
  for (const [name, value] of /** @type {const} */ ([["Path", "Small-1.2.pkg"], ["Version", "1.2"]])) {
    const label = page.locator("dialog .upload-row label", { hasText: name });
    assert.equal(await label.locator("input").inputValue(), value);
    const seen = await label.locator("span").boundingBox();
    assert.ok(seen && seen.height > 8 && seen.width > 20, `${name} can be read`);
  }
});

test("the menu of who is signed in opens at the first press, by keyboard too, and signs out", async () => {
  const node = await Node.start("account");
  const { page } = await visitor();
  await signIn(page, node);
  await page.locator(".tile").first().waitFor();
  const item = page.getByRole("menuitem", { name: "Sign out" });
  await page.locator("ods-account button").focus();
  await page.keyboard.press("Enter");
  await item.waitFor();
  await page.keyboard.press("Escape");
  await item.waitFor({ state: "hidden" });
  await page.keyboard.press("Enter");
  await item.waitFor();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.getByLabel("Password or token").waitFor();
  assert.equal((await node.api("GET", "/sessions")).items.length, 0);
});

test("who presses twice before the menu is there has it open", async () => {
  const node = await Node.start("twice");
  const { page } = await visitor();
  await signIn(page, node);
  await page.locator(".tile").first().waitFor();
  /** @type {(value?: unknown) => void} */
  let goOn = () => undefined;
  const held = new Promise((resolve) => (goOn = resolve));
  await page.route("**/elements/ods-menu.js", (route) => held.then(() => route.continue()));
  await page.locator("ods-account button").dblclick();
  goOn();
  const item = page.getByRole("menuitem", { name: "Sign out" });
  await item.waitFor();
  // Whatever else the presses do is done by then.
  await page.waitForTimeout(500);
  assert.ok(await item.isVisible());
});
