// What vendor/lit.js exports, for the type checker; not served.
export { LitElement, html, nothing, svg } from "lit";
