/** Text of dialogs that come on any page. */

export const dialogs = {
  leave: 'Throw away what you typed?', leaveAction: 'Throw it away', typeThis: (/** @type {string} */ word) => `Type ${word} to go on`,
};

/** While files are dragged over the page. */
export const dropHere = 'Drop packages to upload';

/** Copy as curl. */
export const curl = {
  line: 'Command', did: 'Done', read: 'Shown',
  body: 'What this page did last, newest first, as commands. Set ODS_TOKEN to a token with the scope it needs; secrets you typed are left out.',
};
