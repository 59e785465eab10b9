// Every page in light, dark and on a phone: a picture, nothing for axe to find, nothing in the console.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, before, test } from "node:test";
import { violations } from "./support/axe.js";
import { PHONE, picture } from "./support/browser.js";
import { flaws } from "./support/looks.js";
import { Node } from "./support/node.js";
import { PAGES } from "./support/pages.js";
import { content, visitor } from "./support/scene.js";
import { sideways } from "./support/sideways.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

afterEach(content);

/** @type {Node} */
let node;
/** @type {string} */
let webhook;

before(async () => {
  const [hq, branch, lisbon] = await Promise.all([Node.start("hq", { arguments: ["--config", "{folder}/ods.toml", "--watch", "{folder}/drop"] }), Node.start("branch"), Node.start("lisbon")]);
  node = hq;
  await hq.pair(branch);
  await hq.pair(lisbon, "replica");
  await hq.put("apps/Firefox-142.pkg", Buffer.alloc(400_000, 1), "?version=141&tag=prod&title=Firefox");
  await hq.put("apps/Firefox-142.pkg", Buffer.alloc(450_000, 2), "?version=142");
  await hq.put("tools/Xcode-26.zip", Buffer.alloc(900_000, 3));
  await hq.api("POST", "/users", { name: "ada", password: "correct horse battery", scope: "publish", prefixes: ["apps"] });
  await hq.api("PATCH", "/node", { limits: { down_bytes_per_s: 50_000_000, windows: [{ days: ["mon", "fri"], from: "08:00", to: "18:00", down_bytes_per_s: 5_000_000 }] } });
  ({ id: webhook } = await hq.api("POST", "/webhooks", { url: "http://127.0.0.1:9/", name: "chat", types: ["package.*"], paths: [], tags: [], allow_private: true }));
  // However soon the packages were everywhere, there is a delivery to show.
  await hq.api("POST", `/webhooks/${webhook}/test`);
  await until("all agree", async () => (await branch.api("GET", "/packages")).items.every((/** @type {any} */ one) => one.state === "stored") && (await branch.api("GET", "/packages")).items.length === 2);
});

/** @type {[string, import("playwright-core").BrowserContextOptions][]} */
const LOOKS = [["light", { colorScheme: "light" }], ["dark", { colorScheme: "dark" }], ["phone", { colorScheme: "light", viewport: PHONE, hasTouch: true }]];
const SECTIONS = ["tokens", "sessions", "audit"].map((section) => ({ name: `people-${section}`, at: `people?section=${section}`, ready: "table" }));

for (const [look, options] of LOOKS) {
  test(`every page, ${look}`, async () => {
    const { page } = await visitor(options);
    await page.goto(`${node.url}/ui/`);
    await page.locator("ods-sign-in form").waitFor();
    await picture(page, `sign-in-${look}`);
    const found = (await violations(page)).map((text) => `sign-in: ${text}`);
    await signIn(page, node);
    for (const { name, at, ready } of [...PAGES, ...SECTIONS, { name: "webhook", at: `webhooks/${webhook}`, ready: ".delivery" }]) {
      await page.goto(`${node.url}/ui/${at}`);
      await page.locator(`main ${ready}`).first().waitFor();
      await page.waitForFunction(() => !document.querySelector("main .waiting"));
      await picture(page, `${name}-${look}`);
      found.push(...(await violations(page)).map((text) => `${name}: ${text}`));
      found.push(...[...(await sideways(page)), ...(await flaws(page))].map((text) => `${name}: ${text}`));
      if (look !== "phone") continue;
      await page.setViewportSize({ width: 320, height: 640 });
      found.push(...[...(await sideways(page)), ...(await flaws(page))].map((text) => `${name}, 320 px: ${text}`));
      await picture(page, `${name}-small`);
      await page.setViewportSize(PHONE);
    }
    assert.deepEqual(found, []);
  });
}

test("what opens on a page has nothing for axe to find either", async () => {
  const { page } = await visitor({ viewport: { width: 320, height: 640 } });
  await signIn(page, node, `webhooks/${webhook}`);
  await page.locator("[data-operation=show_delivery]").first().click();
  await page.locator(".delivery-more pre").first().waitFor();
  const found = await violations(page);
  for (const [typed, ready] of [["fire", "[role=option]"], ["nothing like it", "p"]]) {
    await page.getByRole("combobox").first().fill(String(typed));
    await page.locator(`#search-hits ${ready}`).first().waitFor();
    await page.waitForFunction(() => !document.querySelector("#search-hits")?.textContent?.includes("Loading"));
    found.push(...(await violations(page)));
  }
  assert.deepEqual(found, []);
});

test("every operation has its control on the page that the parity map names", async () => {
  /** @type {Record<string, { page: string, control: string, needs?: string }>} */
  const parity = JSON.parse(readFileSync(new URL("../../ui/parity.json", import.meta.url), "utf8"));
  const { page } = await visitor();
  await signIn(page, node);
  /** @type {string[]} */
  const missing = [];
  const places = { "packages/*": "packages/apps/Firefox-142.pkg", "webhooks/*": `webhooks/${webhook}` };
  for (const where of new Set(Object.values(parity).map((place) => place.page))) {
    const at = places[/** @type {keyof typeof places} */ (where)] ?? (where === "everywhere" ? "" : where);
    const wanted = Object.entries(parity).filter(([, place]) => place.page === where && !place.needs);
    const sections = where === "people" ? ["", "?section=tokens", "?section=sessions", "?section=audit"] : [""];
    const seen = new Set();
    for (const section of sections) {
      await page.goto(`${node.url}/ui/${at}${section}`);
      await page.locator("main h1").first().waitFor();
      await page.waitForFunction(() => !document.querySelector("main .waiting"));
      await page.waitForTimeout(300);
      for (const names of await page.locator("[data-operation]").evaluateAll((all) => all.map((one) => one.getAttribute("data-operation")))) for (const name of String(names).split(" ")) seen.add(name);
    }
    missing.push(...wanted.filter(([id]) => !seen.has(id)).map(([id]) => `${where}: ${id}`));
  }
  assert.deepEqual(missing, []);
});
