/** Making the first admin, naming the node, joining a mesh or starting one. */
export const firstRun = {
  title: 'Welcome', body: 'This node is new. Make the first person who may administer it.',
  name: 'Your name', password: 'Password', hint: 'At least 10 characters', repeat: 'Password again', differ: 'The two passwords differ',
  make: 'Make the first admin', spent: 'This link was used already, or is older than a day.', signInInstead: 'Sign in', spentMore: 'Nobody can? A new link is made on the node’s machine, while there is nobody yet:',
  nodeTitle: 'Name this node', nodeBody: 'Others see it in the mesh, in events and beside each package it published.', nodeName: 'Node name', next: 'Next',
  meshTitle: 'One node or many?', meshBody: 'Nodes of a mesh hold the same packages. You can do this later, too.',
  start: 'Start a mesh here', startBody: 'This is the first node. Others join with a line from its Mesh page.',
  join: 'Join a mesh', joinBody: 'Paste the line that “Invite a node” gave on another node.', invite: 'Invite', joining: 'Joining…', joinButton: 'Join',
  joined: (/** @type {string} */ name) => `Joined ${name}. Packages are coming in.`, step: (/** @type {number} */ n) => `Step ${n} of 3`,
};
