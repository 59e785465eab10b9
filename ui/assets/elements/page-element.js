/** The element of a route, made when its module is here. Tag names come from `routes.js`, never from the address. */

import { html } from '../vendor/lit.js';
import { live } from '../lib/live.js';
import { Problem, asProblem } from '../lib/problem.js';
import { ROUTES } from '../lib/routes.js';
import { text } from '../lib/strings.js';
import { emptyState, problemBox, waiting } from './parts.js';

/** @typedef {import('../lib/routes.js').Route} Route */

/** A page whose module couldn't be had while the node was away is had when it is back. */
live.addEventListener('state', () => {
  if (live.state !== 'live') return;
  for (const [tag, page] of pages) {
    const route = ROUTES.find((one) => one.tag === tag);
    if (page instanceof Problem && route) void load(route);
  }
});

/** @type {Map<string, HTMLElement | import('../lib/problem.js').Problem | null>} null: it is being loaded */
const pages = new Map();

/** @param {Route | null} route */
export function pageElement(route) {
  if (!route) return emptyState({ icon: 'circle-help', title: text.nav.nowhere, body: html`<a href="/ui/">${text.nav.home}</a>` });
  const page = pages.get(route.tag);
  if (page === undefined) void load(route);
  if (!page) return waiting();
  return page instanceof HTMLElement ? page : problemBox(page, () => void load(route));
}

/** @param {Route} route */
async function load({ tag, load: run }) {
  pages.set(tag, null);
  try {
    await run();
    pages.set(tag, document.createElement(tag));
  } catch (error) {
    pages.set(tag, asProblem(error));
  }
  dispatchEvent(new Event('ods-page-loaded'));
}
