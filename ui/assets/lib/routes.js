/**
 * Every page: its address below `/ui/`, its element, and how it is reached. A page's module is loaded when it is first shown.
 * `group` puts it in the navigation; one without is reached from other pages. The first that matches is shown.
 */

import { text } from './strings.js';

/**
 * @typedef {object} Route
 * @property {string} path below `/ui/`; `x/*` is all below x
 * @property {string} tag the page's element
 * @property {() => Promise<unknown>} load
 * @property {string} title
 * @property {import('./icons.js').IconName} icon
 * @property {'main' | 'automation' | 'server'} [group]
 * @property {boolean} [bare] alone, without the frame
 * @property {(facts: import('./counts.js').Counts) => string} [count] what the navigation says beside it
 */

const names = text.nav;

/** @type {Route[]} */
export const ROUTES = [
  { path: '', tag: 'page-overview', load: () => import('../pages/overview.js'), title: names.overview, icon: 'activity', group: 'main' },
  { path: 'uploads', tag: 'page-uploads', load: () => import('../pages/uploads.js'), title: names.uploads, icon: 'upload', group: 'main', count: (facts) => facts.uploads },
  { path: 'welcome', tag: 'page-welcome', load: () => import('../pages/welcome.js'), title: names.welcome, icon: 'zap', bare: true },
];
