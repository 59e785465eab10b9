/** What goes wrong with a call, as a value: a problem of the API (RFC 9457), or that no answer came. */

import { text } from './strings.js';

/** A refused or failed call. Go by `code`; `message` is for people. */
export class Problem extends Error {
  /**
   * @param {number} status 0 if no answer came
   * @param {string} code
   * @param {string} detail
   * @param {Record<string, unknown>} [facts] the other fields, such as `path`, `field`, `expected`
   */
  constructor(status, code, detail, facts = {}) {
    super(detail);
    this.name = 'Problem';
    this.status = status;
    this.code = code;
    this.facts = facts;
  }

  /**
   * What an answer that isn't a success says.
   *
   * @param {Response} response
   */
  static async of(response) {
    const body = await response.json().catch(() => null);
    if (body && typeof body.code === 'string') {
      return new Problem(response.status, body.code, body.detail ?? body.title ?? body.code, body);
    }
    return new Problem(response.status, 'unknown', text.problem.odd(response.status));
  }

  /**
   * No answer came.
   *
   * @param {unknown} error
   */
  static unreachable(error) {
    return new Problem(0, 'unreachable', text.problem.unreachable, { cause: String(error) });
  }

  /** Whether trying the same again may help. */
  get passing() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/**
 * Any thrown value as a problem.
 *
 * @param {unknown} error
 * @returns {Problem}
 */
export function asProblem(error) {
  if (error instanceof Problem) return error;
  console.error(error);
  return new Problem(0, 'internal', error instanceof Error ? error.message : String(error));
}
