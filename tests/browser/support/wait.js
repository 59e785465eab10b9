// Waiting for a condition, with a deadline; never for a time.

/** Generous: the machine may be busy with other things. */
const WITHIN_MS = 60_000;
const PAUSE_MS = 50;

/** @param {number} ms */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * @template T
 * @param {string} what for the message
 * @param {() => T | Promise<T>} condition
 * @param {number} [withinMs]
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, condition, withinMs = WITHIN_MS) {
  const end = Date.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await pause(PAUSE_MS);
  }
}
