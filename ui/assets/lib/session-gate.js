/**
 * What happens when a session is over in mid-work: whoever meets the 401 waits here, one dialog opens above the page, and all
 * go on when somebody has signed in. It is its own module so that `api.js` needs nothing that needs `api.js`.
 */

/** @type {Promise<void> | null} */
let renewing = null;
/** @type {(() => void) | null} */
let finish = null;

/** `over` is sent when somebody has to sign in; `renewed` when that was done. */
export const gate = new EventTarget();

/** @type {Promise<unknown>} */
let held = Promise.resolve();

/** Nothing is read in the background until `end` is fulfilled: while somebody signs out it would be refused, and nobody sees it. @param {Promise<unknown>} end */
export function holdReads(end) {
  held = end;
}

/** Waits until reading in the background makes sense. */
export const readsMayGo = () => held;

/** Whether somebody has to sign in. */
export const isOver = () => renewing !== null;

/** Waits until somebody has signed in. */
export function renewSession() {
  renewing ??= new Promise((resolve) => {
    finish = resolve;
    gate.dispatchEvent(new Event('over'));
  });
  return renewing;
}

/** Lets everybody go on who waits. */
export function sessionRenewed() {
  const done = finish;
  renewing = null;
  finish = null;
  done?.();
  gate.dispatchEvent(new Event('renewed'));
}
