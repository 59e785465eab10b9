/** Signing out, in all tabs of this browser. */

import { call } from './api.js';
import { OUT_KEY, rememberSignedIn } from './session.js';
import { holdReads } from './session-gate.js';

/** Signs out, and begins anew: nothing of what the one before saw is kept. */
export async function signOut() {
  const out = call('sign_out', { anonymous: true });
  // For good, unless that fails.
  holdReads(out.then(() => new Promise(() => undefined), () => undefined));
  await out;
  rememberSignedIn(false);
  tellOtherTabs();
  location.assign('/ui/');
}

function tellOtherTabs() {
  try {
    localStorage.setItem(OUT_KEY, String(Date.now()));
  } catch {
    // A browser that keeps nothing has no other tabs that could be told so.
  }
}
