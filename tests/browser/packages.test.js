// The list of packages and a package's page: what is asked for stays in the address; links, digests and bytes are at hand.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { afterEach, test } from "node:test";
import { PHONE, picture } from "./support/browser.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

afterEach(content);

/** Names in the rows, from top to bottom. @param {import("playwright-core").Page} page */
const names = (page) => page.locator(".vt-rows .two-lines > a").evaluateAll((all) => all.map((one) => one.getAttribute("title")));

test("search, filters and sort are in the address, so that a reload and a link show the same", async () => {
  const node = await Node.start("asked");
  await node.put("mac/Small.pkg", "1", "?tag=prod&version=1.0");
  await node.put("mac/Large.pkg", "1".repeat(5000), "?tag=prod");
  await node.put("mac/Image.dmg", "1".repeat(300), "?tag=prod");
  await node.put("win/Small.msi", "1".repeat(20));
  const { page } = await visitor();
  await signIn(page, node, "packages");
  await page.getByText("4 in the catalog").waitFor();
  await page.locator(".vt-row .tag", { hasText: "prod" }).first().click();
  await until("the tag filters", async () => (await names(page)).length === 3);
  await page.getByLabel("Kind").selectOption("pkg");
  await page.getByRole("button", { name: "Size" }).click();
  await until("only packages of that kind", async () => (await names(page)).length === 2);
  await page.locator(".search.filter input").fill("mac");
  await until("all is in the address", () => ["tag=prod", "kind=pkg", "sort=", "q=mac"].every((part) => page.url().includes(part)));
  await until("they are there", async () => (await names(page)).length === 2);
  const before = await names(page);
  await page.reload();
  await until("the same is shown", async () => JSON.stringify(await names(page)) === JSON.stringify(before));
  await page.getByRole("button", { name: "Size" }).click();
  await until("the other way round", async () => JSON.stringify(await names(page)) === JSON.stringify([...before].reverse()));
  await page.locator(".vt-rows .badge", { hasText: "On this node" }).first().waitFor();
});

test("a package's link, digests, bytes and earlier revisions are at hand, and where it is with the reason", async () => {
  const node = await Node.start("at-hand");
  await node.put("apps/x.pkg", "one", "?version=1&title=Ex");
  await node.put("apps/x.pkg", "two, longer", "?version=2");
  const { page, context } = await visitor({ acceptDownloads: true, permissions: ["clipboard-read", "clipboard-write"] });
  await signIn(page, node, "packages");
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await page.locator(".vt-rows").getByRole("button", { name: "Copy link" }).first().click();
  await page.locator(".toast", { hasText: "Link copied" }).first().waitFor();
  assert.equal(await clipboard(), `${node.url}/Packages/apps/x.pkg`);

  await page.goto(`${node.url}/ui/packages/apps/x.pkg`);
  await page.getByRole("button", { name: "Copy sha-256" }).click();
  const { sha256, blob } = await node.api("GET", "/packages/apps/x.pkg");
  await until("the digest is copied", async () => (await clipboard()) === sha256);
  await page.getByText(blob).first().waitFor();
  assert.ok((await page.locator(".qr-block svg path").getAttribute("d"))?.length, "a QR code of the link");
  const fetched = async (/** @type {import("playwright-core").Locator} */ link) => {
    const [download] = await Promise.all([page.waitForEvent("download"), link.click()]);
    return readFileSync(await download.path());
  };
  const now = await fetched(page.locator(".page-head a.button", { hasText: "Download" }));
  assert.equal(createHash("sha256").update(now).digest("hex"), sha256);
  const revisions = page.locator("ods-revisions tbody tr");
  assert.equal(await revisions.count(), 2);
  assert.equal((await fetched(revisions.nth(1).locator("a[download]"))).toString(), "one");
  assert.match(String(await revisions.nth(1).textContent()), /admin\.token.*at-hand/s, "who, and on which node");
  const here = page.locator("ods-replicas tbody tr");
  assert.match(String(await here.textContent()), /at-hand.*Stored.*verified/s, "state and reason");

  await page.locator(".page-head [data-operation=remove_package]").click();
  const asks = page.locator("dialog .touched");
  await asks.getByText(`${node.url}/Packages/apps/x.pkg`).waitFor();
  await asks.getByText("1 node that has it now will stop serving it: at-hand").waitFor();
  await asks.getByText("Its history of 2 revisions stays").waitFor();
  await page.keyboard.press("Escape");
  assert.equal((await node.api("GET", "/packages")).items.length, 1);
  await context.close();
});

test("a package's link is copied from its row on a phone, too, beside a name that can be read", async () => {
  const node = await Node.start("pocket");
  await node.put("apps/A-package-with-a-long-name-1.2.3.pkg", "one");
  const { page, context } = await visitor({ viewport: PHONE, hasTouch: true, permissions: ["clipboard-read", "clipboard-write"] });
  await signIn(page, node, "packages");
  await page.locator(".vt-rows").getByRole("button", { name: "Copy link" }).tap();
  await until("it is copied", async () => (await page.evaluate(() => navigator.clipboard.readText())) === `${node.url}/Packages/apps/A-package-with-a-long-name-1.2.3.pkg`);
  await page.locator(".vt-rows .vt-row").first().waitFor();
  for (const [width, least] of /** @type {const} */ ([[PHONE.width, 100], [320, 80]])) {
    await page.setViewportSize({ width, height: 640 });
    const box = await page.locator(".vt-rows .two-lines > a").boundingBox();
    assert.ok(box && box.width >= least, `${box?.width} px for the name in a window of ${width}`);
    const endings = await page.locator(".vt-rows .two-lines > *").evaluateAll((lines) => lines.map((line) => {
      const end = /** @type {Element} */ (line.querySelector(":scope > span:not(.clip)") ?? line);
      return end.textContent?.endsWith(".pkg") && end.scrollWidth <= end.clientWidth && end.getBoundingClientRect().right <= line.getBoundingClientRect().right + 0.5;
    }));
    assert.deepEqual(endings, [true, true], "what kind of file it is can be read");
    await picture(page, `packages-${width}`);
  }
  await context.close();
});
