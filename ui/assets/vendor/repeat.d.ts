// What vendor/repeat.js exports, for the type checker; not served.
export { repeat } from "lit/directives/repeat.js";
