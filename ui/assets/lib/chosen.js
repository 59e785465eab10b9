/** The packages that somebody chose in the list, with what is done to them later: their revisions as they were seen, and links. */

import { asProblem } from './problem.js';

/** @typedef {import('./types.js').Package} Package */

/** So many are chosen at once; what is done to them is done a few hundred a call. */
export const CHOSEN_MAX = 100_000;

export class Chosen extends EventTarget {
  /** @type {Map<string, { revision: string, url: string }>} */
  #packages = new Map();
  /** Whether everything that matches is being read. */
  reading = false;
  /** Whether everything that matched is chosen. */
  all = false;
  /** Whether there was more than can be chosen at once. */
  cut = false;
  /** @type {import('./problem.js').Problem | null} */
  problem = null;
  #run = 0;

  get size() {
    return this.#packages.size;
  }

  /** @param {string} path */
  has(path) {
    return this.#packages.has(path);
  }

  /** Path → revision. */
  get revisions() {
    return new Map([...this.#packages].map(([path, { revision }]) => [path, revision]));
  }

  /** Where machines fetch them from. */
  get links() {
    return [...this.#packages.values()].map(({ url }) => new URL(url, location.origin).href);
  }

  /** @param {readonly (Package | undefined)[]} packages @param {boolean} on */
  put(packages, on) {
    this.#run += 1;
    Object.assign(this, { reading: false, all: false });
    this.#take(packages, on);
    this.#changed();
  }

  /** @param {readonly (Package | undefined)[]} packages @param {boolean} on */
  #take(packages, on) {
    for (const one of packages) {
      if (one && on && this.#packages.size < CHOSEN_MAX) this.#packages.set(one.path, { revision: one.revision, url: one.url });
      else if (one && !on) this.#packages.delete(one.path);
    }
  }

  /** Chooses everything that matches, page by page, until it is told otherwise. @param {import('./package-rows.js').PackageRows} rows */
  async everything(rows) {
    this.clear();
    const run = this.#run;
    this.reading = true;
    this.#changed();
    try {
      await rows.all((page) => {
        if (run !== this.#run) return false;
        this.cut = this.#packages.size + page.length > CHOSEN_MAX;
        this.#take(page, true);
        this.#changed();
        return !this.cut;
      });
      if (run === this.#run) this.all = !this.cut;
    } catch (error) {
      if (run === this.#run) this.problem = asProblem(error);
    }
    if (run === this.#run) this.reading = false;
    this.#changed();
  }

  clear() {
    this.#run += 1;
    this.#packages = new Map();
    Object.assign(this, { reading: false, all: false, cut: false, problem: null });
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
