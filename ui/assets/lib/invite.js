/** What somebody pastes who was invited: the invite alone, or the whole command that the other node's page shows beside it. Pure. */

const INVITE = /ods-invite\d+\.[\w-]+/;

/** The invite in what was pasted; all of that, without blanks around it, if there is none. @param {string} pasted */
export const inviteIn = (pasted) => INVITE.exec(pasted)?.[0] ?? pasted.trim();
