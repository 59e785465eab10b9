/** Files dropped anywhere on the page: a dialog asks what they become. What says so while they are dragged comes when some are. */

import { offerUpload } from './upload-button.js';
import { session } from '../lib/session.js';
import { toast } from '../lib/toast.js';
import { lazy } from '../lib/update.js';

const sign = lazy(() => import('./ods-drop.js'));

document.addEventListener('dragover', takes);

// Where it can't be had, the node is away: that is said of what is dropped.
document.addEventListener('dragenter', (event) => takes(event) && sign().catch(() => undefined));

document.addEventListener('drop', (event) => {
  const dropped = takes(event);
  if (!dropped) return undefined;
  const refusal = session.refusal('begin_upload');
  if (refusal) return toast(refusal, { kind: 'bad' });
  // They are gone after the first await, so they are taken at once.
  return offerUpload([...dropped.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => !!entry), [...dropped.files]);
});

/** The files of a drag, which the browser would open otherwise; null: it has none, or nobody is signed in. @param {DragEvent} event */
function takes(event) {
  const files = event.dataTransfer;
  if (!files?.types.includes('Files') || !session.identity) return null;
  event.preventDefault();
  files.dropEffect = session.refusal('begin_upload') ? 'none' : 'copy';
  return files;
}
