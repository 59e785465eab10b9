// Many packages fast: all of the same bytes, published under their paths over a few kept connections.

import { Agent, request } from "node:http";

const AT_ONCE = 256;

/**
 * How many were published: fewer than `count` on a machine that doesn't make them within the time.
 * @param {import("./node.js").Node} node
 * @param {number} count
 * @param {(index: number) => string} pathOf
 * @param {number} withinMs
 */
export async function fill(node, count, pathOf, withinMs) {
  const end = Date.now() + withinMs;
  const { package: first } = await node.put(pathOf(0), "the same bytes");
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });
  let next = 1;
  const author = async () => {
    while (next < count && Date.now() < end) await publish(node, agent, pathOf(next++), first.revision);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, author));
  agent.destroy();
  return next;
}

/**
 * @param {import("./node.js").Node} node
 * @param {Agent} agent
 * @param {string} path
 * @param {string} from
 */
function publish(node, agent, path, from) {
  const encoded = path.split("/").map(encodeURIComponent).join("/");
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${node.token}`, "content-length": "0" };
    const sent = request(`${node.url}/api/v1/packages/${encoded}?from=${from}`, { method: "PUT", agent, headers }, (answer) => {
      answer.resume();
      answer.on("end", () => (answer.statusCode === 201 ? resolve(undefined) : reject(new Error(`${path}: ${answer.statusCode}`))));
    });
    sent.on("error", reject);
    sent.end();
  });
}
