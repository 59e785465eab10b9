// Many events: the page stays quick while 10,000 come within a minute, and an hour of a busy node leaves its memory as it was.

import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { afterEach, test } from "node:test";
import { figures, frameText, framesTaken, heap, watchFrames } from "../support/figures.js";
import { Node } from "../support/node.js";
import { content, visitor } from "../support/scene.js";
import { signIn } from "../support/sign-in.js";

/** Each package published is told three times: published, stored, replicated. */
const A_PACKAGE = 3;
const A_MINUTE = 10_000;
/** Ten a second, for an hour. */
const AN_HOUR = 36_000;
const AT_ONCE = 32;
/** How long a press may wait for its answer in the picture while events pour in, with some room for a busy machine. */
const PRESS_MAX_MS = 3000;

const figure = figures("events");

afterEach(content);

/** Publishes packages until so many events were told. Gives how many seconds that took. @param {Node} node @param {string} name @param {number} events */
async function happen(node, name, events) {
  const { package: first } = await node.put(`${name}/first.pkg`, "bytes");
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  const headers = { authorization: `Bearer ${node.token}`, "content-length": "0" };
  const publish = (/** @type {string} */ path) => new Promise((resolve, reject) => {
    const sent = request(`${node.url}/api/v1/packages/${path}?from=${first.revision}`, { method: "PUT", agent, headers }, (answer) => answer.resume().on("end", () => resolve(answer.statusCode)));
    sent.on("error", reject).end();
  });
  const began = Date.now();
  let left = Math.ceil(events / A_PACKAGE);
  const author = async () => {
    while (left > 0) await publish(`${name}%2F${left--}.pkg`);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, author));
  await publish(`${name}%2Flast.pkg`);
  agent.destroy();
  return (Date.now() - began) / 1000;
}

/** How many events the journal tells behind a place. @param {Node} node @param {number} after */
async function told(node, after) {
  let count = 0;
  let cursor = /** @type {string | null} */ (String(after));
  while (cursor !== null) {
    const page = await node.api("GET", `/events?type=package.*&after=${cursor}&limit=1000`);
    count += page.items.length;
    cursor = page.next;
  }
  return count;
}

test("10,000 events within a minute leave the page quick, and none is missing at its end", async () => {
  const node = await Node.start("minute");
  const { page } = await visitor();
  await signIn(page, node, "events");
  await page.locator(".event").first().waitFor();
  const { log } = await node.api("GET", "/node");
  await watchFrames(page);
  const pouring = happen(node, "minute", A_MINUTE);
  /** @type {number[]} */
  const presses = [];
  const follow = page.locator("[data-operation=follow_events]");
  while (presses.length < 10) {
    const began = Date.now();
    const pressed = await follow.getAttribute("aria-pressed");
    await follow.click();
    await page.locator(`[data-operation=follow_events][aria-pressed=${pressed === "true" ? "false" : "true"}]`).waitFor();
    presses.push(Date.now() - began);
  }
  const seconds = await pouring;
  await page.locator(".event", { hasText: "minute/last.pkg" }).first().waitFor();
  const took = await framesTaken(page);
  const events = await told(node, log.head);
  figure(`${events.toLocaleString("en")} events in ${seconds.toFixed(0)} s, followed live: time between frames`, frameText(took));
  figure("a press of a button meanwhile, worst of ten", `${Math.max(...presses)} ms`);
  assert.ok(events >= A_MINUTE && seconds < 60, `${events} events in ${seconds} s`);
  assert.ok(Math.max(...presses) < PRESS_MAX_MS, `${presses} ms`);
  assert.equal(await page.locator(".gap").count(), 0);
});

test("an hour of a busy node leaves the memory as it was", async () => {
  const node = await Node.start("hour");
  const { page } = await visitor();
  await signIn(page, node, "events");
  await page.locator(".event").first().waitFor();
  const shown = (/** @type {string} */ name) => page.locator(".event", { hasText: `${name}/last.pkg` }).first().waitFor();
  await happen(node, "warm", A_MINUTE / 2);
  await shown("warm");
  const before = await heap(page);
  const elements = await page.evaluate(() => document.querySelectorAll("*").length);
  const { log } = await node.api("GET", "/node");
  await happen(node, "hour", AN_HOUR);
  await shown("hour");
  const later = await heap(page);
  const events = await told(node, log.head);
  figure(`memory before and after the ${events.toLocaleString("en")} events of a busy hour`, `${before.toFixed(1)} MB, ${later.toFixed(1)} MB`);
  assert.ok(events >= AN_HOUR, `${events} events`);
  assert.ok(later < before + 2, `${before} → ${later} MB`);
  assert.ok((await page.evaluate(() => document.querySelectorAll("*").length)) < elements + 100, "the page doesn't grow");
});
