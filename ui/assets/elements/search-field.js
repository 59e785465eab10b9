/** The field that filters what a page lists: what is typed is in the address as `q`. */

import { html } from '../vendor/lit.js';
import { router } from '../lib/router.js';

/** What is asked for now. */
export const asked = () => router.place.query.get('q') ?? '';

/** @param {string} label */
export const searchField = (label) => html`<input type="search" aria-label=${label} placeholder=${label} .value=${asked()}
  @input=${(/** @type {Event} */ event) => router.setQuery({ q: /** @type {HTMLInputElement} */ (event.target).value })}>`;

/** Whether a text has every word that was asked for. @param {string} text */
export function hasAsked(text) {
  const words = asked().toLowerCase().split(/\s+/);
  return words.every((word) => text.toLowerCase().includes(word));
}
