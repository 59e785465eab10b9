/** Text of what the search found. */

export const search = {
  packages: 'Packages', nodes: 'Nodes', pages: 'Pages', nothing: (/** @type {string} */ q) => `Nothing found for “${q}”`,
  allPackages: (/** @type {string} */ q) => `All packages with “${q}”`,
};
