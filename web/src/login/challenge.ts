/**
 * The login challenge between its two steps. Kept for a reload in this tab's storage: the address
 * and the challenge, which opens nothing by itself; never the code.
 */

import type { Challenge } from "../api/calls.ts";
import { secondsFromNow } from "../ui/use-seconds-left.ts";

export interface PendingLogin {
  email: string;
  challenge: string;
  /**
   * Deadlines of `useSecondsLeft`. The answer tells durations: they begin with its arrival, so that
   * no clock has to agree with another.
   */
  expiresAt: number;
  resendAt: number;
}

const CHALLENGE_STORAGE_KEY = "frontdesk.login";

export function pendingLogin(email: string, answer: Challenge): PendingLogin {
  return {
    email,
    challenge: answer.challenge,
    expiresAt: secondsFromNow(answer.expires_in),
    resendAt: secondsFromNow(answer.resend_after),
  };
}

/**
 * What was kept. How long nobody was here is not counted, for no clock of this browser can be
 * trusted to tell: so the boxes stay open too long rather than too short, and the server says when
 * a code is over.
 */
export function loadPendingLogin(): PendingLogin | null {
  try {
    const { keptAt, ...login } = JSON.parse(sessionStorage.getItem(CHALLENGE_STORAGE_KEY) ?? "");
    // Each page counts from its own beginning.
    const shift = performance.now() - keptAt;
    login.expiresAt += shift;
    login.resendAt += shift;
    return Number.isFinite(login.expiresAt + login.resendAt) ? login : null;
  } catch {
    return null;
  }
}

/** To be kept again when the page goes: time is counted until then. */
export function keepPendingLogin(login: PendingLogin | null): void {
  try {
    const kept = login && JSON.stringify({ ...login, keptAt: performance.now() });
    if (kept) sessionStorage.setItem(CHALLENGE_STORAGE_KEY, kept);
    else sessionStorage.removeItem(CHALLENGE_STORAGE_KEY);
  } catch {
    // A browser without storage only loses the comfort of a reload.
  }
}
