/** What a browser or program calls itself, in a few words: its `User-Agent` is long, and says the same. */

/** The first that is in it: all say that they are the ones below, too. */
const PROGRAMS = [/(Edg)\/(\d+)/, /(OPR)\/(\d+)/, /(Firefox)\/(\d+)/, /(Chrome)\/(\d+)/, /Version\/(\d+).*(Safari)/];
const NAMES = { Edg: 'Edge', OPR: 'Opera' };
const SYSTEMS = { iPhone: 'iOS', iPad: 'iPadOS', Android: 'Android', Windows: 'Windows', 'Mac OS X': 'macOS', CrOS: 'ChromeOS', Linux: 'Linux' };

/** `Chrome 142 on Linux`; of a program that is no browser its own first word. @param {string} said */
export function agentName(said) {
  const found = PROGRAMS.map((program) => program.exec(said)).find((match) => match !== null);
  if (!found) return said.split(' ')[0] ?? said;
  const [name, version] = found.slice(1).sort((a, b) => Number(/^\d/.test(a)) - Number(/^\d/.test(b)));
  const system = Object.entries(SYSTEMS).find(([mark]) => said.includes(mark));
  const browser = `${NAMES[/** @type {keyof typeof NAMES} */ (name)] ?? name} ${version}`;
  return system ? `${browser} on ${system[1]}` : browser;
}
