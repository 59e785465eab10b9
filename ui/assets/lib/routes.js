/**
 * Every page: its address below `/ui/`, its element, and how it is reached. A page's module is loaded when it is first shown.
 * `group` puts it in the navigation; one without is reached from other pages. The first that matches is shown.
 */

import { text, titles } from './strings.js';

/** What the navigation says beside some links. @typedef {{ packages: string, nodes: string, transfers: string, uploads: string }} Counts */

/**
 * @typedef {object} Route
 * @property {string} path below `/ui/`; `x/*` is all below x
 * @property {string} tag the page's element
 * @property {() => Promise<unknown>} load
 * @property {string} title
 * @property {import('./icons.js').IconName} icon
 * @property {'main' | 'automation' | 'server'} [group]
 * @property {boolean} [bare] alone, without the frame
 * @property {boolean} [plain] it needs nothing of more.css
 * @property {keyof Counts} [count] what the navigation says beside it
 */

const names = text.nav;

/** @type {Route[]} */
export const ROUTES = [
  { path: '', tag: 'page-overview', load: () => import('../pages/overview.js'), title: names.overview, icon: 'activity', group: 'main', plain: true },
  { path: 'packages', tag: 'page-packages', load: () => import('../pages/packages.js'), title: names.packages, icon: 'package', group: 'main', count: 'packages' },
  { path: 'packages/*', tag: 'page-package', load: () => import('../pages/package.js'), title: names.package, icon: 'package' },
  { path: 'mesh', tag: 'page-mesh', load: () => import('../pages/mesh.js'), title: titles.mesh, icon: 'network', group: 'main', count: 'nodes' },
  { path: 'transfers', tag: 'page-transfers', load: () => import('../pages/transfers.js'), title: titles.transfers, icon: 'arrow-left-right', group: 'main', count: 'transfers' },
  { path: 'uploads', tag: 'page-uploads', load: () => import('../pages/uploads.js'), title: names.uploads, icon: 'upload', group: 'main', count: 'uploads' },
  { path: 'watches', tag: 'page-watches', load: () => import('../pages/watches.js'), title: titles.watches, icon: 'folder-sync', group: 'automation' },
  { path: 'webhooks', tag: 'page-webhooks', load: () => import('../pages/webhooks.js'), title: titles.webhooks, icon: 'webhook', group: 'automation' },
  { path: 'webhooks/*', tag: 'page-webhook', load: () => import('../pages/webhook.js'), title: titles.webhook, icon: 'webhook' },
  { path: 'events', tag: 'page-events', load: () => import('../pages/events.js'), title: titles.events, icon: 'scroll-text', group: 'automation' },
  { path: 'storage', tag: 'page-storage', load: () => import('../pages/storage.js'), title: titles.storage, icon: 'hard-drive', group: 'server' },
  { path: 'people', tag: 'page-people', load: () => import('../pages/people.js'), title: titles.people, icon: 'key-round', group: 'server' },
  { path: 'settings', tag: 'page-settings', load: () => import('../pages/settings.js'), title: titles.settings, icon: 'settings', group: 'server' },
  { path: 'api', tag: 'page-api', load: () => import('../pages/api.js'), title: titles.api, icon: 'code-xml', group: 'server' },
  { path: 'welcome', tag: 'page-welcome', load: () => import('../pages/welcome.js'), title: names.welcome, icon: 'zap', bare: true },
];
