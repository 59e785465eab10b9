/** Text of the settings page. */

import { many } from '../strings.js';

export const settings = {
  find: 'Find a setting', none: 'No setting has these words', restart: 'Counts from the next start', restartAll: 'Some changes count only from the next start of the node on.',
  node: 'This node', name: 'Name', urls: 'Addresses', urlsHint: 'Where others reach it, one a line; empty: found from where it listens', found: 'found from where it listens', edit: 'Edit', saved: 'Saved', id: 'Id', role: 'Role', version: 'Version', root: 'Mesh', editNode: 'Name and addresses',
  limits: 'Bandwidth between nodes', editLimits: 'Limits', noLimit: 'No limit', down: 'In', up: 'Out', hours: 'Other limits at certain hours', always: 'At all hours', tls: 'Where it listens', tlsColumns: ['Address', 'TLS', 'Certificate good until', 'Offers'], ended: 'ended', endsIn: (/** @type {number} */ days) => `ends in ${many(days, 'day')}`, plain: 'none: nothing is encrypted', selfSigned: 'self-signed; invites carry its pin', certificate: (/** @type {string} */ file) => `certificate${file && ` ${file}`}, read again when it changes`, tlsHint: 'Listeners are changed in the configuration file.',
  policy: 'What this node keeps', policyEdit: 'Policy', policies: { all: 'Every package', selected: 'Packages by path or tag', 'on-demand': 'What clients ask for' }, policyPaths: 'Paths', policyTags: 'Tags', policyBytes: 'At most, in GB', policyBytesHint: 'Beyond it what was used longest ago goes; empty: no bound',
  sources: { flag: 'flag', environment: 'environment', file: 'file', stored: 'set here', default: 'default' }, columns: { value: 'Value', source: 'From' }, change: 'Change', reset: 'Back to the default', resetDone: 'Back to what else decides',
  never: 'Only by flag, environment or file', elsewhere: (/** @type {string} */ place) => `Given by ${place}: change it there`, bounds: (/** @type {number | null} */ low, /** @type {number | null} */ high) => (low === null ? (high === null ? '' : `At most ${high}`) : high === null ? `At least ${low}` : `${low} to ${high}`),
  isDefault: (/** @type {string} */ value) => `Default: ${value}`, empty: 'empty', textsHint: 'One a line', tablesHint: 'As JSON', needsRestart: (/** @type {string} */ value) => `${value} from the next start on`,
};
