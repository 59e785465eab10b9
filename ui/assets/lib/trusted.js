/** The page's own Trusted Types policy. It lets through nothing but addresses of this page's own modules. */

const base = new URL('..', import.meta.url);

/** @param {string} url */
function ownModule(url) {
  if (!new URL(url).href.startsWith(base.href)) throw new TypeError(`not a module of this page: ${url}`);
  return url;
}

/** @type {{ createScriptURL(url: string): unknown } | undefined} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('ods', { createScriptURL: ownModule });

/**
 * The address of one of this page's modules, as `Worker` takes it.
 *
 * @param {URL} url
 * @returns {unknown}
 */
export function scriptUrl(url) {
  return policy ? policy.createScriptURL(url.href) : ownModule(url.href);
}

/**
 * The address of a file of the page.
 *
 * @param {string} path below `assets/`
 */
export const asset = (path) => new URL(path, base).href;
