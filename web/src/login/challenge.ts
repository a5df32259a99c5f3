/**
 * The login challenge between its two steps. Kept for a reload in this tab's storage: the address
 * and the challenge, which opens nothing by itself; never the code.
 */

import type { Challenge } from "../api/calls.ts";
import { secondsFromNow, secondsUntil } from "../ui/use-seconds-left.ts";

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
    const { email, challenge, expiresIn, resendIn } =
      JSON.parse(sessionStorage.getItem(CHALLENGE_STORAGE_KEY) ?? "null") ?? {};
    const texts = typeof email === "string" && typeof challenge === "string";
    return texts && Number.isFinite(expiresIn) && Number.isFinite(resendIn)
      ? {
          email,
          challenge,
          expiresAt: secondsFromNow(expiresIn),
          resendAt: secondsFromNow(resendIn),
        }
      : null;
  } catch {
    return null;
  }
}

/** Keeps what is left of it now: to be kept again when the page goes. */
export function keepPendingLogin(login: PendingLogin | null): void {
  try {
    const kept = login && {
      email: login.email,
      challenge: login.challenge,
      expiresIn: secondsUntil(login.expiresAt),
      resendIn: secondsUntil(login.resendAt),
    };
    if (kept) sessionStorage.setItem(CHALLENGE_STORAGE_KEY, JSON.stringify(kept));
    else sessionStorage.removeItem(CHALLENGE_STORAGE_KEY);
  } catch {
    // A browser without storage only loses the comfort of a reload.
  }
}
