// What the page costs: bytes over the wire, first paint, scrolling 100,000 packages, 50 nodes in the picture, an hour of events.
// The figures are printed as a table, and written beside the pictures; bounds catch what would be felt.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { PICTURES, picture } from "./support/browser.js";
import { fill } from "./support/fill.js";
import { Node } from "./support/node.js";
import { content, visitor } from "./support/scene.js";
import { signIn } from "./support/sign-in.js";
import { until } from "./support/wait.js";

const PACKAGES_MAX = 100_000;
/** A debug build on a busy machine doesn't make so many in this time; the figure says how many there were. */
const FILL_MS = Number(process.env.ODS_PAGE_FILL_S ?? 90) * 1000;
const PACKAGES_MIN = 3000;
/** A record a second, for an hour. */
const EVENTS_AN_HOUR = 3600;
const FRAMES = 120;

/** @type {[string, string][]} */
const figures = [];

afterEach(content);
after(() => {
  const table = ["| figure | value |", "|---|---|", ...figures.map(([name, value]) => `| ${name} | ${value} |`), ""].join("\n");
  writeFileSync(join(PICTURES, "figures.md"), table);
  console.log(table);
});

/** Median and worst time between frames while `step` is done before each. @param {import("playwright-core").Page} page @param {string} step */
function frames(page, step) {
  return page.evaluate(([step, count]) => new Promise((resolve) => {
    const act = /** @type {(frame: number) => void} */ (/** @type {any} */ (window)[step]);
    /** @type {number[]} */
    const took = [];
    let last = performance.now();
    const frame = (/** @type {number} */ now) => {
      took.push(now - last);
      last = now;
      if (took.length > count) return resolve(took.slice(1).sort((a, b) => a - b));
      act(took.length);
      return requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }), /** @type {const} */ ([step, FRAMES])).then((took) => {
    const sorted = /** @type {number[]} */ (took);
    return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, p95: sorted[Math.floor(sorted.length * 0.95)] ?? 0, worst: sorted.at(-1) ?? 0 };
  });
}

/** @param {{ median: number, p95: number, worst: number }} took */
const frameText = ({ median, p95, worst }) => `${median.toFixed(1)} ms median, ${p95.toFixed(1)} ms at 95 %, ${worst.toFixed(0)} ms worst`;

/** Memory of the page's objects after collecting, in MB. @param {import("playwright-core").Page} page */
async function heap(page) {
  return page.evaluate(() => {
    /** @type {any} */ (globalThis).gc?.();
    return /** @type {any} */ (performance).memory.usedJSHeapSize / 1e6;
  });
}

test("the first visit is small and soon", async () => {
  const node = await Node.start("cost");
  const { page, context } = await visitor();
  const network = await context.newCDPSession(page);
  await network.send("Network.enable");
  let bytes = 0;
  let files = 0;
  network.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
    files += 1;
  });
  await signIn(page, node);
  await page.locator(".tile").first().waitFor();
  await page.waitForLoadState("load");
  figures.push(["first visit to the overview, over the wire (gzip, headers too)", `${(bytes / 1000).toFixed(0)} kB in ${files} answers`]);
  await page.reload();
  await page.locator(".tile").first().waitFor();
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN);
  figures.push(["first paint, files kept", `${paint.toFixed(0)} ms`]);
  assert.ok(bytes < 400_000, `${bytes} bytes`);
});

test("a catalog of many packages scrolls smoothly", async () => {
  const node = await Node.start("many");
  const packages = await fill(node, PACKAGES_MAX, (index) => `apps/${String(index % 500).padStart(3, "0")}/package-${String(index).padStart(6, "0")}.pkg`, FILL_MS);
  assert.ok(packages >= PACKAGES_MIN, `only ${packages} packages`);
  const { page } = await visitor();
  await signIn(page, node, "packages");
  await page.getByText("package-000000.pkg").first().waitFor();
  await page.evaluate(() => {
    const box = [...document.querySelectorAll("main *")].find((one) => one.scrollHeight > one.clientHeight + 1000 && getComputedStyle(one).overflowY !== "visible");
    if (!(box instanceof HTMLElement)) throw new Error("nothing scrolls");
    Object.assign(window, { odsScroll: () => (box.scrollTop += 120), odsJump: (/** @type {number} */ frame) => (box.scrollTop = (frame * 7919 * 48) % box.scrollHeight), odsBox: box });
  });
  const steady = await frames(page, "odsScroll");
  const jumps = await frames(page, "odsJump");
  const rows = await page.evaluate(() => document.querySelectorAll("main *").length);
  figures.push([`scrolling ${packages.toLocaleString("en")} packages, time between frames`, frameText(steady)], ["jumping in them", frameText(jumps)], ["elements on the page meanwhile", String(rows)]);
  assert.ok(rows < 3000, `${rows} elements`);
  await page.evaluate(() => (/** @type {any} */ (window).odsBox.scrollTop = 1e9));
  const last = `package-${String(packages - 1).padStart(6, "0")}.pkg`;
  await until("the end is shown", async () => (await page.getByText(/package-\d+\.pkg/).count()) > 0);
  await page.locator("main input[type=search]").first().fill(last);
  await page.getByText(last).first().waitFor();
  await picture(page, "many-packages");
});

test("an hour of live events leaves the memory as it is", async () => {
  const node = await Node.start("hour");
  const { package: first } = await node.put("hour/0.pkg", "bytes");
  const { page } = await visitor();
  await signIn(page, node, "events");
  await page.locator(".event").first().waitFor();
  const hour = async (/** @type {string} */ name) => {
    let next = 0;
    const author = async () => {
      while (next < EVENTS_AN_HOUR / 2) await node.api("PUT", `/packages/hour%2F${name}-${next++}.pkg?from=${first.revision}`);
    };
    await Promise.all(Array.from({ length: 32 }, author));
    await page.locator(".event", { hasText: `${name}-${EVENTS_AN_HOUR / 2 - 1}.pkg` }).first().waitFor();
  };
  await hour("warm");
  const before = await heap(page);
  await hour("then");
  const later = await heap(page);
  figures.push([`memory before and after an hour of live events (${EVENTS_AN_HOUR} of them, in a minute)`, `${before.toFixed(1)} MB, ${later.toFixed(1)} MB`]);
  assert.ok(later < before + 15, `${before} → ${later} MB`);
});

test("fifty nodes fit in the picture", async () => {
  const node = await Node.start("fifty");
  const { page } = await visitor();
  await signIn(page, node);
  const { items } = await node.api("GET", "/mesh");
  const [own] = items;
  const id = (/** @type {number} */ index) => (index === 0 ? own.id : index.toString(16).padStart(2, "0").repeat(32));
  const fifty = Array.from({ length: 50 }, (_, index) => ({
    ...own, id: id(index), this: index === 0, name: index === 0 ? own.name : `site-${index}`, state: index % 11 === 5 ? "down" : "up", wants: index % 4, behind: { events: 0, bytes: (index % 4) * 1e9 }, rate_bytes_per_s: index % 4 ? 5e6 : 0,
    links: [0, (index + 1) % 50, (index + 7) % 50].filter((other) => other !== index).map((other) => ({ node: id(other), name: null, state: index % 11 === 5 ? "unreachable" : "connected", rtt_ms: 10, clock_ahead_ms: 0, behind_events: 0 })),
  }));
  // Fifty real nodes would be another test; here it is what drawing them costs.
  await page.route("**/api/v1/mesh*", (route) => route.fulfill({ json: { items: fifty, next: null, total: 50 } }));
  await page.goto(`${node.url}/ui/mesh`);
  await until("all are drawn", async () => (await page.locator(".mesh .node").count()) === 50);
  await page.evaluate(() => Object.assign(window, { odsDraw: () => /** @type {any} */ (document.querySelector("ods-mesh")).requestUpdate() }));
  figures.push(["50 nodes in the mesh picture, drawn anew each frame, time between frames", frameText(await frames(page, "odsDraw"))]);
  await picture(page, "mesh-50");
});
