/** Text of the page of people, tokens, sessions and the audit. */

export const people = {
  users: 'People', tokens: 'Tokens', sessions: 'Sessions', audit: 'Audit', tabs: 'Sections',
  addUser: 'Add a person', addToken: 'New token', link: 'Set-up link', password: 'Change my password',
  userColumns: ['Name', 'Rights', 'Paths', 'Last sign-in', 'State'], tokenColumns: ['Name', 'Rights', 'Paths', 'Made', 'Expires', 'Last used'],
  sessionColumns: ['Who', 'Rights', 'From', 'Browser', 'Since', 'Last used', 'Ends'], auditColumns: ['Time', 'Who', 'From', 'Action', 'Object', 'Change'],
  scopes: { read: 'Read: look and download', publish: 'Publish: also change packages', admin: 'Administer: everything' }, scopeShort: { read: 'Read', publish: 'Publish', admin: 'Administer' }, scope: 'Rights',
  name: 'Name', password_: 'Password', passwordHint: 'At least 10 characters', newPassword: 'New password', newPasswordHint: 'Empty: as it is', present: 'Present password', makeUser: 'Add', userAdded: 'Added', userSaved: 'Saved', editUser: 'Edit',
  disable: 'Suspend', enable: 'Let in again', disabled: 'Suspended', enabled: 'Active', removeUser: 'Remove', removed: 'Removed', you: 'you',
  removeUserBody: (/** @type {string} */ name) => `${name} can no longer sign in, and is signed out everywhere.`, changed: 'Password changed',
  makeToken: 'Make the token', tokenMade: 'Token', tokenHow: 'As a Bearer token, or as the password of Basic authentication.', revoke: 'Revoke', revoked: 'Revoked', noExpiry: 'never', expired: 'expired',
  revokeBody: (/** @type {string} */ name) => `Whatever uses the token ${name} is locked out at once.`, revokeOwnBody: (/** @type {string} */ name) => `${name} is what “ods” commands on the node’s machine get in with: they will need another token. The node makes a new one at a start only if nobody else may administer it.`, noTokens: 'No tokens', end: 'Sign out', ended: 'Signed out', current: 'this browser', noUsers: 'Nobody but tokens so far', linkBody: 'Whoever opens this link in a browser becomes the first admin. Good once, for 24 hours.',
  filters: { who: 'Who', action: 'Action', subject: 'Object', from: 'From address' }, since: 'Since', until: 'Until', filter: 'Search the audit', apply: 'Search', older: 'Earlier', noAudit: 'No entries', expiresAt: 'Expires', details: 'Details', version: 'Version', id: 'Id', created: 'Made',
};
