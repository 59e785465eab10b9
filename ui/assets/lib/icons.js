/**
 * The icons that the page uses, by their Lucide names. `icons.svg` holds exactly these; a name that isn't here is a type error.
 */
export const ICONS = /** @type {const} */ ([
  'activity', 'arrow-down', 'arrow-left', 'arrow-left-right', 'arrow-right', 'arrow-up', 'ban', 'check', 'chevron-down',
  'chevron-right', 'chevron-up', 'circle', 'circle-alert', 'circle-check', 'circle-help', 'circle-x', 'code', 'code-xml',
  'copy', 'disc', 'download', 'ellipsis', 'external-link', 'file', 'file-archive', 'folder', 'folder-sync', 'gauge',
  'hard-drive', 'info', 'key-round', 'layers', 'link', 'lock', 'log-in', 'log-out', 'menu', 'moon', 'network', 'package',
  'pause', 'pencil', 'play', 'plug', 'plus', 'qr-code', 'refresh-cw', 'rotate-cw', 'scroll-text', 'search', 'send', 'server',
  'settings', 'shield-check', 'skip-forward', 'square', 'sun', 'sun-moon', 'tag', 'tags', 'terminal', 'ticket', 'trash-2',
  'triangle-alert', 'undo-2', 'unplug', 'upload', 'user', 'user-plus', 'users', 'webhook', 'x', 'zap',
]);

/** @typedef {typeof ICONS[number]} IconName */
