/** The element of a route, made when its module is here. Tag names come from `routes.js`, never from the address. */

import { html } from '../vendor/lit.js';
import { live } from '../lib/live.js';
import { asProblem, Problem } from '../lib/problem.js';
import { text } from '../lib/strings.js';
import { later } from '../lib/update.js';
import { emptyState, isSaid, problemBox, waiting } from './parts.js';

/** @typedef {import('../lib/routes.js').Route} Route */

/** A page whose module couldn't be had while the node was away is had when it is back. */
live.addEventListener('state', () => live.state === 'live' && again());
addEventListener('online', () => again());

function again() {
  for (const [route, page] of pages) if (page instanceof Problem && !loading.has(route) && pages.delete(route)) void load(route);
}

/** @type {Map<Route, HTMLElement | Problem>} */
const pages = new Map();
/** Which are on their way. @type {Set<Route>} */
const loading = new Set();

/** @param {Route | null} route */
export function pageElement(route) {
  if (!route) return emptyState({ icon: 'circle-help', title: text.nav.nowhere, body: html`<a href="/ui/">${text.nav.home}</a>` });
  const page = pages.get(route);
  if (page === undefined) void load(route);
  if (page instanceof HTMLElement) return page;
  if (!page || isSaid(page)) return waiting();
  return problemBox(page, () => void load(route), loading.has(route));
}

/** @param {Route} route */
async function load(route) {
  // Who presses twice asks once.
  if (loading.has(route)) return;
  loading.add(route);
  dispatchEvent(new Event('ods-page-loads'));
  pages.set(route, await had(route));
  loading.delete(route);
  dispatchEvent(new Event('ods-page-loads'));
}

/** Its element, or why that can't be had. @param {Route} route @returns {Promise<HTMLElement | Problem>} */
async function had(route) {
  const began = Date.now();
  try {
    await later(route.load, { plain: route.plain ?? false });
    return document.createElement(route.tag);
  } catch (error) {
    // The node may be back before it is known that what was asked for meanwhile can't be had.
    return live.state === 'live' && live.since > began ? had(route) : asProblem(error);
  }
}
