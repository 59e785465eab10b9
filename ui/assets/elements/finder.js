/** What a search is asked, what it found, and the choice in the list of that: by the field `ods-search`, which shows it. */

import { nothing } from '../vendor/lit.js';
import { asProblem } from '../lib/problem.js';
import { live } from '../lib/live.js';
import { ROOT, router } from '../lib/router.js';
import { found, hitList, known } from './search-hits.js';

const WAIT_MS = 120;

export class Finder {
  /** @type {import('./search-hits.js').Group[]} */
  #groups = [];
  #asked = '';
  #open = false;
  #at = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {AbortController | null} */
  #search = null;
  /** Why the last search couldn't be made. @type {import('../lib/problem.js').Problem | null} */
  #problem = null;

  /** @param {import('./base.js').OdsElement} field shows what is said here, anew whenever it changed */
  constructor(field) {
    this.field = field;
    // What couldn't be asked while the node was away is when it is back.
    field.listen(live, 'state', () => live.state === 'live' && this.#problem && this.#again());
  }

  #again() {
    const open = this.#open;
    this.typed(this.#asked);
    this.show(open);
  }

  get #hits() {
    return this.#groups.flatMap((group) => group.hits);
  }

  /** Whether there is a list to be seen. */
  get isShown() {
    return this.#open && this.#asked !== '';
  }

  /** The id of what is chosen in it, if anything is. */
  get chosen() {
    return this.isShown && this.#hits.length ? `hit-${this.#at}` : nothing;
  }

  /** The list. */
  list() {
    return this.isShown ? hitList({ groups: this.#groups, at: this.#at, searching: this.#search !== null, problem: this.#problem,
      asked: this.#asked, left: () => this.close() }) : nothing;
  }

  /** @param {boolean} open */
  show(open) {
    this.#open = open;
    this.field.requestUpdate();
  }

  close() {
    if (this.#open) this.show(false);
  }

  /** @param {string} text */
  typed(text) {
    this.#asked = text.trim();
    clearTimeout(this.#timer);
    this.#search?.abort();
    this.#search = this.#asked ? new AbortController() : null;
    this.#problem = null;
    this.#groups = known(this.#asked);
    this.#at = 0;
    this.show(true);
    if (this.#asked) this.#timer = setTimeout(() => void this.#ask(this.#asked), WAIT_MS);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const hits = this.#hits;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && hits.length) {
      event.preventDefault();
      this.#at = (this.#at + step + hits.length) % hits.length;
      this.show(true);
      void this.field.updateComplete.then(() => this.field.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' }));
    } else if (event.key === 'Enter') {
      const href = hits[this.#at]?.href ?? `${ROOT}packages?q=${encodeURIComponent(this.#asked)}`;
      if (this.#asked) router.go(href);
      this.#leave(event);
    } else if (event.key === 'Escape') this.#leave(event);
  }

  /** @param {KeyboardEvent} event */
  #leave(event) {
    /** @type {HTMLInputElement} */ (event.target).blur();
    this.close();
  }

  /** @param {string} asked */
  async #ask(asked) {
    const search = this.#search;
    if (!search) return;
    try {
      const groups = await found(asked, search.signal);
      if (search.signal.aborted) return;
      this.#groups = groups;
      this.#at = 0;
    } catch (error) {
      if (search.signal.aborted) return;
      this.#problem = asProblem(error);
    }
    this.#search = null;
    this.field.requestUpdate();
  }
}
