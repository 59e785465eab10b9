/** Where the page begins. */

import './elements/drop.js';
import { router } from './lib/router.js';
import { Problem } from './lib/problem.js';
import { session } from './lib/session.js';
import { toastProblem } from './lib/toast.js';
import { eventually } from './lib/update.js';
import { remembersUploads, uploading } from './lib/uploading.js';
import './elements/ods-shell.js';

// That only a reload helps is said below.
uploading.addEventListener('here', () => void eventually(() => import('./elements/ods-tray.js')));
session.addEventListener('change', () => session.identity && remembersUploads() && void eventually(() => import('./lib/uploads.js')));

// What was refused where nobody waited for the answer is said all the same; anything else is a fault of the page, and stays one.
addEventListener('unhandledrejection', (event) => {
  if (!(event.reason instanceof Problem)) return;
  event.preventDefault();
  toastProblem(event.reason);
});

router.start();
