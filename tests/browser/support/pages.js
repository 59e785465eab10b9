// Every page, with where it is and what tells that it is there.

/** @type {{ name: string, at: string, ready: string }[]} */
export const PAGES = [
  { name: "overview", at: "", ready: ".tile" },
  { name: "packages", at: "packages", ready: "h1" },
  { name: "package", at: "packages/apps/Firefox-142.pkg", ready: ".facts" },
  { name: "uploads", at: "uploads", ready: "h1" },
  { name: "mesh", at: "mesh", ready: "table" },
  { name: "transfers", at: "transfers", ready: "h1" },
  { name: "events", at: "events", ready: ".event" },
  { name: "webhooks", at: "webhooks", ready: ".webhook" },
  { name: "watches", at: "watches", ready: ".watch" },
  { name: "storage", at: "storage", ready: ".tile" },
  { name: "people", at: "people", ready: "table" },
  { name: "settings", at: "settings", ready: ".setting" },
  { name: "api", at: "api", ready: ".operation" },
];
