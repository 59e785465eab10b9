/** The icon of a kind of package. */

import { icon } from './icon.js';

/** @type {Record<string, import('../lib/icons.js').IconName>} */
const KIND_ICONS = { pkg: 'package', mpkg: 'package', msi: 'package', deb: 'package', rpm: 'package', exe: 'package',
  dmg: 'disc', iso: 'disc', zip: 'file-archive', gz: 'file-archive', xz: 'file-archive', tgz: 'file-archive' };

/** @param {string} kind */
export const kindIcon = (kind) => icon(KIND_ICONS[kind] ?? 'file');
