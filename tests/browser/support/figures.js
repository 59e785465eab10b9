// Figures that a file of tests measures: printed as a table at its end, and written beside the pictures.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after } from "node:test";
import { PICTURES } from "./browser.js";

const FRAMES = 240;

/** @param {string} name of the file that they are written to */
export function figures(name) {
  /** @type {[string, string][]} */
  const rows = [];
  after(() => {
    const table = ["| figure | value |", "|---|---|", ...rows.map(([what, value]) => `| ${what} | ${value} |`), ""].join("\n");
    writeFileSync(join(PICTURES, `figures-${name}.md`), table);
    console.log(table);
  });
  return (/** @type {string} */ what, /** @type {string} */ value) => void rows.push([what, value]);
}

/** @typedef {{ median: number, p95: number, worst: number }} Frames milliseconds between one frame and the next */

/**
 * Tells the processor time that the page's own thread has taken since, in ms: the same however busy the machine is.
 * @param {import("playwright-core").BrowserContext} context @param {import("playwright-core").Page} page
 */
export async function processorTime(context, page) {
  const session = await context.newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async () => (await session.send("Performance.getMetrics")).metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN;
  const before = await busy();
  return async () => ((await busy()) - before) * 1000;
}

/**
 * Processor time that the page takes for each frame of `framesOf`.
 * @param {import("playwright-core").BrowserContext} context @param {import("playwright-core").Page} page @param {() => Promise<Frames>} run
 */
export async function costOf(context, page, run) {
  const since = await processorTime(context, page);
  const took = await run();
  return { took, costMs: (await since()) / FRAMES };
}

/** Begins to look how long frames take; `framesTaken` ends it. @param {import("playwright-core").Page} page */
export async function watchFrames(page) {
  await page.evaluate(() => {
    /** @type {number[]} */
    const took = [];
    let last = performance.now();
    let on = true;
    const frame = (/** @type {number} */ now) => {
      took.push(now - last);
      last = now;
      if (on) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
    Object.assign(window, { odsFrames: () => ((on = false), took.slice(1)) });
  });
}

/** @param {import("playwright-core").Page} page @returns {Promise<Frames>} */
export async function framesTaken(page) {
  const took = /** @type {number[]} */ (await page.evaluate(() => /** @type {any} */ (window).odsFrames())).sort((a, b) => a - b);
  const at = (/** @type {number} */ share) => took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? NaN;
  return { median: at(0.5), p95: at(0.95), worst: at(1) };
}

/**
 * Begins to look how long it takes from a press to the frame that shows what came of it, as the browser itself times that, and how long
 * the page is busy at a stretch. `pressesTaken` ends it.
 * @param {import("playwright-core").Page} page
 */
export async function watchPresses(page) {
  await page.evaluate(() => {
    /** @type {number[]} */
    const presses = [];
    /** @type {number[]} */
    const tasks = [];
    const watch = (/** @type {PerformanceObserverInit} */ what, /** @type {number[]} */ into, /** @type {(entry: PerformanceEntry) => boolean} */ counts) =>
      new PerformanceObserver((list) => into.push(...list.getEntries().filter(counts).map(({ duration }) => duration))).observe(what);
    watch({ type: "event", durationThreshold: 16 }, presses, ({ name }) => name === "click");
    watch({ type: "longtask" }, tasks, () => true);
    Object.assign(window, { odsPresses: () => ({ press: Math.max(0, ...presses), task: Math.max(0, ...tasks) }) });
  });
}

/** The worst press (0: none took 16 ms) and the longest task (0: none took 50 ms), in ms. @param {import("playwright-core").Page} page @returns {Promise<{ press: number, task: number }>} */
export const pressesTaken = (page) => page.evaluate(() => /** @type {any} */ (window).odsPresses());

/** How long frames take while the function of that name on `window` is called before each. @param {import("playwright-core").Page} page @param {string} step */
export async function framesOf(page, step) {
  await watchFrames(page);
  await page.evaluate(([step, count]) => new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
    let left = count;
    const frame = () => {
      if (left === 0) return resolve();
      /** @type {any} */ (window)[step](count - left);
      left -= 1;
      return requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }), /** @type {const} */ ([step, FRAMES]));
  return framesTaken(page);
}

/** @param {Frames} took */
export const frameText = ({ median, p95, worst }) => `${median.toFixed(1)} ms median, ${p95.toFixed(1)} ms at 95 %, ${worst.toFixed(0)} ms worst`;

/** Memory of the page's objects after collecting, in MB. @param {import("playwright-core").Page} page */
export const heap = (page) => page.evaluate(() => {
  /** @type {any} */ (globalThis).gc?.();
  return /** @type {any} */ (performance).memory.usedJSHeapSize / 1e6;
});
