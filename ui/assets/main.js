/** Where the page begins. */

import { router } from './lib/router.js';
import { apply } from './lib/theme.js';
import './elements/ods-shell.js';
import './elements/ods-tray.js';
import './elements/ods-drop.js';
import './elements/ods-first-admin.js';

apply();
router.start();
