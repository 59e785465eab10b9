/** The SharedWorker that holds the one live stream of all tabs: a browser allows a server six connections over HTTP/1.1. */

import { LiveStream } from './live-stream.js';

/** @type {Set<MessagePort>} */
const ports = new Set();
/** @type {LiveStream | null} */
let stream = null;

/** @param {import('./live-stream.js').LiveMessage} message */
function tellAll(message) {
  for (const port of ports) port.postMessage(message);
}

addEventListener('connect', (event) => {
  const [port] = /** @type {MessageEvent} */ (event).ports;
  if (!port) return;
  ports.add(port);
  port.addEventListener('message', ({ data }) => {
    if (data === 'bye') ports.delete(port);
    else if (data === 'retry') stream?.retry();
  });
  port.start();
  stream ??= new LiveStream(tellAll);
  port.postMessage({ kind: 'state', state: stream.state });
});
