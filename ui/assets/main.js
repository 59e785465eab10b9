/** Where the page begins. */

import { router } from './lib/router.js';
import { apply } from './lib/theme.js';
import { remembersUploads, uploading } from './lib/uploading.js';
import './elements/ods-shell.js';
import './elements/ods-drop.js';

uploading.addEventListener('here', () => void import('./elements/ods-tray.js'));
if (remembersUploads()) void import('./lib/uploads.js');

apply();
router.start();
