// From a fresh start to the first package on the second node, only with the page.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { violations } from "./support/axe.js";
import { PHONE, picture } from "./support/browser.js";
import { upload } from "./support/drop.js";
import { flaws } from "./support/looks.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { sideways } from "./support/sideways.js";
import { until } from "./support/wait.js";

afterEach(content);

/** Makes the first admin. @param {import("playwright-core").Page} page */
async function fillIn(page) {
  await page.locator("input[name=name]").fill("ada");
  await page.locator("input[name=password]").fill("correct horse battery");
  await page.locator("input[name=repeat]").fill("correct horse battery");
  await page.locator("button[data-operation=sign_in]").click();
}

/** Makes the first admin by the one-time link and names the node. @param {import("playwright-core").Page} page @param {Node} node @param {string} name */
async function begin(page, node, name) {
  await page.goto(`${node.url}/ui/#setup=${node.setUp}`);
  await fillIn(page);
  // The form before has a field of that name, too.
  await page.locator("page-welcome input[name=name]").fill(name);
  await page.locator("button[data-operation=edit_node]").click();
}

test("a new user comes from a fresh start to the first package on the second node", async () => {
  const [first, second] = await Promise.all([Node.start("new-1"), Node.start("new-2")]);
  const [{ page }, other] = [await visitor(), await visitor()];
  await begin(page, first, "headquarters");
  await picture(page, "welcome");
  await page.locator("a.choice").first().click();
  await page.locator(".tile").first().waitFor();
  assert.ok(!page.url().includes("setup"), "the secret left the address");

  await page.goto(`${first.url}/ui/mesh`);
  await page.locator(".page-head [data-operation=create_invite]").click();
  await page.locator("dialog [data-operation=create_invite]").click();
  const line = await page.locator("dialog .once code").first().textContent();
  assert.ok(await page.locator("dialog svg.qr path").count(), "the line as a QR code");
  await page.setViewportSize({ width: 1280, height: 800 });
  assert.ok(await page.locator("dialog").evaluate((dialog) => dialog.scrollHeight <= dialog.clientHeight), "all of the invite is in sight");
  await picture(page, "invite");

  await begin(other.page, second, "branch");
  await other.page.locator("textarea[name=invite]").fill(`ods peer join '${line}'`);
  await other.page.locator("[data-operation=join_peer]").click();
  await other.page.locator(".tile").first().waitFor();
  await until("the mesh knows it by its new name", async () => (await first.api("GET", "/mesh")).items.some((/** @type {{ name: string }} */ one) => one.name === "branch"), 20_000);
  await page.getByText("branch used it and is part of the mesh now").waitFor();

  await page.locator("dialog footer button.primary").click();
  await upload(page, { name: "First-1.0.pkg", size: 300_000 });
  await page.locator("[data-state=published]").first().waitFor();
  await page.locator(".steps li.done", { hasText: "on 2 of 2 nodes" }).waitFor();
  await until("the second node has it", async () => (await second.api("GET", "/packages/First-1.0.pkg").catch(() => null))?.state === "stored");
  await other.page.goto(`${second.url}/ui/packages`);
  await other.page.getByText("First-1.0.pkg").first().waitFor();
});

/** @type {[string, import("playwright-core").BrowserContextOptions][]} */
const LOOKS = [["light", { colorScheme: "light" }], ["dark", { colorScheme: "dark" }], ["phone", { colorScheme: "light", viewport: PHONE, hasTouch: true }]];

for (const [look, options] of LOOKS) {
  test(`the steps of a first run, ${look}`, async () => {
    const node = await Node.start("steps");
    const { page } = await visitor(options);
    /** @type {string[]} */
    const found = [];
    const seen = async (/** @type {string} */ name) => {
      await picture(page, `first-run-${name}-${look}`);
      found.push(...(await violations(page)), ...(await sideways(page)), ...(await flaws(page)));
      if (look !== "phone") return;
      await page.setViewportSize({ width: 320, height: 640 });
      await picture(page, `first-run-${name}-small`);
      found.push(...(await sideways(page)), ...(await flaws(page)));
      await page.setViewportSize(PHONE);
    };
    await page.goto(`${node.url}/ui/#setup=${node.setUp}`);
    await page.locator("ods-first-admin form").waitFor();
    await seen("person");
    await fillIn(page);
    await page.locator("page-welcome input[name=name]:focus").waitFor();
    await seen("name");
    await page.locator("button[data-operation=edit_node]").click();
    await page.locator("a.choice:focus").waitFor();
    await seen("mesh");
    assert.deepEqual(found, []);
  });
}

test("two passwords that differ are mended in either field", async () => {
  const node = await Node.start("differ");
  const { page } = await visitor();
  await page.goto(`${node.url}/ui/#setup=${node.setUp}`);
  await page.locator("input[name=name]").fill("ada");
  await page.locator("input[name=password]").fill("corect horse battery");
  await page.locator("input[name=repeat]").fill("correct horse battery");
  await page.locator("button[data-operation=sign_in]").click();
  assert.equal(await page.locator("input[name=repeat]").evaluate((/** @type {HTMLInputElement} */ field) => field.validity.customError), true);
  await page.locator("input[name=password]").fill("correct horse battery");
  await page.locator("button[data-operation=sign_in]").click();
  await page.locator("button[data-operation=edit_node]").waitFor();
});

test("a link that was used says so, and how to get another", async () => {
  const node = await Node.start("spent");
  const { page, complaints } = await visitor();
  await begin(page, node, "spent");
  await page.locator("a.choice").first().waitFor();
  const again = await visitor();
  await again.page.goto(`${node.url}/ui/#setup=${node.setUp}`);
  for (const name of ["name", "password", "repeat"]) await again.page.locator(`input[name=${name}]`).fill("correct horse battery");
  await again.page.locator("button[data-operation=sign_in]").click();
  await again.page.locator("code", { hasText: "ods user link" }).waitFor();
  await again.page.getByRole("link", { name: "Sign in" }).click();
  await again.page.getByLabel("Password or token").waitFor();
  again.complaints.splice(0);
  assert.deepEqual(complaints, []);
});
