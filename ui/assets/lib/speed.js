/** How fast something grows, and when it is done at that rate: over the last seconds, so that it neither jumps nor lags. */

const WINDOW_MS = 8000;

export class Speed {
  /** @type {{ at: number, bytes: number }[]} */
  #samples = [];

  /**
   * @param {number} bytes
   * @param {number} [now]
   */
  at(bytes, now = performance.now()) {
    this.#samples.push({ at: now, bytes });
    this.#samples = this.#samples.filter((sample) => now - sample.at <= WINDOW_MS).slice(-100);
  }

  /** Bytes a second; null until it can be told. */
  get rate() {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (!first || !last || last.at - first.at < 200) return null;
    return ((last.bytes - first.bytes) * 1000) / (last.at - first.at);
  }

  /** @param {number} left bytes that are left */
  seconds(left) {
    const { rate } = this;
    return rate ? left / rate : null;
  }
}
