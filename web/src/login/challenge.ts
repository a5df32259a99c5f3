/**
 * The login challenge between its two steps. Kept for a reload in this tab's storage: the address
 * and the challenge, which opens nothing by itself; never the code.
 */

import type { Challenge } from "../api/calls.ts";

export interface PendingLogin {
  email: string;
  challenge: string;
  /**
   * Times of this browser's clock, in milliseconds: the answer tells durations, so that clocks need
   * not agree.
   */
  expiresAt: number;
  resendAt: number;
}

const CHALLENGE_STORAGE_KEY = "frontdesk.login";

export function pendingLogin(email: string, answer: Challenge): PendingLogin {
  const now = Date.now();
  return {
    email,
    challenge: answer.challenge,
    expiresAt: now + answer.expires_in * 1000,
    resendAt: now + answer.resend_after * 1000,
  };
}

export function loadPendingLogin(): PendingLogin | null {
  try {
    const { email, challenge, expiresAt, resendAt } =
      JSON.parse(sessionStorage.getItem(CHALLENGE_STORAGE_KEY) ?? "null") ?? {};
    const texts = typeof email === "string" && typeof challenge === "string";
    return texts && Number.isFinite(expiresAt) && Number.isFinite(resendAt)
      ? { email, challenge, expiresAt, resendAt }
      : null;
  } catch {
    return null;
  }
}

export function keepPendingLogin(login: PendingLogin | null): void {
  try {
    if (login) sessionStorage.setItem(CHALLENGE_STORAGE_KEY, JSON.stringify(login));
    else sessionStorage.removeItem(CHALLENGE_STORAGE_KEY);
  } catch {
    // A browser without storage only loses the comfort of a reload.
  }
}
