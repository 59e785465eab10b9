// What a visit costs: bytes over the wire, first paint; and what drawing a mesh of 50 nodes does.

import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { picture, PICTURES } from "../support/browser.js";
import { figures, frameText, framesOf } from "../support/figures.js";
import { Node } from "../support/node.js";
import { content, visitor } from "../support/scene.js";
import { signIn } from "../support/sign-in.js";
import { until } from "../support/wait.js";

/** What a first visit may take, with room for what the API answers. */
const FIRST_VISIT_MAX = 71_000;
/** What its files may take of that, as they are sent, without headers. */
const FIRST_FILES_MAX = 43_000;

const SOURCES = new URL("../../../ui/assets/", import.meta.url);

const figure = figures("visit");

afterEach(content);

test("the first visit is small and soon", async () => {
  const node = await Node.start("cost");
  const { page, context } = await visitor();
  const network = await context.newCDPSession(page);
  await network.send("Network.enable");
  let bytes = 0;
  let answers = 0;
  network.on("Network.loadingFinished", ({ encodedDataLength }) => {
    bytes += encodedDataLength;
    answers += 1;
  });
  /** @type {Map<string, number>} */
  const lengths = new Map();
  network.on("Network.responseReceived", ({ response: { url, headers } }) => {
    if (url.includes("/ui/")) lengths.set(url, Number(headers["content-length"]));
  });
  await signIn(page, node);
  await page.locator(".tile").first().waitFor();
  await page.waitForLoadState("load");
  // What is read again while one looks isn't the visit's.
  const visit = bytes;
  // A browser tells the page nothing of what its shared worker fetches, which is this and what the page has, too.
  const main = new URL(/** @type {string} */ ([...lengths.keys()].find((url) => url.endsWith("/main.js"))));
  const worker = new URL("lib/live-worker.js", main);
  lengths.set(worker.href, await lengthOf(worker));
  const first = sum([...lengths.values()]);
  figure("first visit to the overview, over the wire (compressed, headers too)", `${kilobytes(visit)} in ${answers} answers`);
  const files = [...lengths].sort(([, a], [, b]) => b - a).map(([url, length]) => `${String(length).padStart(6)} ${url.replace(/^.*\/assets\/\w+\//, "")}\n`);
  writeFileSync(join(PICTURES, "first-visit.txt"), files.join(""));
  figure("of that files", `${kilobytes(first)} in ${lengths.size} files`);
  const all = await everyFile(main);
  figure("every file there is, once somebody has used all pages and dialogs", `${kilobytes(sum(all))} in ${all.length} files`);
  await page.reload();
  await page.locator(".tile").first().waitFor();
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN);
  figure("first paint, files kept", `${paint.toFixed(0)} ms`);
  assert.ok(visit < FIRST_VISIT_MAX, `${visit} bytes`);
  assert.ok(first < FIRST_FILES_MAX, `${first} bytes of files`);
});

/** @param {number[]} numbers */
const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

/** @param {number} bytes */
const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;

/** How many bytes are sent of each file that browsers load, by `main.js`'s address. @param {URL} main */
async function everyFile(main) {
  const names = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) => /\.(js|css|svg|html)$/.test(name));
  return Promise.all(names.map((name) => lengthOf(name === "index.html" ? new URL("/ui/", main) : new URL(name, main))));
}

/** How many bytes are sent of a file. @param {URL} address */
async function lengthOf(address) {
  const answer = await fetch(address, { method: "HEAD", headers: { "accept-encoding": "br" } });
  assert.ok(answer.ok, address.href);
  return Number(answer.headers.get("content-length"));
}

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
  figure("50 nodes in the mesh picture, drawn anew each frame, time between frames", frameText(await framesOf(page, "odsDraw")));
  await picture(page, "mesh-50");
});
