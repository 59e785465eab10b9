// From a fresh start to the first package on the second node, only with the page.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { picture } from "./support/browser.js";
import { upload } from "./support/drop.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { until } from "./support/wait.js";

afterEach(content);

/** Makes the first admin by the one-time link and names the node. @param {import("playwright-core").Page} page @param {Node} node @param {string} name */
async function begin(page, node, name) {
  await page.goto(`${node.url}/ui/#setup=${node.setUp}`);
  await page.locator("input[name=name]").fill("ada");
  await page.locator("input[name=password]").fill("correct horse battery");
  await page.locator("input[name=repeat]").fill("correct horse battery");
  await page.locator("button[data-operation=sign_in]").click();
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
