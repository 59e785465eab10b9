/** The icons that only other pages, dialogs and menus need: `more-icons.svg` holds exactly these. */
export const MORE = /** @type {const} */ ([
  'arrow-down', 'arrow-left', 'arrow-right', 'arrow-up', 'check', 'chevron-down', 'chevron-right', 'chevron-up', 'circle',
  'circle-help', 'code', 'copy', 'disc', 'download', 'ellipsis', 'external-link', 'file', 'file-archive', 'folder', 'gauge',
  'layers', 'link', 'log-out', 'pause', 'pencil', 'play', 'plus', 'qr-code', 'rotate-cw', 'send', 'server', 'skip-forward',
  'square', 'tag', 'tags', 'ticket', 'undo-2', 'user-plus', 'users', 'zap',
]);
