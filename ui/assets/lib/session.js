/** Who is signed in, and what they may do. */

import { call } from './api.js';
import { live } from './live.js';
import { OPERATIONS } from './operations.js';
import { Problem } from './problem.js';
import { sessionRenewed } from './session-gate.js';
import { text } from './strings.js';

/** @typedef {import('./types.js').Identity} Identity */
/** @typedef {import('./types.js').Scope} Scope */

const RANK = { none: 0, read: 1, publish: 2, admin: 3 };

class SessionState extends EventTarget {
  /** @type {Identity | null} null until known, and when nobody is signed in */
  identity = null;

  /**
   * Asks who is signed in. Where this browser remembers nobody, the live stream is asked first: a refusal there is not an error
   * on the page's console, as it would be here.
   */
  async load() {
    if (!wasSignedIn() && !(await live.isLetIn())) return this.#be(null);
    try {
      this.#be(await call('show_session', { anonymous: true, background: true }));
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401) throw error;
      this.#be(null);
    }
    return undefined;
  }

  /**
   * Signs in. What waited for it goes on, unless somebody else comes in the place of the one before (or the same one with other
   * rights): then the page begins anew. Nothing that the one before read is shown, and nothing of theirs is sent, in another's name.
   *
   * @param {import('./types.js').SignInRequest} request
   */
  async signIn(request) {
    const before = this.identity;
    const now = await call('sign_in', { body: request, anonymous: true });
    if (before && !isSame(before, now)) return location.reload();
    this.#be(now);
    sessionRenewed();
    return undefined;
  }

  /** Goes on if the same person is signed in again: in another tab. */
  async again() {
    const found = await call('show_session', { anonymous: true, background: true }).catch(() => null);
    if (!found || !this.identity || !isSame(found, this.identity)) return;
    this.#be(found);
    sessionRenewed();
  }

  /**
   * Why the one who is signed in can't call an operation; null if they can. For `disabled` and `title` of a control.
   *
   * @param {import('./types.js').OperationId} operation
   * @returns {string | null}
   */
  refusal(operation) {
    const needed = /** @type {Scope} */ (OPERATIONS[operation].scope);
    const scope = /** @type {Scope} */ (this.identity?.scope ?? 'none');
    if ((RANK[scope] ?? 0) < RANK[needed]) return text.scope.needs(needed, scope);
    return this.#more(operation);
  }

  /** @type {(operation: import('./types.js').OperationId) => string | null} */
  #more = () => null;

  /** What else keeps anybody here from calling an operation. @param {(operation: import('./types.js').OperationId) => string | null} more */
  alsoAsk(more) {
    this.#more = more;
  }

  /** @param {Identity | null} identity */
  #be(identity) {
    this.identity = identity;
    rememberSignedIn(identity !== null);
    this.dispatchEvent(new Event('change'));
  }
}

/** Whether they are the same person with the same rights. @param {Identity} one @param {Identity} other */
const isSame = (one, other) => one.kind === other.kind && one.name === other.name && one.scope === other.scope && one.prefixes.join('\n') === other.prefixes.join('\n');

const KEY = 'ods.signed-in';
/** Where this browser's tabs learn that somebody signed out (`sign-out.js`). */
export const OUT_KEY = 'ods.signed-out';

/** Whether somebody was signed in here when the page was left; the cookie itself can't be seen. */
function wasSignedIn() {
  try {
    return localStorage.getItem(KEY) !== null;
  } catch {
    return true;
  }
}

/** @param {boolean} is */
export function rememberSignedIn(is) {
  try {
    if (is) localStorage.setItem(KEY, 'yes');
    else localStorage.removeItem(KEY);
  } catch {
    // A browser that keeps nothing asks each time.
  }
}

/** In another tab somebody signed out: what they could see isn't shown here either. */
addEventListener('storage', ({ key }) => key === OUT_KEY && location.assign('/ui/'));

/** The session of this page. */
export const session = new SessionState();
