/**
 * The link of an invitation that this tab was opened by. Kept in the tab's storage and taken out of
 * the address, so that it is in no history and nobody reads it over a shoulder; it opens nothing.
 */

const INVITATION_STORAGE_KEY = "frontdesk.invitation";
const MARK = "#invitation=";

let taken: string | null = null;

/** Takes the link out of the address, if there is one, and gives the one that is known. */
export function takeInvitation(): string | null {
  if (location.hash.startsWith(MARK)) {
    // Its characters stand for themselves: letters, digits, `_`, `-` and `.`.
    keepInvitation(location.hash.slice(MARK.length) || null);
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  return loadInvitation();
}

export function loadInvitation(): string | null {
  try {
    return sessionStorage.getItem(INVITATION_STORAGE_KEY) ?? taken;
  } catch {
    return taken;
  }
}

export function keepInvitation(invitation: string | null): void {
  taken = invitation;
  try {
    if (invitation) sessionStorage.setItem(INVITATION_STORAGE_KEY, invitation);
    else sessionStorage.removeItem(INVITATION_STORAGE_KEY);
  } catch {
    // A browser without storage only forgets it by a reload.
  }
}
