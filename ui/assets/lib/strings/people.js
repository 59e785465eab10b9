/** Text of the page of people, tokens, sessions and the audit. */

export const people = {
  users: 'People', tokens: 'Tokens', sessions: 'Signed in', audit: 'Audit', tabs: 'Sections',
  addUser: 'Add a person', addToken: 'New token', link: 'Set-up link', password: 'Change my password',
  userColumns: ['Name', 'May', 'Only below', 'Last sign-in', 'State'], tokenColumns: ['Name', 'May', 'Only below', 'Made', 'Expires', 'Last used'],
  sessionColumns: ['Who', 'May', 'From', 'Browser', 'Since', 'Last used', 'Ends'], auditColumns: ['Time', 'Who', 'From', 'What', 'Of', 'Change'],
  scopes: { read: 'Read: look and download', publish: 'Publish: also change packages', admin: 'Administer: everything' }, scopeShort: { read: 'Read', publish: 'Publish', admin: 'Administer' }, scope: 'May',
  name: 'Name', password_: 'Password', passwordHint: 'At least 10 characters', newPassword: 'New password', newPasswordHint: 'Empty: as it is', present: 'Present password', makeUser: 'Add', userAdded: 'Added', userSaved: 'Saved', editUser: 'Edit',
  disable: 'Suspend', enable: 'Let in again', disabled: 'Suspended', enabled: 'Active', removeUser: 'Remove', removed: 'Removed', you: 'you',
  removeUserBody: (/** @type {string} */ name) => `${name} can no longer sign in, and is signed out everywhere.`, changed: 'Password changed',
  makeToken: 'Make the token', tokenMade: 'Token', tokenHow: 'As a Bearer token, or as the password of Basic authentication.', revoke: 'Revoke', revoked: 'Revoked', noExpiry: 'never', expired: 'expired',
  revokeBody: (/** @type {string} */ name) => `Whatever uses the token ${name} is locked out at once.`, noTokens: 'No tokens', end: 'Sign out', ended: 'Signed out', current: 'this browser', noUsers: 'Nobody but tokens so far', linkBody: 'Whoever opens this link in a browser becomes the first admin. Good once, for 24 hours.',
  filters: { who: 'Who', action: 'What', subject: 'Of', from: 'From address' }, since: 'Since', until: 'Until', apply: 'Search', older: 'Earlier', noAudit: 'No entries', expiresAt: 'Expires', details: 'Details', version: 'Version', id: 'Id', created: 'Made',
};
