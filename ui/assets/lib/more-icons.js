/** The icons that only other pages, dialogs and menus need: `more-icons.svg` holds exactly these. */
export const MORE = /** @type {const} */ ([
  'arrow-down', 'arrow-left', 'arrow-right', 'arrow-up', 'ban', 'check', 'chevron-down', 'chevron-right', 'chevron-up',
  'circle', 'circle-help', 'circle-x', 'code', 'copy', 'disc', 'download', 'ellipsis', 'external-link', 'file', 'file-archive',
  'folder', 'gauge', 'layers', 'link', 'lock', 'log-in', 'log-out', 'moon', 'pause', 'pencil', 'play', 'plus', 'qr-code',
  'rotate-cw', 'send', 'server', 'skip-forward', 'square', 'sun', 'tag', 'tags', 'ticket', 'undo-2', 'user-plus', 'users',
  'zap',
]);
