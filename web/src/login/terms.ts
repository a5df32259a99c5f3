/** That the terms were accepted in this browser, where they are asked for once. */

const TERMS_STORAGE_KEY = "frontdesk.terms";

/** Terms at another address are others, and asked for anew. */
export function isAccepted(termsUrl: string | null): boolean {
  try {
    return localStorage.getItem(TERMS_STORAGE_KEY) === name(termsUrl);
  } catch {
    return false;
  }
}

export function keepAcceptance(accepted: boolean, termsUrl: string | null): void {
  try {
    if (accepted) localStorage.setItem(TERMS_STORAGE_KEY, name(termsUrl));
    else localStorage.removeItem(TERMS_STORAGE_KEY);
  } catch {
    // A browser without storage asks every time.
  }
}

function name(termsUrl: string | null): string {
  return termsUrl ?? "accepted";
}
