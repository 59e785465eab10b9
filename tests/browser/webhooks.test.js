// A webhook made on the page: test, a failing receiver, sending again.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, afterEach, before, test } from "node:test";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

/** @type {{ type: string, id: string | undefined }[]} */
const received = [];
let answer = 200;
const receiver = createServer((request, response) => {
  let body = "";
  request.on("data", (bytes) => (body += bytes));
  request.on("end", () => {
    received.push({ type: JSON.parse(body).type, id: String(request.headers["webhook-id"]) });
    response.writeHead(answer).end(answer === 200 ? "thanks" : "<b>no</b>");
  });
});

before(async () => {
  receiver.listen(0, "127.0.0.1");
  await once(receiver, "listening");
});
after(() => receiver.close());
afterEach(content);

test("a webhook is made, tested, fails, and what failed is sent again", async () => {
  const node = await Node.start("hooks");
  const { page } = await visitor();
  await signIn(page, node, "webhooks");
  const { port } = /** @type {import("node:net").AddressInfo} */ (receiver.address());
  await page.locator(".page-head [data-operation=create_webhook]").click();
  await page.locator("input[name=url]").fill(`http://127.0.0.1:${port}/hook`);
  await page.locator("input[name=name]").fill("chat");
  await page.locator("input[name=types][value='package.published']").check();
  await page.locator("input[name=private]").check();
  await page.locator("dialog [data-operation=create_webhook]").click();
  await page.locator("dialog .once", { hasText: "whsec_" }).waitFor();
  await page.locator("dialog footer button.primary").click();
  await page.locator("dialog").waitFor({ state: "detached" });
  assert.equal(await page.getByText("whsec_").count(), 0, "the secret is shown once");
  await page.locator(".facts > div", { hasText: "Waiting to be sent" }).filter({ hasText: /nothing|being counted/ }).waitFor();

  await page.locator("[data-operation=test_webhook]").click();
  await until("the test arrives", () => received.some(({ type }) => type === "webhook.test"));
  answer = 500;
  await node.put("told.pkg", "bytes");
  await page.locator(".delivery", { hasText: "500" }).first().waitFor();
  await page.locator(".delivery", { hasText: "package.published" }).locator("[data-operation=show_delivery]").click();
  await page.locator(".delivery-more pre", { hasText: "<b>no</b>" }).first().waitFor();
  await page.getByRole("button", { name: "Skip the failing delivery" }).click();
  await page.locator(".delivery", { hasText: "Skipped" }).waitFor();
  answer = 200;
  const before = received.length;
  await page.locator(".delivery", { hasText: "package.published" }).locator("[data-operation=redeliver]").click();
  await until("it is sent again", () => received.length > before && received.at(-1)?.type === "package.published");
  const ids = received.filter(({ type }) => type === "package.published").map(({ id }) => id);
  assert.equal(new Set(ids).size, 1, "one record has one id, however often it is sent");
});

test("all that failed since a time are sent again at once", async () => {
  const node = await Node.start("again");
  const { port } = /** @type {import("node:net").AddressInfo} */ (receiver.address());
  answer = 500;
  const { id } = await node.api("POST", "/webhooks", { url: `http://127.0.0.1:${port}/all`, name: "all", types: ["package.published"], paths: [], tags: [], allow_private: true });
  for (const name of ["a", "b"]) await node.put(`${name}.pkg`, name);
  const { page } = await visitor();
  await signIn(page, node, `webhooks/${id}`);
  await page.locator(".delivery", { hasText: "500" }).first().waitFor();
  await page.locator(".facts > div", { hasText: "Waiting to be sent" }).filter({ hasText: "2 deliveries" }).waitFor();
  const skipped = page.locator(".delivery", { hasText: "Skipped" });
  for (const count of [1, 2]) {
    await until("one fails", async () => (await node.api("GET", `/webhooks/${id}`)).failing !== null);
    await page.reload();
    await page.getByRole("button", { name: "Skip the failing delivery" }).click();
    await until(`${count} passed over`, async () => (await skipped.count()) === count);
  }
  answer = 200;
  const before = received.length;
  await page.locator(".page-head .menu summary").click();
  await page.getByRole("menuitem", { name: "Send failed again…" }).click();
  await page.locator("dialog [data-operation=redeliver_since]").click();
  await page.locator(".toast", { hasText: "2 deliveries on the way again" }).waitFor();
  await until("both arrive", () => received.length >= before + 2);
});
