// A browser whose pages are watched: whatever the console, the policy or a script complains of fails the test.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";

const CHROMIUM = process.env.ODS_CHROMIUM ?? "/usr/bin/chromium";

/** Where pictures of the pages go. */
export const PICTURES = process.env.ODS_PICTURES ?? new URL("../../../target/page", import.meta.url).pathname;
mkdirSync(PICTURES, { recursive: true });

export const WIDE = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };

/** @typedef {{ page: import("playwright-core").Page, complaints: string[], context: import("playwright-core").BrowserContext }} Watched */

/** Starts a browser; it has no sandbox where it runs as root, which it refuses otherwise. */
export function launch() {
  const args = ["--enable-precise-memory-info", "--js-flags=--expose-gc", "--host-resolver-rules=MAP ods.test 127.0.0.1"];
  if (process.getuid?.() === 0) args.push("--no-sandbox");
  return chromium.launch({ executablePath: CHROMIUM, args });
}

/**
 * A page that is watched.
 * @param {import("playwright-core").Browser} browser
 * @param {import("playwright-core").BrowserContextOptions} [options]
 * @returns {Promise<Watched>}
 */
export async function open(browser, options = {}) {
  const context = await browser.newContext({ viewport: WIDE, locale: "en-US", timezoneId: "UTC", reducedMotion: "reduce", ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  /** @type {string[]} */
  const complaints = [];
  await page.exposeFunction("odsComplain", (/** @type {string} */ text) => complaints.push(text));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      const { violatedDirective, blockedURI, sourceFile, lineNumber, sample } = event;
      /** @type {any} */ (window).odsComplain(`policy: ${violatedDirective} ${blockedURI} ${sourceFile}:${lineNumber} ${sample}`);
    });
  });
  page.on("pageerror", (error) => complaints.push(`script: ${error.stack ?? error}`));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(`console: ${message.text()} (${message.location().url})`);
  });
  return { page, complaints, context };
}

/**
 * Takes out complaints that a scenario is about (a refused sign-in logs a 401): what matches `expected`.
 * @param {string[]} complaints @param {RegExp} expected
 */
export function forgive(complaints, expected) {
  complaints.splice(0, complaints.length, ...complaints.filter((text) => !expected.test(text)));
}

/** A picture of what is to be seen, icons too: a sprite comes by itself. @param {import("playwright-core").Page} page @param {string} name */
export async function picture(page, name) {
  await page.waitForFunction(() => [...document.querySelectorAll("use")].every((use) => !use.checkVisibility() || use.getBBox().width > 0));
  await page.screenshot({ path: join(PICTURES, `${name}.png`), animations: "disabled" });
}
