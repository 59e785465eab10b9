// What vendor/directives.js exports, for the type checker; not served.
export { keyed } from "lit/directives/keyed.js";
export { repeat } from "lit/directives/repeat.js";
