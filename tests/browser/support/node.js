// A real node: the built program, on a data folder and port that outlive it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./wait.js";

/** The program under test. */
export const PROGRAM = process.env.ODS_BIN ?? new URL("../../../target/debug/ods", import.meta.url).pathname;

/** Makes a program's clock be off; undefined where it isn't installed. */
export const FAKETIME = ["x86_64", "aarch64"].map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`).find(existsSync);

/** Every node that was made: what of them is left when the process ends goes with it, however that comes. @type {Set<Node>} */
const made = new Set();
process.on("exit", () => made.forEach((node) => node.vanish()));

/** A port that nobody listens on now. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  server.close();
  await once(server, "close");
  return port;
}

export class Node {
  /** @type {import("node:child_process").ChildProcess | null} */
  #child = null;
  #log = "";
  /** @type {string | null} */
  clock = null;
  /** @type {string | null} the secret of the link that the first start prints */
  setUp = null;

  /** @param {string} name @param {{ arguments?: string[], folder?: string, clock?: string }} [options]
   * folder: has its `data` already; clock: how far its clock is off, as faketime says it */
  static async start(name, { arguments: more = [], folder, clock } = {}) {
    const node = new Node(name, await freePort(), more, folder);
    node.clock = clock ?? null;
    await node.launch();
    return node;
  }

  /** @param {string} name @param {number} port @param {string[]} more @param {string} [folder] */
  constructor(name, port, more, folder) {
    this.name = name;
    this.url = `http://127.0.0.1:${port}`;
    this.folder = folder ?? mkdtempSync(join(tmpdir(), "ods-page-"));
    made.add(this);
    // For who watches it.
    mkdirSync(join(this.folder, "drop"));
    writeFileSync(join(this.folder, "ods.toml"), `[watch]\nroots = [${JSON.stringify(join(this.folder, "drop"))}]\n[gc]\ngrace = "0"\n`);
    this.more = more.map((word) => word.replace("{folder}", this.folder));
  }

  get data() {
    return join(this.folder, "data");
  }

  /** What makes its clock be off. */
  get #clockOff() {
    return this.clock === null ? {} : { LD_PRELOAD: FAKETIME, FAKETIME: this.clock, FAKETIME_DONT_FAKE_MONOTONIC: "1" };
  }

  async launch() {
    const address = this.url.replace("http://", "");
    const words = ["serve", "--json", "--data", this.data, "--listen", address, "--name", this.name, ...this.more];
    const child = spawn(PROGRAM, words, { stdio: ["ignore", "pipe", "pipe"], env: { PATH: process.env.PATH, HOME: this.folder, ...this.#clockOff } });
    this.#child = child;
    child.stderr.on("data", (bytes) => (this.#log = (this.#log + bytes).slice(-20_000)));
    let told = "";
    child.stdout.on("data", (bytes) => (told += bytes));
    await until(`${this.name} serves`, async () => {
      if (child.exitCode !== null) throw new Error(`${this.name} ended: ${this.#log}`);
      return (await fetch(`${this.url}/healthz`).catch(() => null))?.ok;
    });
    await until(`${this.name} told its facts`, () => told.includes("\n"));
    this.setUp ??= JSON.parse(told.split("\n")[0]).set_up;
    this.token = readFileSync(join(this.data, "admin.token"), "utf8").trim();
  }

  /** Ends it: in good order, or at once with SIGKILL. @param {NodeJS.Signals} [signal] */
  async stop(signal = "SIGTERM") {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  /** Ends it and forgets its folder. */
  async end() {
    await this.stop("SIGKILL");
    this.vanish();
  }

  /** The same without waiting, for who ends just now. */
  vanish() {
    made.delete(this);
    this.#child?.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /**
   * Makes a call with the admin token.
   * @param {string} method @param {string} path below /api/v1 @param {unknown} [body] bytes as they are, the rest as JSON
   * @returns {Promise<any>}
   */
  async api(method, path, body) {
    const raw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const headers = { authorization: `Bearer ${this.token}`, ...(raw ? {} : { "content-type": "application/json" }) };
    const sent = raw ? body : JSON.stringify(body);
    const answer = await fetch(`${this.url}/api/v1${path}`, { method, headers, body: /** @type {any} */ (sent) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /** Publishes a package. @param {string} path @param {string | Uint8Array} bytes @param {string} [query] */
  put(path, bytes, query = "") {
    return this.api("PUT", `/packages/${path.split("/").map(encodeURIComponent).join("/")}${query}`, bytes);
  }

  /** Lets `other` join this node's mesh. @param {Node} other @param {string} [role] */
  async pair(other, role = "publisher") {
    const { invite } = await this.api("POST", "/invites", { role, prefixes: [], expires_in_s: 3600 });
    return other.api("POST", "/peers", { invite });
  }
}

/** Ends every node, and forgets the folders of those that were stopped, too. */
export async function endNodes() {
  await Promise.all([...made].map((node) => node.end()));
}
