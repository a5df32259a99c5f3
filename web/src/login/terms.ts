/** That the terms were accepted in this browser, where they are asked for once. */

import { termsUrl } from "../settings.ts";

const TERMS_STORAGE_KEY = "frontdesk.terms";

/** What is kept: terms at another address are others, and asked for anew. */
const ACCEPTED = termsUrl ?? "accepted";

export function loadAcceptance(): boolean {
  try {
    return localStorage.getItem(TERMS_STORAGE_KEY) === ACCEPTED;
  } catch {
    return false;
  }
}

export function keepAcceptance(accepted: boolean): void {
  try {
    if (accepted) localStorage.setItem(TERMS_STORAGE_KEY, ACCEPTED);
    else localStorage.removeItem(TERMS_STORAGE_KEY);
  } catch {
    // A browser without storage asks every time.
  }
}
