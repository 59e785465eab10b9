/**
 * The icons of a first visit, and of what is said while the node is away, by their Lucide names: `icons.svg` holds exactly these. The
 * others are in `more-icons.js`; a name that is in neither is a type error.
 */
export const FIRST = /** @type {const} */ ([
  'activity', 'arrow-left-right', 'circle-alert', 'circle-check', 'code-xml', 'folder-sync', 'hard-drive', 'info', 'key-round',
  'menu', 'network', 'package', 'plug', 'refresh-cw', 'scroll-text', 'search', 'settings', 'shield-check', 'sun-moon',
  'terminal', 'trash-2', 'triangle-alert', 'unplug', 'upload', 'user', 'webhook', 'x',
]);

/** @typedef {typeof FIRST[number] | typeof import('./more-icons.js').MORE[number]} IconName */
