/** The element of a route, made when its module is here. Tag names come from `routes.js`, never from the address. */

import { html } from '../vendor/lit.js';
import { live } from '../lib/live.js';
import { Problem } from '../lib/problem.js';
import { ROOT } from '../lib/router.js';
import { ROUTES } from '../lib/routes.js';
import { text } from '../lib/strings.js';
import { asset } from '../lib/trusted.js';
import { icon } from './icon.js';
import { emptyState, problemBox, waiting } from './parts.js';

/** @typedef {import('../lib/routes.js').Route} Route */

/** The node runs another version now, which has other files: only a reload helps. */
const UPDATED = 'updated';

/** Whether the node's page is another one by now than this. */
async function isUpdated() {
  const index = await fetch(ROOT, { cache: 'no-store' }).then((answer) => (answer.ok ? answer.text() : null)).catch(() => null);
  const [base] = new URL(import.meta.url).pathname.split('/elements/');
  return index !== null && base !== undefined && !index.includes(base);
}

/** A page whose module couldn't be had while the node was away is had when it is back. */
live.addEventListener('state', () => live.state === 'live' && again());
addEventListener('online', () => again());

function again() {
  for (const [tag, page] of pages) {
    const route = ROUTES.find((one) => one.tag === tag);
    if (page instanceof Problem && route) void load(route);
  }
}

/** @type {Map<string, HTMLElement | Problem | typeof UPDATED | null>} null: it is being loaded */
const pages = new Map();

/** @param {Route | null} route */
export function pageElement(route) {
  if (!route) return emptyState({ icon: 'circle-help', title: text.nav.nowhere, body: html`<a href="/ui/">${text.nav.home}</a>` });
  const page = pages.get(route.tag);
  if (page === undefined) void load(route);
  if (!page) return waiting();
  if (page === UPDATED) return updated();
  return page instanceof HTMLElement ? page : problemBox(page, () => void load(route));
}

function updated() {
  return html`<div class="notice warn" role="alert">${icon('refresh-cw')}<span>${text.update.title}</span><button class="small primary" @click=${() => location.reload()}>${text.update.reload}</button></div>`;
}

/** @type {Promise<unknown> | null} */
let sheet = null;

/** The looks of what most pages have and the first one hasn't: once, and again if the node was away. */
function adminSheet() {
  sheet ??= new Promise((resolve, reject) => {
    const link = Object.assign(document.createElement('link'), { rel: 'stylesheet', href: asset('admin.css'), onload: resolve });
    link.onerror = () => {
      sheet = null;
      link.remove();
      reject(new TypeError('admin.css'));
    };
    document.head.append(link);
  });
  return sheet;
}

/** @param {Route} route */
async function load({ tag, load: run, plain }) {
  pages.set(tag, null);
  try {
    await Promise.all([run(), plain ? null : adminSheet()]);
    pages.set(tag, document.createElement(tag));
  } catch (error) {
    pages.set(tag, (await isUpdated()) ? UPDATED : Problem.unreachable(error));
  }
  dispatchEvent(new Event('ods-page-loaded'));
}
