/** Text of the API page. */

export const api = {
  find: 'Find an operation', none: 'No operation has these words', document: 'OpenAPI document', plain: 'Without sign-in', needs: (/** @type {string} */ scope) => (scope === 'none' ? 'needs no token' : `needs “${scope}”`), tryIt: 'Try it', send: 'Send', body: 'Body', answer: (/** @type {number} */ status) => `Answer: ${status}`, empty: 'An empty answer',
  parameters: 'Parameters', where: { path: 'address', query: 'query', header: 'header' }, required: 'required', request: 'Request body', answers: 'Answers', changes: 'This changes the node. Send it?', shape: 'Shape', example: 'Example', notJson: (/** @type {string} */ why) => `The body isn’t JSON: ${why}`, truncated: 'Shown in part', noBody: 'none', stream: 'A stream: follow it on the Events page or with curl -N.',
};
