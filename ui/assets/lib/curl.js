/** Calls as lines for a shell. */

import { isRaw, redacted } from './api.js';

/** @typedef {import('./api.js').Call} Call */

/**
 * A call as a line for a shell. The token is a variable, and secrets that were typed are left out.
 *
 * @param {Pick<Call, 'method' | 'url' | 'headers' | 'body'>} made
 */
export function asCurl({ method, url, headers, body }) {
  const words = ['curl', '-H', '"Authorization: Bearer $ODS_TOKEN"'];
  if (method === 'HEAD') words.push('--head');
  else if (method !== 'GET') words.push('-X', method);
  for (const [name, value] of Object.entries(headers)) if (name !== 'accept') words.push('-H', quote(`${name}: ${value}`));
  if (isRaw(body)) words.push('--data-binary', '@FILE');
  else if (body !== undefined) words.push('-d', quote(JSON.stringify(redacted(body))));
  words.push(quote(new URL(url, location.href).href));
  return words.join(' ');
}

/** @param {string} word */
function quote(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
