/** The texts of the menu of who is signed in. */

export const account = {
  signOut: 'Sign out',
  is: (/** @type {string} */ kind, /** @type {string} */ scope) => `${kind} · may ${scope === 'admin' ? 'administer' : scope}`,
};
