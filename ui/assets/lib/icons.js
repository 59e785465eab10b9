/**
 * The icons that the page uses, by their Lucide names. `icons.svg` holds exactly these; a name that isn't here is a type error.
 */
export const ICONS = /** @type {const} */ ([
  'activity', 'arrow-down', 'arrow-left', 'arrow-left-right', 'arrow-right', 'arrow-up', 'badge-check', 'ban', 'bell',
  'book-open', 'box', 'braces', 'calendar', 'check', 'chevron-down', 'chevron-left', 'chevron-right', 'chevron-up', 'circle',
  'circle-alert', 'circle-check', 'circle-dot', 'circle-help', 'circle-pause', 'circle-x', 'clipboard', 'clock', 'cloud-off',
  'code', 'code-xml', 'copy', 'cpu', 'database', 'disc', 'download', 'ellipsis', 'external-link', 'eye', 'eye-off', 'file',
  'file-archive', 'file-box', 'file-warning', 'filter', 'fingerprint', 'folder', 'folder-sync', 'gauge', 'git-branch',
  'git-compare', 'globe', 'hard-drive', 'hash', 'history', 'hourglass', 'house', 'info', 'key-round', 'layers', 'link',
  'list', 'list-filter', 'loader-circle', 'lock', 'lock-open', 'log-in', 'log-out', 'mail', 'menu', 'minus', 'monitor',
  'moon', 'network', 'package', 'pause', 'pencil', 'play', 'plug', 'plus', 'power', 'qr-code', 'radio', 'refresh-cw',
  'rotate-ccw', 'rotate-cw', 'save', 'scroll-text', 'search', 'send', 'server', 'server-off', 'settings', 'shield',
  'shield-alert', 'shield-check', 'skip-forward', 'sliders-horizontal', 'square', 'square-terminal', 'sun', 'sun-moon',
  'tag', 'tags', 'terminal', 'ticket', 'timer', 'trash-2', 'triangle-alert', 'undo-2', 'unlink', 'unplug', 'upload', 'user',
  'user-plus', 'user-x', 'users', 'waypoints', 'webhook', 'wifi', 'wifi-off', 'x', 'zap',
]);

/** @typedef {typeof ICONS[number]} IconName */
