// What vendor/qr.js exports, for the type checker; not served.
export { encode } from "uqr";
