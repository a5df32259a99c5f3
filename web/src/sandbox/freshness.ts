/** How old a validation may be to be taken as it is, and when this tab logged in. */

import type { Sandbox } from "../api/calls.ts";

const FRESH_MS = 60_000;
/** How far this browser's clock and the server's may be apart without anybody minding. */
const SKEW_MS = 5_000;
/**
 * The post-login trigger starts within a second or two; after this long nobody waits for it any
 * more.
 */
const TRIGGER_MS = 10_000;

/** In this tab's storage, so that a reload goes on waiting. */
const FRESHNESS_STORAGE_KEY = "frontdesk.logged-in-at";

/** This tab just logged in: the Sandbox is being configured behind it. */
export function noteLogin(at: number): void {
  try {
    sessionStorage.setItem(FRESHNESS_STORAGE_KEY, String(at));
  } catch {
    // A browser without storage shows what the server says, from the start.
  }
}

/**
 * The verdict of that login has come, or nobody waits for it any more: from now on, what the server
 * says holds as it is.
 */
export function noteVerdict(): void {
  try {
    sessionStorage.removeItem(FRESHNESS_STORAGE_KEY);
  } catch {
    // Nothing is kept there.
  }
}

function loggedInAt(): number {
  try {
    return Number(sessionStorage.getItem(FRESHNESS_STORAGE_KEY) ?? Number.NEGATIVE_INFINITY);
  } catch {
    return Number.NEGATIVE_INFINITY;
  }
}

export function isFresh(sandbox: Sandbox, now: number): boolean {
  if (sandbox.validated_at === null) return false;
  return Math.abs(now - Date.parse(sandbox.validated_at)) < FRESH_MS;
}

/**
 * Whether the verdict of the login's own provisioning is still to come: until then an older one
 * would mislead.
 */
export function awaitsTrigger(sandbox: Sandbox, now: number): boolean {
  const since = loggedInAt();
  if (!(now - since <= TRIGGER_MS)) return false;
  return sandbox.validated_at === null || Date.parse(sandbox.validated_at) < since - SKEW_MS;
}
