// What the tests share: a browser a file, pages that are watched, and at the end no complaint and no process.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { launch, open } from "./browser.js";
import { endNodes } from "./node.js";

/** @type {import("playwright-core").Browser | undefined} */
let browser;
/** @type {import("./browser.js").Watched[]} */
const watched = [];

before(async () => {
  browser = await launch();
});

after(async () => {
  await Promise.allSettled([browser?.close(), endNodes()]);
});

/** A page of a new visitor. @param {import("playwright-core").BrowserContextOptions} [options] */
export async function visitor(options) {
  const seen = await open(/** @type {import("playwright-core").Browser} */ (browser), options);
  watched.push(seen);
  return seen;
}

/** Nothing was complained of; the pages are closed. */
export async function content() {
  for (const { complaints, context } of watched.splice(0)) {
    // An answer that a test was bending at this moment is nobody's any more.
    await Promise.all(context.pages().map((page) => page.unrouteAll({ behavior: "ignoreErrors" })));
    await context.close();
    assert.deepEqual(complaints, []);
  }
}
