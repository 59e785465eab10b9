/**
 * Where in the page one is: the address below `/ui/`. State that somebody may want to keep, send or come back to (a search, a
 * sort, an open package) is in the address and nowhere else.
 */

import { encodePath } from './api.js';
import { ROUTES } from './routes.js';

/** @typedef {import('./routes.js').Route} Route */
/** @typedef {{ route: Route | null, params: Record<string, string>, query: URLSearchParams, path: string }} Place */

/** Where the page is mounted. */
export const ROOT = '/ui/';

class Router extends EventTarget {
  /** @type {Place} */
  place = parse(new URL(location.href));

  /** Begins to listen to the browser. */
  start() {
    addEventListener('popstate', () => this.#arrive());
    document.addEventListener('click', (event) => this.#clicked(event));
  }

  /**
   * Goes to a place of the page: `/ui/…`.
   *
   * @param {string} url
   * @param {{ replace?: boolean }} [options] replace: not a step that "back" returns to
   */
  go(url, { replace = false } = {}) {
    if (replace) history.replaceState(null, '', url);
    else history.pushState(null, '', url);
    this.#arrive();
  }

  /**
   * Changes the query of the present address; null removes. A filter that is typed replaces, so that "back" leaves the page.
   *
   * @param {Record<string, string | null>} changes
   * @param {{ replace?: boolean }} [options]
   */
  setQuery(changes, { replace = true } = {}) {
    const url = new URL(location.href);
    for (const [name, value] of Object.entries(changes)) {
      if (value === null || value === '') url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    }
    this.go(url.pathname + url.search, { replace });
  }

  #arrive() {
    this.place = parse(new URL(location.href));
    this.dispatchEvent(new Event('change'));
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.composedPath().find((node) => node instanceof HTMLAnchorElement);
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download')) return;
    if (link.origin !== location.origin || !link.pathname.startsWith(ROOT)) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}

/**
 * @param {URL} url
 * @returns {Place}
 */
function parse(url) {
  const path = url.pathname.startsWith(ROOT) ? url.pathname.slice(ROOT.length) : '';
  for (const route of ROUTES) {
    const params = match(route.path, path);
    if (params) return { route, params, query: url.searchParams, path };
  }
  return { route: null, params: {}, query: url.searchParams, path };
}

/**
 * `packages` is itself; `packages/*` is all below it, as `params.rest`, decoded.
 *
 * @param {string} pattern
 * @param {string} path
 * @returns {Record<string, string> | null}
 */
function match(pattern, path) {
  if (!pattern.endsWith('/*')) return path.replace(/\/$/, '') === pattern ? {} : null;
  const start = pattern.slice(0, -1);
  if (!path.startsWith(start) || path.length === start.length) return null;
  try {
    return { rest: path.slice(start.length).split('/').map(decodeURIComponent).join('/') };
  } catch {
    return null;
  }
}

/** The router of this page. */
export const router = new Router();

/**
 * The address of a package's page.
 *
 * @param {string} path
 */
export function packageUrl(path) {
  return `${ROOT}packages/${encodePath(path)}`;
}
