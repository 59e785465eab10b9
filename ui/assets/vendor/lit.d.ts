// What vendor/lit.js exports, for the type checker; not served.
export * from "lit";
export { Directive, PartType, directive } from "lit/directive.js";
export { AsyncDirective } from "lit/async-directive.js";
export { repeat } from "lit/directives/repeat.js";
export { live } from "lit/directives/live.js";
export { classMap } from "lit/directives/class-map.js";
export { ref, createRef } from "lit/directives/ref.js";
export { guard } from "lit/directives/guard.js";
export { cache } from "lit/directives/cache.js";
export { keyed } from "lit/directives/keyed.js";
export { until } from "lit/directives/until.js";
export { ifDefined } from "lit/directives/if-defined.js";
export { when } from "lit/directives/when.js";
